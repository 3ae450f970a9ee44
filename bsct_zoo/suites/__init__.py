"""Suites of scans: their frames, their files, and building new ones."""
