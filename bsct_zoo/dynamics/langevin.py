"""Langevin dynamics by the BAOAB splitting (Leimkuhler and Matthews, J. Chem. Phys. 138, 174102 (2013)).

B is a kick by the forces, A a drift, O the exact solution of friction and noise. Averages over configurations of a
harmonic system are exact at any step that is stable, and elsewhere the error of the splitting is small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from ase import Atoms, units
from torch import Tensor

from bsct_zoo.dynamics.nve import started
from bsct_zoo.dynamics.state import MDState, kinetic_energy
from bsct_zoo.dynamics.velocities import maxwell_boltzmann
from bsct_zoo.potentials.isolation import energy_and_forces
from bsct_zoo.potentials.potential import Potential


def langevin_init(potential: Potential, systems: Sequence[Atoms], temperature: float, seeds: Sequence[int]) -> MDState:
    """Start at ``temperature`` in K, every system from its own seed, in all degrees of freedom that are not held."""
    return started(potential, systems, temperature, seeds, maxwell_boltzmann)


def langevin_step(potential: Potential, state: MDState, dt: float, temperature: float, friction: float) -> MDState:
    """One step with a thermostat at ``temperature`` K; ``dt`` in ASE's unit of time, ``friction`` in its inverse."""
    masses = state.masses[:, None]
    decay = math.exp(-friction * dt)
    velocities = state.velocities + 0.5 * dt * state.forces / masses
    positions = state.batch.positions + 0.5 * dt * velocities
    before = kinetic_energy(state.batch, state.masses, velocities)
    kick = torch.sqrt((1 - decay**2) * units.kB * temperature / masses) * noise(state)
    velocities = decay * velocities + kick * state.free
    work = state.thermostat_work + kinetic_energy(state.batch, state.masses, velocities) - before
    batch = state.batch.with_positions(positions + 0.5 * dt * velocities)
    energy, forces = energy_and_forces(potential, batch)
    forces = forces * state.free
    velocities = velocities + 0.5 * dt * forces / masses
    return replace(
        state,
        batch=batch,
        velocities=velocities,
        forces=forces,
        energy=energy,
        thermostat_work=work,
        count=state.count + 1,
    )


def noise(state: MDState) -> Tensor:
    """[n_atoms, 3] standard normal numbers that depend only on the system's seed and the count of steps.

    A counter-based generator (Philox) has no state: a run resumes exactly, and a system gets the same numbers alone
    and in a batch.
    """
    sizes = state.batch.atoms_per_system.tolist()
    parts = [_normal(seed, state.count, size) for seed, size in zip(state.seeds.tolist(), sizes, strict=True)]
    return torch.from_numpy(np.concatenate(parts))


def _normal(seed: int, count: int, size: int) -> np.ndarray:
    bits = np.random.Philox(key=seed, counter=np.array([0, 0, 0, count], dtype=np.uint64))
    return np.random.Generator(bits).standard_normal((size, 3))
