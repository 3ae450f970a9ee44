"""Positions of a scan as small whole numbers, which compress: from frame to frame a scan moves on by almost the same.

Pure functions of arrays; nothing is lost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNITS = 10**8  # of a position, per Å: scans are built with eight digits
_FARTHEST = 1e6  # Å, whose whole numbers and their differences a float64 still holds


def to_steps(positions: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """Second differences along the scan of ``positions`` [n_frames, n_atoms, 3] Å, in 1e-8 Å.

    The first two frames hold the position and the first difference. None where the positions have more digits.
    """
    if not (np.abs(positions) < _FARTHEST).all():
        return None
    whole = np.rint(positions * UNITS)
    if not np.array_equal(whole / UNITS, positions):
        return None
    steps = whole.astype(np.int64)
    for order in (1, 2):
        steps[order:] = np.diff(steps[order - 1 :], axis=0)
    return steps


def from_steps(steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Positions [n_frames, n_atoms, 3] Å of the ``steps`` that `to_steps` gave, to the last bit."""
    whole = steps.copy()
    for order in (2, 1):
        whole[order - 1 :] = np.cumsum(whole[order - 1 :], axis=0)
    return whole / UNITS
