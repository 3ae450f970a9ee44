"""What a model says of two atoms and of a crystal before it is believed: forces against energy, lattice against itself.

Measured when it is loaded, whatever version of whatever package it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from ase import Atoms

from bsct_zoo.conformance.answers import ask
from bsct_zoo.conformance.gradients import force_components
from bsct_zoo.potentials.potential import Potential

_USUAL = (6, 8, 1, 14, 29, 18)  # atomic numbers that a model is asked for first
_LENGTHS = (0.8, 1.6, 2.4)  # Å, one of which is within the reach of any pair potential
_CELL = np.array([[3.1, 0.0, 0.0], [0.9, 3.3, 0.0], [-0.4, 0.7, 3.6]])  # Å, leaning, so that rows are not columns
_SAME_LATTICE = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]])
# Gross faults alone are looked for; `bsct-zoo check` has limits that suit the model's precision.
_RELATIVE = 0.1


def wrong_forces(potential: Potential) -> str:
    """By how much forces on a pair of atoms are not minus the gradient of its energy; empty if they are.

    Empty too where the model has no answer for any pair: it may not know the elements.
    """
    for pair in _pairs(potential):
        with suppress(Exception):  # whatever a stranger's model raises for two atoms is told when it matters
            found, expected, doubt = force_components(potential, pair)
            deviation = float(np.abs(found - expected).max())
            largest = float(np.abs(expected).max())
            if deviation > 0.01 + _RELATIVE * largest + 3 * doubt:
                length = pair.get_distance(0, 1)
                times = float(found @ expected / (expected @ expected)) if largest > 0 else float("inf")
                return (
                    f"on two {pair.symbols[0]} atoms {length:g} Å apart the force is {times:.3g} times the slope of "
                    f"the energy ({np.abs(found).max():.3g} and {largest:.3g} eV/Å)"
                )
    return ""


def wrong_lattice(potential: Potential) -> str:
    """By how much the energy of a crystal changes with the cell that it is described in; empty if it does not.

    Empty too where the model has no answer for a crystal.
    """
    for pair in _pairs(potential, (1.6,)):
        crystal = Atoms(pair.numbers, scaled_positions=[[0, 0, 0], [0.4, 0.55, 0.45]], cell=_CELL, pbc=True)
        other = Atoms(pair.numbers, crystal.positions, cell=_SAME_LATTICE @ _CELL, pbc=True)
        with suppress(Exception):
            one, two = ask(potential, [crystal, other])
            change = abs(one.energy - two.energy)
            if change > 1e-3 * (1.0 + float(np.abs(one.forces).max())):
                return f"the energy of a crystal changes by {change:.3g} eV when its lattice is given by other vectors"
    return ""


def _pairs(potential: Potential, lengths: tuple[float, ...] = _LENGTHS) -> Iterator[Atoms]:
    """Pairs of atoms of one element that the model has an answer for."""
    known = potential.info.elements
    candidates = _USUAL if known is None else sorted(known, key=lambda z: (z not in _USUAL, z))[:2]
    for number in candidates:
        pairs = [Atoms([number] * 2, [[0, 0, 0], [0.36 * d, 0.48 * d, 0.8 * d]]) for d in lengths]
        with suppress(Exception):
            if all(np.isfinite(answer.energy) for answer in ask(potential, pairs)):
                yield from pairs
                return
