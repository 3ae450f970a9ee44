"""Select a model, correlate metrics, compare with a baseline."""
