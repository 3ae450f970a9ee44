"""Training: data, loss, schedules, smoothness in the loop, making frames."""
