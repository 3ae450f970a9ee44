"""Which mode of one surface is which mode of another. Pure functions of arrays."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation


def rotation_onto(positions: ArrayLike, reference: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """[3, 3] proper rotation R for which centred ``positions`` @ R lie nearest to centred ``reference``.

    Source: Kabsch, Acta Cryst. A 32, 922 (1976). ``weights`` [n] are masses, or ones.
    """
    x, y, w = (np.asarray(a, dtype=np.float64) for a in (positions, reference, weights))
    x, y = x - w @ x / w.sum(), y - w @ y / w.sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a linear molecule any turn about its axis will do
        rotation, _ = Rotation.align_vectors(x, y, weights=w)
    return np.asarray(rotation.as_matrix())


def distance(positions: ArrayLike, reference: ArrayLike) -> float:
    """Å, root mean square over atoms of what is left between two structures [n, 3] laid upon each other."""
    x, y = np.asarray(positions, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    ones = np.ones(len(x))
    gap = (x - x.mean(0)) @ rotation_onto(x, y, ones) - (y - y.mean(0))
    return float(np.sqrt((gap**2).sum(1).mean()))


def matched(
    modes: ArrayLike, reference: ArrayLike, rotation: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each mode the number of its reference mode, and the squared overlap of the two.

    The assignment is the one to one that makes the sum of squared overlaps largest, so modes of nearly the same
    frequency that swapped places find each other.

    Args:
        modes: [k, n, 3] mass-weighted, orthonormal.
        reference: [l, n, 3] the same on the reference surface.
        rotation: [3, 3] that lays the first structure upon the second (``rotation_onto``).

    Returns:
        ``partner`` [k] (-1 where the reference has fewer modes) and ``overlap`` [k] between 0 and 1.
    """
    a = np.asarray(modes, dtype=np.float64) @ np.asarray(rotation, dtype=np.float64)
    b = np.asarray(reference, dtype=np.float64)
    squared = (a.reshape(len(a), -1) @ b.reshape(len(b), -1).T) ** 2
    mine, theirs = linear_sum_assignment(-squared)
    partner, overlap = np.full(len(a), -1, dtype=np.int64), np.zeros(len(a))
    partner[mine], overlap[mine] = theirs, squared[mine, theirs]
    return partner, overlap
