"""Metrics: pure functions of arrays, each with its meaning and source."""
