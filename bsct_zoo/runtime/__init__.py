"""Where a model runs: this interpreter, or a worker in its own environment."""
