"""Microcanonical dynamics by velocity Verlet, every system of a check in one batch, state in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms, units
from numpy.typing import NDArray
from torch import Tensor

from bsct_zoo.batch import AtomsBatch
from bsct_zoo.checks import CheckRun, CheckSettings
from bsct_zoo.potential import Potential

HOT = 50.0  # times the starting temperature: nothing recovers from there


@dataclass(frozen=True)
class MDState:
    """Where a batch is; ASE's units, time in Å sqrt(u / eV).

    Attributes:
        batch: positions of all systems, float64.
        velocities: [n_atoms, 3].
        forces: [n_atoms, 3] eV/Å.
        energy: [n_systems] potential energy in eV.
        masses: [n_atoms] u.
    """

    batch: AtomsBatch
    velocities: Tensor
    forces: Tensor
    energy: Tensor
    masses: Tensor

    @property
    def kinetic(self) -> Tensor:
        """[n_systems] kinetic energy in eV."""
        per_atom = 0.5 * self.masses * (self.velocities**2).sum(1)
        return torch.zeros_like(self.energy).index_add(0, self.batch.system_idx, per_atom)


def nve_init(potential: Potential, systems: Sequence[Atoms], temperature: float, seed: int) -> MDState:
    """Start at ``temperature`` in K: Maxwell-Boltzmann velocities, at rest as a whole and not turning."""
    velocities = [thermal_velocities(atoms, temperature, seed + index) for index, atoms in enumerate(systems)]
    batch = AtomsBatch.from_atoms(list(systems))
    energy, forces = _answer(potential, batch)
    masses = torch.tensor(np.concatenate([atoms.get_masses() for atoms in systems]))
    return MDState(batch, torch.tensor(np.concatenate(velocities)), forces, energy, masses)


def thermal_velocities(atoms: Atoms, temperature: float, seed: int) -> NDArray[np.float64]:
    """[n_atoms, 3] from Maxwell and Boltzmann at ``temperature`` in K, at rest, and molecules not turning."""
    masses = atoms.get_masses()[:, None]
    random = np.random.default_rng(seed)
    velocities: NDArray[np.float64] = random.normal(size=(len(atoms), 3)) * np.sqrt(units.kB * temperature / masses)
    velocities -= (masses * velocities).sum(0) / masses.sum()
    if not atoms.pbc.any():
        arms = atoms.positions - (masses * atoms.positions).sum(0) / masses.sum()
        squares = (masses[:, 0] * (arms**2).sum(1)).sum()
        inertia = squares * np.eye(3) - (masses * arms).T @ arms
        momentum = (masses * np.cross(arms, velocities)).sum(0)
        # A straight molecule has no moment about its axis, hence the pseudo-inverse.
        velocities -= np.cross(np.linalg.pinv(inertia, rcond=1e-10) @ momentum, arms)
    return velocities


def nve_step(potential: Potential, state: MDState, step: float) -> MDState:
    """One velocity Verlet step of ``step`` (ASE's unit of time)."""
    half = state.velocities + 0.5 * step * state.forces / state.masses[:, None]
    batch = state.batch.with_positions(state.batch.positions + step * half)
    energy, forces = _answer(potential, batch)
    return MDState(batch, half + 0.5 * step * forces / state.masses[:, None], forces, energy, state.masses)


def check_nve(
    potential: Potential,
    systems: Sequence[Atoms],
    settings: CheckSettings,
    on_step: Callable[[int, int], None] | None = None,
) -> list[CheckRun]:
    """Run every system for ``settings.time_ps``; one that explodes says when, the others run on."""
    step = settings.step_fs * units.fs
    n_steps = max(1, round(1000 * settings.time_ps / settings.step_fs))
    alive = list(range(len(systems)))
    totals: list[list[float]] = [[] for _ in systems]
    kelvins: list[list[float]] = [[] for _ in systems]
    failures: dict[int, str] = {}
    state = nve_init(potential, systems, settings.temperature, settings.seed)
    for k in range(n_steps + 1):
        if k:
            state = nve_step(potential, state, step)
        total, kinetic, sizes = state.energy + state.kinetic, state.kinetic, state.batch.atoms_per_system
        gone = []
        for place, index in enumerate(alive):
            freedom = max(3 * int(sizes[place]) - 6, 1)
            kelvin = 2 * float(kinetic[place]) / (freedom * units.kB)
            if not (np.isfinite(float(total[place])) and kelvin < HOT * settings.temperature):
                failures[index] = f"failed at {k * settings.step_fs / 1000:.3g} ps"
                gone.append(place)
                continue
            totals[index].append(float(total[place]) / int(sizes[place]))
            kelvins[index].append(kelvin)
        if gone:
            alive = [index for place, index in enumerate(alive) if place not in gone]
            if not alive:
                break
            state = _without(state, set(gone))
        if on_step is not None:
            on_step(k, n_steps)
    times = np.arange(n_steps + 1) * settings.step_fs / 1000
    return [_summary(_name(atoms), times, totals[i], kelvins[i], failures.get(i)) for i, atoms in enumerate(systems)]


def _answer(potential: Potential, batch: AtomsBatch) -> tuple[Tensor, Tensor]:
    prediction = potential.compute(batch)
    return prediction.energy.double().cpu(), prediction.forces.double().cpu()


def _without(state: MDState, gone: set[int]) -> MDState:
    """The state without some of its systems."""
    kept = [n for n in range(state.batch.n_systems) if n not in gone]
    atoms = torch.isin(state.batch.system_idx, torch.tensor(kept))
    parts = state.batch.split()
    batch = AtomsBatch.join([parts[n] for n in kept])
    return MDState(batch, state.velocities[atoms], state.forces[atoms], state.energy[kept], state.masses[atoms])


def _name(atoms: Atoms) -> str:
    return str(atoms.info.get("name") or atoms.get_chemical_formula())


def _summary(
    name: str, times: NDArray[np.float64], energies: list[float], kelvins: list[float], failure: str | None
) -> CheckRun:
    """Drift is the slope of a straight line through the total energy, fluctuation what is left around it."""
    if failure is not None or len(energies) < 3:
        empty = dict.fromkeys(("drift", "fluctuation", "largest_jump", "temperature"))
        return CheckRun(name, "failed", failure or "too short to tell", empty)
    milli = 1e3 * (np.array(energies) - energies[0])
    slope, offset = np.polyfit(times[: len(milli)], milli, 1)
    return CheckRun(
        name,
        "ok",
        "",
        {
            "drift": float(slope),
            "fluctuation": float(np.std(milli - slope * times[: len(milli)] - offset)),
            "largest_jump": float(np.abs(np.diff(milli)).max()),
            "temperature": float(np.mean(kelvins)),
        },
    )
