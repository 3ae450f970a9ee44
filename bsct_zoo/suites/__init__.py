"""Suites of scans: frames, files, imports, and building new ones."""
