"""New third-party packages: an adapter, a suite or a check that works before its author has changed a line."""
