"""Whether a crystal is cubic along x, y and z, so that three elastic constants are all there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_THREEFOLD = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])  # about the diagonal of the cube
_TWOFOLD = np.diag([-1.0, -1.0, 1.0])  # about z; the two make the smallest cubic group, 23


def is_cubic(
    numbers: NDArray[np.int64], positions: NDArray[np.float64], cell: NDArray[np.float64], tolerance: float = 1e-3
) -> bool:
    """Whether both generators of the cubic group 23 carry the crystal into itself, up to a translation.

    Args:
        numbers: [n] atomic numbers.
        positions: [n, 3] Å.
        cell: [3, 3] Å, rows are lattice vectors.
        tolerance: Å that an atom may be off.
    """
    inverse = np.asarray(np.linalg.inv(cell), dtype=np.float64)
    return all(_maps(turn, numbers, positions, cell, inverse, tolerance) for turn in (_THREEFOLD, _TWOFOLD))


def _maps(
    turn: NDArray[np.float64],
    numbers: NDArray[np.int64],
    positions: NDArray[np.float64],
    cell: NDArray[np.float64],
    inverse: NDArray[np.float64],
    tolerance: float,
) -> bool:
    if _off_lattice(cell @ turn, cell, inverse).max() > tolerance:
        return False
    rarest = min(set(numbers.tolist()), key=lambda z: (numbers == z).sum())
    mates = positions[numbers == rarest]
    turned = positions @ turn
    for shift in mates - mates[0] @ turn:
        gaps = (turned + shift)[:, None] - positions[None]  # [n, n, 3]
        near = _off_lattice(gaps, cell, inverse) < tolerance
        if (near & (numbers[:, None] == numbers)).any(1).all():
            return True
    return False


def _off_lattice(
    vectors: NDArray[np.float64], cell: NDArray[np.float64], inverse: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Å from each vector [..., 3] to the nearest lattice vector, as rounding finds it."""
    fractions = vectors @ inverse
    return np.asarray(np.linalg.norm((fractions - np.round(fractions)) @ cell, axis=-1))
