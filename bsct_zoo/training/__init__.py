"""Training alike: the same data, splits, reference energies, loss and budget for every family."""
