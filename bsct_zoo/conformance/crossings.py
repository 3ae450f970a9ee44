"""Atoms on either side of the cut-off: light, organic and heavy pairs, and an atom that leaves a cluster.

How much a missing envelope shows depends on the elements: a bare cut-off at 6 Å may be a step of 1e-6 eV for hydrogen
and of 0.1 eV for caesium.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from bsct_zoo.conformance.answers import Floats, ask, largest
from bsct_zoo.potentials.potential import Potential

_STEPS = np.array([-3e-4, -1e-4, 1e-4, 3e-4])  # Å past the cut-off; two frames on a side are continued to it
_MIXED = (1, 6, 7, 8, 9, 16, 17, 29, 55, 79)  # every pair of these that the model knows; of all others each with itself
_WAY = np.array([0.36, 0.48, 0.80])  # of the atom that leaves; along no bond


@dataclass(frozen=True)
class Crossing:
    """An atom that comes out of the cut-off of another one, in a frame for each of ``_STEPS``; ``name`` is of both."""

    name: str
    frames: tuple[Atoms, ...]


def pairs(elements: frozenset[int], radius: float) -> list[Crossing]:
    """Two atoms: each element with itself, common and extreme ones with each other."""
    ends = {min(elements), max(elements)}
    mixed = sorted(ends | (elements & set(_MIXED)))
    chosen = dict.fromkeys([*((z, z) for z in sorted(elements)), *combinations_with_replacement(mixed, 2)])
    return [
        Crossing(
            f"{chemical_symbols[a]}-{chemical_symbols[b]}",
            tuple(Atoms([a, b], [[0, 0, 0], [0, radius + by, 0]]) for by in _STEPS),
        )
        for a, b in chosen
    ]


def leaving(cluster: Atoms, radius: float) -> Iterator[Crossing]:
    """An atom of each element of ``cluster`` on its way out, as it leaves the reach of every atom there."""
    x = cluster.positions - cluster.positions.mean(axis=0)
    along, far = x @ _WAY, np.linalg.norm(x, axis=1)
    root = radius**2 - far**2 + along**2  # of |t way - x| = radius for the way t
    for z in np.unique(cluster.numbers).tolist():
        for i in np.flatnonzero(root > 0).tolist():
            t = float(along[i] + np.sqrt(root[i]))
            ends = [(t + by) * _WAY for by in _STEPS]
            if min(np.linalg.norm(ends[0] - one) for one in x) < 1.5:
                continue  # still in the middle of it
            frames = tuple(Atoms([*cluster.numbers, z], [*x, end]) for end in ends)
            owner = chemical_symbols[cluster.numbers[i]]
            yield Crossing(f"{chemical_symbols[z]} that leaves {owner} of {cluster.get_chemical_formula()}", frames)


def steps(potential: Potential, crossings: Sequence[Crossing]) -> list[tuple[Crossing, float, float]]:
    """The step of the energy in eV and the largest of a force in eV/Å at each crossing."""
    answers = iter(ask(potential, [atoms for crossing in crossings for atoms in crossing.frames]))
    found = []
    for crossing in crossings:
        four = [next(answers) for _ in crossing.frames]
        energy = abs(_step(np.array([one.energy for one in four])))
        found.append((crossing, float(energy), largest(_step(np.array([one.forces for one in four])))))
    return found


def _step(values: Floats) -> Floats:
    """What is between the straight lines through ``values`` [4, ...] on both sides, continued to the middle."""
    inside = 1.5 * values[1] - 0.5 * values[0]
    outside = 1.5 * values[2] - 0.5 * values[3]
    step: Floats = outside - inside
    return step
