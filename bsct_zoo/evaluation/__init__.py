"""A task put to a model: the engine, the store, the events, the results."""
