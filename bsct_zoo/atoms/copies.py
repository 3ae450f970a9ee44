"""Copies of ASE's systems that differ from the original in one respect."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from numpy.typing import NDArray


def moved(atoms: Atoms, positions: NDArray[np.float64]) -> Atoms:
    """A copy at ``positions`` [n, 3] Å."""
    copy: Atoms = atoms.copy()
    copy.positions = positions
    return copy


def deformed(atoms: Atoms, matrix: NDArray[np.float64]) -> Atoms:
    """A copy whose lattice vectors and atoms are multiplied by ``matrix`` [3, 3] from the right."""
    copy: Atoms = atoms.copy()
    copy.set_cell(atoms.cell.array @ matrix, scale_atoms=True)
    return copy


def in_cell(atoms: Atoms, cell: NDArray[np.float64]) -> Atoms:
    """A copy with atoms at the same positions in ``cell`` [3, 3] Å."""
    copy: Atoms = atoms.copy()
    copy.cell = cell
    return copy
