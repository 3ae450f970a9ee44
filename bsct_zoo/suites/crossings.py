"""What happens among the atoms at a place of a scan: who crosses a cut-off, which neighbours change places."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

_NEAR = 2e-4  # Å, how far a crossing may be from where it was found
_MOVING = 1e-3  # Å of distance per Å of the coordinate, below which two distances go together


def crossing(
    numbers: NDArray[np.int64], positions: NDArray[np.float64], velocity: NDArray[np.float64], cutoff: float | None
) -> str:
    """The first of the events at this place, in words; empty if nothing happens that distances tell.

    Args:
        numbers: [n] atomic numbers.
        positions: [n, 3] Å.
        velocity: [n, 3] their change along the coordinate, Å/Å.
        cutoff: of the model in Å; None where it has none.
    """
    return next(_events(numbers, positions, velocity, cutoff), "")


def _events(
    numbers: NDArray[np.int64], positions: NDArray[np.float64], velocity: NDArray[np.float64], cutoff: float | None
) -> Iterator[str]:
    apart = positions[:, None] - positions[None, :]  # [n, n, 3]
    distance = np.linalg.norm(apart, axis=-1)
    rate = ((velocity[:, None] - velocity[None, :]) * apart).sum(-1) / np.where(distance > 0, distance, 1.0)
    names = [f"{chemical_symbols[z]}{atom + 1}" for atom, z in enumerate(numbers)]
    if cutoff is not None:
        near = np.argwhere(np.triu((np.abs(distance - cutoff) < _NEAR) & (np.abs(rate) > _MOVING), 1))
        for i, j in near:
            yield f"{names[i]}-{names[j]} crosses the cut-off of {cutoff:g} Å"
    for i in range(len(numbers)):
        order = np.argsort(distance[i])
        gap = np.diff(distance[i][order])
        for first in np.flatnonzero(gap < _NEAR):
            j, k = order[first], order[first + 1]
            if i not in (j, k) and abs(rate[i, j] - rate[i, k]) > _MOVING:
                yield f"{names[j]} and {names[k]} change places as neighbours of {names[i]} ({distance[i, j]:.4f} Å)"
