"""Integrators, thermostats and relaxation of batches, in float64."""
