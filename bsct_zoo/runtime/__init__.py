"""Where a model runs: in this interpreter, or as a worker in an environment of its own."""
