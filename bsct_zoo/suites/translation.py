"""Geometry of scans that move some atoms rigidly along a straight line: one atom, a plane of a crystal, a dimer."""

from __future__ import annotations

import numpy as np
from ase.data.vdw_alvarez import vdw_radii
from numpy.typing import ArrayLike, NDArray

from bsct_zoo.suites.geometry import checked_positions, checked_range

Floats = NDArray[np.float64]
_UNKNOWN_RADIUS = 2.4  # Å, where Alvarez' table has none
_CONTACT = 0.7


def shift_scan(
    positions: ArrayLike, moving: ArrayLike, direction: ArrayLike, n_frames: int = 100, reach: float = 0.5
) -> tuple[Floats, Floats]:
    """Frames with the ``moving`` atoms shifted from -``reach`` to ``reach`` along ``direction``, the others at rest.

    ``positions`` [n, 3] Å, ``moving`` [n] bool, ``direction`` [3] of any length, ``reach`` in Å. Returns ``coordinate``
    [n_frames], the shift in Å, and ``frames`` [n_frames, n, 3] Å.
    Raises `ValueError` where nothing or everything moves, or there is no direction or range.
    """
    moves = np.asarray(moving, dtype=bool)
    x, u = checked_positions(positions, moves, n_frames), _unit(direction)
    if not moves.any() or moves.all():
        raise ValueError("some atoms must move and some must rest")
    if not reach > 0:
        raise ValueError(f"a scan needs a reach above 0, not {reach}")
    coordinate = np.linspace(-reach, reach, n_frames)
    step = np.where(moves[:, None], u, 0.0)  # [n, 3]
    return coordinate, x + coordinate[:, None, None] * step


def contact(
    first: Floats, first_numbers: ArrayLike, second: Floats, second_numbers: ArrayLike, direction: Floats
) -> tuple[float, float]:
    """How far ``second`` must be shifted along ``direction`` to be in contact with ``first``, and their gap, in Å.

    ``first`` [n, 3] and ``second`` [m, 3] Å; ``direction`` [3] of length one. They are in contact where the first pair
    of atoms comes to 0.7 times the sum of its van der Waals radii (Alvarez, Dalton Trans. 42, 8617 (2013)), which is
    the gap: 2.5 Å for two carbons, nearer than any hydrogen bond or stack is at rest.
    Raises `ValueError` where they pass each other without contact.
    """
    radii = np.where(np.isnan(vdw_radii), _UNKNOWN_RADIUS, vdw_radii)
    gap = _CONTACT * (radii[np.asarray(first_numbers)][:, None] + radii[np.asarray(second_numbers)])  # [n, m]
    apart = second - first[:, None]  # [n, m, 3]
    along = apart @ direction
    left = gap**2 - ((apart**2).sum(-1) - along**2)
    shifts = np.where(left > 0, np.sqrt(np.maximum(left, 0)) - along, -np.inf)
    if not np.isfinite(shifts).any():
        raise ValueError("the two molecules pass each other without contact")
    return float(shifts.max()), float(gap.flat[shifts.argmax()])


def dimer_scan(
    first: ArrayLike,
    first_numbers: ArrayLike,
    second: ArrayLike,
    second_numbers: ArrayLike,
    direction: ArrayLike,
    n_frames: int = 100,
    start: float = 1.0,
    stop: float = 2.0,
) -> tuple[Floats, Floats]:
    """Frames of two rigid molecules whose gap goes from ``start`` to ``stop`` times that of their contact.

    ``first`` [n, 3], ``second`` [m, 3] Å in their relative orientation; ``direction`` [3] from one to the other.
    Returns ``coordinate`` [n_frames], the distance of the two centroids in Å, and ``frames`` [n_frames, n + m, 3] Å
    about the origin; each molecule moves by half of the change. Raises `ValueError` where there is no contact or range.
    """
    a = checked_positions(first, first_numbers, n_frames)
    b = checked_positions(second, second_numbers, n_frames)
    a, b, u = a - a.mean(0), b - b.mean(0), _unit(direction)
    checked_range(start, stop)
    distance, gap = contact(a, first_numbers, b, second_numbers, u)
    coordinate = distance + (np.linspace(start, stop, n_frames) - 1) * gap
    if not coordinate[0] > 0:
        raise ValueError("the two molecules are inside each other at the start of the scan")
    half = 0.5 * coordinate[:, None, None] * u
    return coordinate, np.concatenate([a - half, b + half], axis=1)


def _unit(direction: ArrayLike) -> Floats:
    u = np.asarray(direction, dtype=np.float64)
    length = float(np.linalg.norm(u))
    if u.shape != (3,) or not 0 < length < np.inf:
        raise ValueError("the direction has no length")
    return np.asarray(u / length)
