"""How a user names a model; its weights, their trust and download, and its identity."""
