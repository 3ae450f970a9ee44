"""Structures: batches, reading and writing, neighbours, bonds, elements."""
