"""Geometry of angle and torsion scans: one side of a molecule rotates rigidly about an axis.

The coordinate is the path length of the fastest rotating atom in Å, radius × angle in radians. Like α of a bond scan,
it is the path of one rigid fragment relative to the other (docs/suites.md explains why).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bsct_zoo.suites.geometry import checked_positions

Floats = NDArray[np.float64]
_NO_REACH = 0.1  # Å: rotating a side whose atoms are all closer to the axis has no effect
_STRAIGHT = 1e-3  # sine of an angle below which three atoms give no plane


def turned(positions: Floats, moving: NDArray[np.bool_], origin: Floats, axis: Floats, angles: Floats) -> Floats:
    """Frames with the ``moving`` atoms rotated about an axis, right-handed, the others at rest.

    ``positions`` [n, 3] Å, ``moving`` [n] bool, ``origin`` [3] Å on the axis, ``axis`` [3] of length one, ``angles``
    [n_frames] in radians. Returns [n_frames, n, 3] Å (the rotation formula of Rodrigues).
    """
    arm = positions[moving] - origin  # [m, 3]
    along = (arm @ axis)[:, None] * axis
    across = arm - along
    cosine, sine = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    frames = np.repeat(positions[None], len(angles), axis=0)
    frames[:, moving] = origin + along + cosine * across + sine * np.cross(axis, across)
    return frames


def radius(positions: Floats, moving: NDArray[np.bool_], origin: Floats, axis: Floats) -> float:
    """Largest distance in Å of a moving atom from the axis; arguments as of ``turned``."""
    return float(np.linalg.norm(np.cross(positions[moving] - origin, axis), axis=1).max(initial=0.0))


def angle_axis(positions: Floats, i: int, j: int, k: int) -> Floats:
    """[3] unit vector through j, at right angles to the plane of i, j, k; rotating k about it opens the angle.

    Three atoms on a line have many such planes; a fixed one is chosen.
    """
    a, b = positions[i] - positions[j], positions[k] - positions[j]
    normal = np.cross(a, b)
    if np.linalg.norm(normal) < _STRAIGHT * np.linalg.norm(a) * np.linalg.norm(b):
        normal = np.cross(a, np.eye(3)[np.abs(a).argmin()])
    return np.asarray(normal / np.linalg.norm(normal))


def angle_scan(
    positions: ArrayLike,
    i: int,
    j: int,
    k: int,
    moving: ArrayLike,
    n_frames: int = 100,
    start: float = 0.6,
    stop: float = 1.5,
) -> tuple[Floats, Floats, float]:
    """Frames of a molecule whose angle i-j-k goes from ``start`` to ``stop`` times its value, at most to 180°.

    ``positions`` [n, 3] Å; ``moving`` [n] bool, the atoms that rotate with k about j. Returns ``coordinate``
    [n_frames], ``radius`` × angle in Å; ``frames`` [n_frames, n, 3] Å; ``radius``, the fastest atom's distance
    from the axis in Å. Raises `ValueError` if atoms coincide, i or j would move, k would not, or the range is empty.
    """
    x, turns = _checked(positions, moving, n_frames, rest=(i, j), move=(k,))
    a, b = x[i] - x[j], x[k] - x[j]
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if not lengths > 0:
        raise ValueError(f"atoms {i}, {j}, {k} coincide: they have no angle")
    now = float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))
    if not 0 < start < stop or start * now >= np.pi:
        raise ValueError(f"an angle scan needs 0 < start < stop and a start below 180°, not {start}, {stop}")
    axis = angle_axis(x, i, j, k)
    reach = radius(x, turns, x[j], axis)
    if reach < _NO_REACH:
        raise ValueError(f"angle ({i}, {j}, {k}): no atom moves when its side rotates")
    angles = np.linspace(start * now, min(stop * now, np.pi), n_frames)
    return reach * angles, turned(x, turns, x[j], axis, angles - now), reach


def torsion_scan(
    positions: ArrayLike, i: int, j: int, k: int, m: int, moving: ArrayLike, n_frames: int = 100
) -> tuple[Floats, Floats, float]:
    """Frames of a molecule whose dihedral i-j-k-m makes a full turn, from -180° to 180°.

    ``positions`` [n, 3] Å; ``moving`` [n] bool, the atoms that rotate with m about the bond j-k. Returns ``coordinate``
    [n_frames], ``radius`` × dihedral in Å (IUPAC's sign); ``frames`` [n_frames, n, 3] Å, the first and the last the
    same; ``radius``, the fastest atom's distance from the axis in Å.
    Raises `ValueError` where i or m is on the axis, i or j would move, m would not, or no atom is off the axis.
    """
    x, turns = _checked(positions, moving, n_frames, rest=(i, j), move=(m,))
    bond = x[k] - x[j]
    if not np.linalg.norm(bond) > 0:
        raise ValueError(f"atoms {j} and {k} coincide: there is no axis to rotate about")
    axis = bond / np.linalg.norm(bond)
    near, far = x[i] - x[j], x[m] - x[k]
    near, far = near - (near @ axis) * axis, far - (far @ axis) * axis
    reach = radius(x, turns, x[j], axis)
    if reach < _NO_REACH or min(np.linalg.norm(near), np.linalg.norm(far)) < _STRAIGHT:
        raise ValueError(f"torsion ({i}, {j}, {k}, {m}) is on a line: nothing rotates")
    now = float(np.arctan2(np.cross(near, far) @ axis, near @ far))
    angles = np.linspace(-np.pi, np.pi, n_frames)
    return reach * angles, turned(x, turns, x[j], axis, angles - now), reach


def _checked(
    positions: ArrayLike, moving: ArrayLike, n_frames: int, rest: tuple[int, ...], move: tuple[int, ...]
) -> tuple[Floats, NDArray[np.bool_]]:
    turns = np.asarray(moving, dtype=bool)
    x = checked_positions(positions, turns, n_frames)
    if turns[list(rest)].any() or not turns[list(move)].all():
        raise ValueError(f"atoms {list(rest)} must rest and {list(move)} must rotate")
    return x, turns
