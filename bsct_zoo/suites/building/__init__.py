"""Building suites of one's own."""
