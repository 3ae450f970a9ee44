"""Scans: frames along a coordinate, with a reference where there is one; suites of them; their files."""
