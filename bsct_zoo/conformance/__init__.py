"""What every adapter promises, one small test per property."""
