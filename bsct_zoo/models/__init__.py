"""How a user names a model; weights, trust, downloads, identity."""
