"""Rigid motions of a system: translations and rotations, and those that constraints leave. Pure functions of arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LINEAR = 1e-4  # smallest over largest moment of inertia below which a molecule has two rotations only
_HELD = 1e-8  # a motion that moves what is held by less than this does not


def rigid_motions(positions: ArrayLike, masses: ArrayLike) -> NDArray[np.float64]:
    """[k, 3 n] mass-weighted, orthonormal: translations and rotations; k is 6, 5 if linear, 3 for one atom."""
    x, m = np.asarray(positions, dtype=np.float64), np.asarray(masses, dtype=np.float64)
    x = x - m @ x / m.sum()
    root = np.sqrt(m)[:, None]
    moments, axes = np.linalg.eigh((m[:, None] * x).T @ x)
    inertia = moments.sum() - moments  # about the same axes
    turning = axes.T[inertia > _LINEAR * inertia.max()] if inertia.max() > 0 else axes.T[:0]
    motions = [(root * np.ones_like(x) * axis).ravel() for axis in np.eye(3)]
    motions += [(root * np.cross(axis, x)).ravel() for axis in turning]
    return np.array([motion / np.linalg.norm(motion) for motion in motions])


def unheld(motions: NDArray[np.float64], free: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[l, 3 n] orthonormal combinations of ``motions`` [k, 3 n] that move no coordinate outside ``free`` [3 n]."""
    if free.all():
        return motions
    _, sizes, rows = np.linalg.svd(motions[:, ~free].T, full_matrices=True)
    rank = int((sizes > _HELD).sum())
    return np.asarray(rows[rank:] @ motions)
