"""Integrators and relaxation as small functions on frozen states: every system of a batch at once, in float64."""
