"""Suites of a user's own: structures in, scans with a reference out, checked."""
