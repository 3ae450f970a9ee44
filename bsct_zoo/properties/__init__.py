"""Structures, frequencies, elasticity and phonons of molecules and crystals.

What is measured of a model is kept apart from how it compares: ``measure`` makes numbers with one potential, ``judge``
holds them against those that the same code made with the reference.
"""
