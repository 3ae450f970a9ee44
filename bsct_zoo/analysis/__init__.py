"""What follows from results: choosing, gating, correlating."""
