"""Geometry of strain scans: a crystal whose cell and atoms are deformed together.

The coordinate is the path, in Å, of a nearest neighbour relative to its atom: under isotropic strain it is their
distance, as for a bond. Unlike the path of the fastest atom, it does not depend on the size of the cell.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_SHEAR = 0.2  # to either side
_SHELL = 1.2  # pairs up to this times the shortest distance are nearest neighbours


def nearest_vectors(positions: Floats, cell: Floats) -> Floats:
    """[n_pairs, 3] Å: vectors between nearest neighbours of a crystal, each pair both ways.

    Raises `ValueError` if the cell has no volume.
    """
    volume = abs(float(np.linalg.det(cell)))
    if not volume > 0.1:
        raise ValueError("the crystal has no cell with a volume")
    atoms = Atoms(f"H{len(positions)}", positions=positions, cell=cell, pbc=True)
    # The shortest distance is at most that of a close packing of as many atoms as the cell holds, √2 of the cube root.
    vectors = neighbor_list("D", atoms, 1.2 * 2**0.5 * (volume / len(positions)) ** (1 / 3) + 0.1)
    lengths = np.linalg.norm(vectors, axis=1)
    if not len(lengths) or not lengths.min() > 0:
        raise ValueError("two atoms of the crystal are at the same position")
    return np.asarray(vectors[lengths < _SHELL * lengths.min()])


def strain_scan(
    positions: Floats,
    cell: Floats,
    sheared: bool,
    n_frames: int = 100,
    start: float = 0.8,
    stop: float = 1.3,
) -> tuple[Floats, Floats, Floats]:
    """Frames of a crystal under isotropic strain, or ``sheared``.

    ``positions`` [n, 3] and ``cell`` [3, 3] Å. Isotropic: every length goes from ``start`` to ``stop`` times its
    value. Shear: both off-diagonal elements of the strain in the plane of x and y go from -0.1 to 0.1. Returns
    ``coordinate`` [n_frames] Å, ``frames`` [n_frames, n, 3] Å and ``cells`` [n_frames, 3, 3] Å. The coordinate is the
    distance of nearest neighbours, or under shear the largest shift of a nearest neighbour, with the strain's sign.
    Raises `ValueError` if the crystal or the range is invalid.
    """
    if n_frames < 2 or not 0 < start < stop:
        raise ValueError(f"not a range of strain: {n_frames} frames, {start} to {stop}")
    near = nearest_vectors(positions, cell)
    if not sheared:
        scale = np.linspace(start, stop, n_frames)
        deformation = scale[:, None, None] * np.eye(3)
        coordinate = scale * np.linalg.norm(near, axis=1).min()
    else:
        strain = np.zeros((3, 3))
        strain[0, 1] = strain[1, 0] = 0.5
        amount = np.linspace(-_SHEAR, _SHEAR, n_frames)
        deformation = np.eye(3) + amount[:, None, None] * strain
        coordinate = amount * np.linalg.norm(near @ strain, axis=1).max()
    return coordinate, positions @ deformation, cell @ deformation  # deformations are symmetric
