"""Initial velocities and their degrees of freedom."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray

_STRAIGHT = 1e-4  # of the largest moment of inertia: below it a molecule has no moment about its axis


def maxwell_boltzmann(atoms: Atoms, temperature: float, seed: int) -> NDArray[np.float64]:
    """[n_atoms, 3] at ``temperature`` in K, in ASE's unit of velocity; the system as a whole translates and rotates."""
    spread = np.sqrt(units.kB * temperature / atoms.get_masses()[:, None])
    velocities: NDArray[np.float64] = np.random.default_rng(seed).normal(size=(len(atoms), 3)) * spread
    return velocities


def at_rest(atoms: Atoms, velocities: NDArray[np.float64]) -> NDArray[np.float64]:
    """``velocities`` [n_atoms, 3] without translation of the system and, for a molecule, without rotation."""
    masses = atoms.get_masses()[:, None]
    velocities = velocities - (masses * velocities).sum(0) / masses.sum()
    if not atoms.pbc.any():
        arms, inertia = _inertia(atoms)
        momentum = (masses * np.cross(arms, velocities)).sum(0)
        # A linear molecule has no moment about its axis, hence the pseudo-inverse.
        velocities -= np.cross(np.linalg.pinv(inertia, rcond=_STRAIGHT) @ momentum, arms)
    return velocities


def thermal_velocities(atoms: Atoms, temperature: float, seed: int) -> NDArray[np.float64]:
    """[n_atoms, 3] Maxwell-Boltzmann at ``temperature`` in K, without translation, molecules without rotation."""
    return at_rest(atoms, maxwell_boltzmann(atoms, temperature, seed))


def internal_dof(atoms: Atoms) -> int:
    """Degrees of freedom of a system at rest: 3n - 6 for a molecule, 3n - 5 for a linear one, 3n - 3 for a crystal."""
    if atoms.pbc.any():
        return max(3 * len(atoms) - 3, 1)
    moments = np.linalg.eigvalsh(_inertia(atoms)[1])
    turning = int((moments > _STRAIGHT * max(moments.max(), 1e-12)).sum())
    return max(3 * len(atoms) - 3 - turning, 1)


def _inertia(atoms: Atoms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Arms [n_atoms, 3] from the centre of mass, and the tensor of inertia [3, 3] about it."""
    masses = atoms.get_masses()[:, None]
    arms = atoms.positions - (masses * atoms.positions).sum(0) / masses.sum()
    squares = (masses[:, 0] * (arms**2).sum(1)).sum()
    inertia: NDArray[np.float64] = squares * np.eye(3) - (masses * arms).T @ arms
    return arms, inertia
