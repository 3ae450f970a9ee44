"""A third-party package as its author wrote it for bsct-zoo 0.1.0; not to be updated."""
