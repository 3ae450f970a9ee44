"""Structures: batches of them, reading and writing, neighbours, bonds, elements."""
