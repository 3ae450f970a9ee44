"""Metrics: pure functions of arrays. What each means and where it comes from stands with it."""
