"""Harmonic vibrations of a molecule from forces at displaced positions. Pure functions of arrays.

Source: Wilson, Decius, Cross, "Molecular Vibrations" (1955); the projection as in Miller, Handy, Adams,
J. Chem. Phys. 72, 99 (1980).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import units
from numpy.typing import ArrayLike, NDArray

from bsct_zoo.atoms.rigid import rigid_motions, unheld

# 1/cm of a mode whose mass-weighted force constant is 1 eV/Å²/amu.
WAVENUMBER = float(np.sqrt(units._e / units._amu) * 1e10 / (2 * np.pi * units._c * 100))


@dataclass(frozen=True)
class Vibrations:
    """Normal modes of a molecule.

    Attributes:
        frequencies: [n_modes] 1/cm, ascending; an imaginary one is negative.
        modes: [n_modes, n_atoms, 3] mass-weighted, orthonormal.
        rigid: 1/cm, largest frequency in size among translations and rotations, which would be zero were the
            surface exact in its symmetries, at its minimum, and the differences without error.
    """

    frequencies: NDArray[np.float64]
    modes: NDArray[np.float64]
    rigid: float


def displaced(positions: ArrayLike, step: float, free: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """[6 n, n, 3] Å: every coordinate moved by +``step`` and by -``step``, atom by atom, x before y before z.

    Coordinates outside ``free`` [n, 3] are left out.
    """
    x = np.asarray(positions, dtype=np.float64)
    moves = step * np.eye(x.size).reshape(x.size, *x.shape)
    if free is not None:
        moves = moves[free.ravel()]
    return x + np.stack([moves, -moves], axis=1).reshape(-1, *x.shape)


def hessian_from_forces(forces: ArrayLike, step: float, free: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """[3 n, 3 n] eV/Å², symmetric, from ``forces`` [6 n, n, 3] eV/Å at the positions of ``displaced``.

    Zero for coordinates outside ``free`` [n, 3].
    """
    f = np.asarray(forces, dtype=np.float64)
    f = f.reshape(len(f) // 2, 2, -1)
    rows = (f[:, 1] - f[:, 0]) / (2 * step)
    if free is not None:
        moving = free.ravel().astype(np.float64)
        whole = np.zeros((moving.size, moving.size))
        whole[free.ravel()] = rows * moving
        rows = whole
    return np.asarray(0.5 * (rows + rows.T))


def vibrations(
    hessian: ArrayLike, positions: ArrayLike, masses: ArrayLike, free: NDArray[np.bool_] | None = None
) -> Vibrations:
    """Modes of ``hessian`` [3 n, 3 n] eV/Å² with translations and rotations projected out.

    Under constraints only ``free`` coordinates move, and what is projected out are the rigid motions that are left.

    Args:
        hessian: symmetric.
        positions: [n, 3] Å.
        masses: [n] amu.
        free: [n, 3] what may move; None for all.
    """
    root = np.repeat(np.sqrt(np.asarray(masses, dtype=np.float64)), 3)
    weighted = np.asarray(hessian, dtype=np.float64) / np.outer(root, root)
    rigid = rigid_motions(positions, masses)
    out = rigid
    if free is not None:
        rigid = unheld(rigid, free.ravel())
        out = np.concatenate([rigid, np.eye(free.size)[~free.ravel()]])
    basis = np.linalg.qr(out.T, mode="complete")[0][:, len(out) :]  # [3 n, n_modes], all that is not rigid
    squares, vectors = np.linalg.eigh(basis.T @ weighted @ basis)
    left = wavenumbers(np.linalg.eigvalsh(rigid @ weighted @ rigid.T))
    modes = (basis @ vectors).T.reshape(len(squares), len(root) // 3, 3)
    return Vibrations(wavenumbers(squares), modes, float(np.abs(left).max(initial=0.0)))


def wavenumbers(squares: ArrayLike) -> NDArray[np.float64]:
    """1/cm of mass-weighted force constants in eV/Å²/amu; negative where these are."""
    s = np.asarray(squares, dtype=np.float64)
    return np.asarray(np.sign(s) * np.sqrt(np.abs(s)) * WAVENUMBER)
