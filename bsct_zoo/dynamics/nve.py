"""Microcanonical dynamics by velocity Verlet (Swope et al., J. Chem. Phys. 76, 637 (1982))."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.constraints import free_coordinates
from bsct_zoo.dynamics.state import MDState
from bsct_zoo.dynamics.velocities import thermal_velocities
from bsct_zoo.potentials.isolation import energy_and_forces
from bsct_zoo.potentials.potential import Potential


def nve_init(potential: Potential, systems: Sequence[Atoms], temperature: float, seeds: Sequence[int]) -> MDState:
    """Start at ``temperature`` in K, every system from its own seed, without total momentum or rotation."""
    return started(potential, systems, temperature, seeds, thermal_velocities)


def nve_step(potential: Potential, state: MDState, dt: float) -> MDState:
    """One velocity Verlet step of ``dt`` (ASE's unit of time)."""
    half = state.velocities + 0.5 * dt * state.forces / state.masses[:, None]
    batch = state.batch.with_positions(state.batch.positions + dt * half)
    energy, forces = energy_and_forces(potential, batch)
    forces = forces * state.free
    velocities = half + 0.5 * dt * forces / state.masses[:, None]
    return replace(state, batch=batch, velocities=velocities, forces=forces, energy=energy, count=state.count + 1)


def started(
    potential: Potential,
    systems: Sequence[Atoms],
    temperature: float,
    seeds: Sequence[int],
    velocities_of: Callable[[Atoms, float, int], NDArray[np.float64]],
) -> MDState:
    """The state at time zero, with velocities [n_atoms, 3] of each system from ``velocities_of``.

    Coordinates that a constraint holds have neither velocity nor force.
    """
    drawn = [velocities_of(atoms, temperature, seed) for atoms, seed in zip(systems, seeds, strict=True)]
    batch = AtomsBatch.from_atoms(list(systems))
    energy, forces = energy_and_forces(potential, batch)
    free = free_of(systems)
    return MDState(
        batch=batch,
        velocities=torch.tensor(np.concatenate(drawn)),
        forces=forces * free,
        energy=energy,
        masses=torch.tensor(np.concatenate([atoms.get_masses() for atoms in systems])),
        thermostat_work=torch.zeros(len(systems), dtype=torch.float64),
        seeds=torch.tensor(list(seeds), dtype=torch.int64),
        free=free,
    )


def free_of(systems: Sequence[Atoms]) -> Tensor:
    """[n_atoms, 3] float64: one where a coordinate may move, zero where a constraint of its system holds it.

    Raises:
        BadInputError: a constraint cannot be honoured.
    """
    return torch.tensor(np.concatenate([free_coordinates(atoms) for atoms in systems]), dtype=torch.float64)
