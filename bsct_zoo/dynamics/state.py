"""The state of the molecular dynamics of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from ase import units
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch


@dataclass(frozen=True)
class MDState:
    """All systems at one time, in float64; ASE's units, time in Å sqrt(u / eV).

    Attributes:
        batch: positions; they are never wrapped into a cell.
        velocities: [n_atoms, 3].
        forces: [n_atoms, 3] eV/Å.
        energy: [n_systems] potential energy in eV.
        masses: [n_atoms] u.
        thermostat_work: [n_systems] eV that a thermostat has put in.
        seeds: [n_systems] int64, of each system's random numbers.
        free: [n_atoms, 3] one where a coordinate may move, zero where a constraint holds it.
        count: steps taken.
    """

    batch: AtomsBatch
    velocities: Tensor
    forces: Tensor
    energy: Tensor
    masses: Tensor
    thermostat_work: Tensor
    seeds: Tensor
    free: Tensor
    count: int = 0

    @property
    def kinetic(self) -> Tensor:
        """[n_systems] kinetic energy in eV."""
        return kinetic_energy(self.batch, self.masses, self.velocities)

    @property
    def conserved(self) -> Tensor:
        """[n_systems] eV, the conserved energy: total energy less the work of the thermostat."""
        return self.energy + self.kinetic - self.thermostat_work

    def temperature(self, dof: Tensor) -> Tensor:
        """[n_systems] kinetic temperature in K for ``dof`` [n_systems] degrees of freedom."""
        return 2 * self.kinetic / (dof * units.kB)

    def select(self, systems: Tensor) -> MDState:
        """The state of some ``systems`` [n_systems] (bool)."""
        atoms = systems[self.batch.system_idx]
        return MDState(
            batch=self.batch.select(systems),
            velocities=self.velocities[atoms],
            forces=self.forces[atoms],
            energy=self.energy[systems],
            masses=self.masses[atoms],
            thermostat_work=self.thermostat_work[systems],
            seeds=self.seeds[systems],
            free=self.free[atoms],
            count=self.count,
        )


def kinetic_energy(batch: AtomsBatch, masses: Tensor, velocities: Tensor) -> Tensor:
    """[n_systems] eV from ``masses`` [n_atoms] in u and ``velocities`` [n_atoms, 3]."""
    per_atom = 0.5 * masses * (velocities**2).sum(1)
    return torch.zeros(batch.n_systems, dtype=per_atom.dtype).index_add(0, batch.system_idx, per_atom)
