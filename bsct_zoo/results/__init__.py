"""Results: what a comparison found, how it is kept, and the run that makes it."""
