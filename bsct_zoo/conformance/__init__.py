"""What every adapter promises, tried on a model: one small function a property, one finding each."""
