"""Geometry of a bond scan: cut a molecule at a bond, and move its two halves.

Pure functions of arrays. Source of the construction: Liu, Qu, Kreiman, Blau, Krishnapriyan,
arXiv:2602.04861 (Bond Smoothness Characterization Test).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from ase.data import covalent_radii
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import connected_components


def fragments(n_atoms: int, bonds: Iterable[tuple[int, int]], i: int, j: int) -> NDArray[np.int64]:
    """Say which side of the bond (i, j) each atom is on.

    `bonds` lists the pairs of bonded atoms of the whole system, (i, j) among them. Returns `labels`
    [n_atoms] int: 0 for the atoms still connected to i once the bond is cut, 1 for those connected to j.
    Raises `ValueError` where the cut does not leave exactly these two fragments: the bond is in a ring,
    it is not in `bonds`, or some atom is bonded to neither side.
    """
    bonded = np.zeros((n_atoms, n_atoms), dtype=bool)
    for a, b in bonds:
        if not (0 <= a < n_atoms and 0 <= b < n_atoms):
            raise ValueError(f"bond ({a}, {b}) names an atom outside 0..{n_atoms - 1}")
        bonded[a, b] = bonded[b, a] = True
    if not (0 <= i < n_atoms and 0 <= j < n_atoms) or i == j or not bonded[i, j]:
        raise ValueError(f"atoms {i} and {j} are not bonded, so there is no bond to cut")
    bonded[i, j] = bonded[j, i] = False
    _, part = connected_components(bonded, directed=False)
    if part[i] == part[j]:
        raise ValueError(f"bond ({i}, {j}) is part of a ring: cutting it leaves one fragment, not two")
    labels = np.select([part == part[i], part == part[j]], [0, 1], -1)
    if (labels < 0).any():
        loose = np.flatnonzero(labels < 0).tolist()
        raise ValueError(f"atoms {loose} are connected to neither side of bond ({i}, {j})")
    return labels


def bond_scan(
    positions: ArrayLike,
    atomic_numbers: ArrayLike,
    i: int,
    j: int,
    labels: ArrayLike,
    n_frames: int = 100,
    start: float = 0.5,
    stop: float = 2.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frames of a molecule whose bond (i, j) is pulled from `start` to `stop` times its covalent length.

    `positions` [n, 3] in Å, `atomic_numbers` [n], `labels` [n] (0 on i's side, 1 on j's, see `fragments`).
    Returns `coordinate` [n_frames], the bond length α in Å, equally spaced between `start` and `stop` times
    r_i + r_j (covalent radii of ASE), and `frames` [n_frames, n, 3] in Å. Both fragments stay rigid; each
    moves by half of the change of α along the unit vector of the bond, so the midpoint of the bond is fixed.
    """
    side, z = np.asarray(labels, dtype=np.int64), np.asarray(atomic_numbers, dtype=np.int64)  # [n]
    x = checked_positions(checked_positions(positions, z, n_frames), side, n_frames)  # [n, 3]
    if not ((side == 0) | (side == 1)).all() or side[i] != 0 or side[j] != 1:
        raise ValueError(f"labels must be 0 or 1, with 0 for atom {i} and 1 for atom {j}")
    checked_range(start, stop)
    bond = x[j] - x[i]  # [3], from i to j
    length = float(np.linalg.norm(bond))
    if not length > 0:
        raise ValueError(f"atoms {i} and {j} coincide: the bond has no direction")

    covalent = float(covalent_radii[z[i]] + covalent_radii[z[j]])
    coordinate = np.linspace(start * covalent, stop * covalent, n_frames)  # [n_frames]
    outwards = np.where(side == 1, 0.5, -0.5)[:, None] * (bond / length)  # [n, 3]
    frames = x + (coordinate - length)[:, None, None] * outwards  # [n_frames, n, 3]
    return coordinate, frames


def checked_positions(positions: ArrayLike, of_atoms: ArrayLike, n_frames: int) -> NDArray[np.float64]:
    """``positions`` [n, 3] Å as numbers; raises `ValueError` where ``of_atoms`` is not [n], or they make no scan."""
    x = np.asarray(positions, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != 3 or np.shape(of_atoms) != x.shape[:1]:
        raise ValueError(f"positions {x.shape} and {np.shape(of_atoms)} are not [n, 3] and [n] of the same atoms")
    if not np.isfinite(x).all():
        raise ValueError("a position is not finite")
    if n_frames < 2:
        raise ValueError(f"a scan needs 2 frames or more, not {n_frames}")
    return x


def checked_range(start: float, stop: float) -> None:
    """Raise `ValueError` where a range of lengths is none."""
    if not 0 < start < stop:
        raise ValueError(f"a scan needs 0 < start < stop, not {start}, {stop}")
