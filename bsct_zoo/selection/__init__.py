"""Choosing by evidence: conditions, intervals, the Pareto front, and what changed against an earlier result."""
