"""Initial velocities and their degrees of freedom."""

from __future__ import annotations

import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray

from bsct_zoo.atoms.constraints import free_coordinates
from bsct_zoo.atoms.rigid import rigid_motions, unheld

_STRAIGHT = 1e-4  # of the largest moment of inertia: below it a molecule has no moment about its axis


def maxwell_boltzmann(atoms: Atoms, temperature: float, seed: int) -> NDArray[np.float64]:
    """[n_atoms, 3] at ``temperature`` in K, in ASE's unit of velocity; the system as a whole moves too.

    What a constraint holds does not move.
    """
    spread = np.sqrt(units.kB * temperature / atoms.get_masses()[:, None])
    velocities: NDArray[np.float64] = np.random.default_rng(seed).normal(size=(len(atoms), 3)) * spread
    return velocities * free_coordinates(atoms) if atoms.constraints else velocities


def at_rest(atoms: Atoms, velocities: NDArray[np.float64]) -> NDArray[np.float64]:
    """``velocities`` [n_atoms, 3] without translation of the system and, for a molecule, without rotation.

    Under constraints: without velocity of what is held, and without the rigid motions that the constraints leave.
    """
    masses = atoms.get_masses()[:, None]
    if atoms.constraints:
        root = np.sqrt(masses)
        free, motions = free_coordinates(atoms), _free_motions(atoms)
        weighted = (root * velocities * free).ravel()
        # The product with ``free`` once more: what is held has exactly no velocity.
        return np.asarray((weighted - motions.T @ (motions @ weighted)).reshape(-1, 3) / root * free)
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
    """Degrees of freedom of a system at rest: 3n - 6 for a molecule, 3n - 5 for a linear one, 3n - 3 for a crystal.

    Under constraints: the coordinates that may move, less the rigid motions that are left.
    """
    if atoms.constraints:
        return max(bath_dof(atoms) - len(_free_motions(atoms)), 1)
    if atoms.pbc.any():
        return max(3 * len(atoms) - 3, 1)
    moments = np.linalg.eigvalsh(_inertia(atoms)[1])
    turning = int((moments > _STRAIGHT * max(moments.max(), 1e-12)).sum())
    return max(3 * len(atoms) - 3 - turning, 1)


def bath_dof(atoms: Atoms) -> int:
    """Degrees of freedom under a thermostat: all coordinates that may move."""
    return max(int(free_coordinates(atoms).sum()), 1)


def _free_motions(atoms: Atoms) -> NDArray[np.float64]:
    """[k, 3 n] mass-weighted, orthonormal: rigid motions of a system that do not move what constraints hold."""
    motions = rigid_motions(atoms.positions, atoms.get_masses())
    if atoms.pbc.any():
        motions = motions[:3]
    return unheld(motions, free_coordinates(atoms).ravel())


def _inertia(atoms: Atoms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Arms [n_atoms, 3] from the centre of mass, and the tensor of inertia [3, 3] about it."""
    masses = atoms.get_masses()[:, None]
    arms = atoms.positions - (masses * atoms.positions).sum(0) / masses.sum()
    squares = (masses[:, 0] * (arms**2).sum(1)).sum()
    inertia: NDArray[np.float64] = squares * np.eye(3) - (masses * arms).T @ arms
    return arms, inertia
