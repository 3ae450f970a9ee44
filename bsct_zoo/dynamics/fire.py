"""Relaxation of many systems at once by FIRE (Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006)).

Every system has its own time step and ``alpha``, so that it is independent of the others. Masses are one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.potentials.potential import Potential

# Named as in the paper.
_N_MIN, _F_INC, _F_DEC = 5, 1.1, 0.5
_ALPHA_START, _F_ALPHA = 0.1, 0.99
_DT_START, _DT_MAX = 0.1, 1.0
_MAX_MOVE = 0.2  # Å that the atoms of a system may move together in one step, as a Euclidean norm


@dataclass(frozen=True)
class FireState:
    """The state of a relaxation.

    Attributes:
        batch: positions, float64.
        velocities: [n_atoms, 3].
        forces: [n_atoms, 3] eV/Å.
        energy: [n_systems] eV.
        dt: [n_systems] time step, in units of a mass of one.
        alpha: [n_systems] how far velocities are turned towards the forces.
        n_pos: [n_systems] consecutive steps with positive power F·v.
        failures: why systems have no answer, by system.
    """

    batch: AtomsBatch
    velocities: Tensor
    forces: Tensor
    energy: Tensor
    dt: Tensor
    alpha: Tensor
    n_pos: Tensor
    failures: Mapping[int, str] = field(default_factory=dict)

    @property
    def largest_force(self) -> Tensor:
        """[n_systems] length of the longest force on an atom, eV/Å; NaN where a force is not a number."""
        lengths = self.forces.norm(dim=1)
        largest = torch.zeros_like(self.energy)
        largest = largest.scatter_reduce(0, self.batch.system_idx, lengths.nan_to_num(torch.inf), "amax")
        return torch.where(torch.isfinite(largest) & torch.isfinite(self.energy), largest, torch.nan)


@dataclass(frozen=True)
class Relaxed:
    """The result of a relaxation.

    Attributes:
        batch: positions, float64.
        energy: [n_systems] eV.
        forces: [n_atoms, 3] eV/Å.
        converged: [n_systems] whether no force exceeds the limit.
        steps: [n_systems] steps that each system took.
        failures: why systems came to where the potential has no answer, by system.
    """

    batch: AtomsBatch
    energy: Tensor
    forces: Tensor
    converged: Tensor
    steps: Tensor
    failures: Mapping[int, str] = field(default_factory=dict)


def fire_init(potential: Potential, batch: AtomsBatch) -> FireState:
    """At rest at the positions of ``batch``."""
    batch = batch.to("cpu", torch.float64)
    energy, forces, failures = _answer(potential, batch)
    per_system = torch.ones(batch.n_systems, dtype=torch.float64)
    return FireState(
        batch=batch,
        velocities=torch.zeros_like(forces),
        forces=forces,
        energy=energy,
        dt=_DT_START * per_system,
        alpha=_ALPHA_START * per_system,
        n_pos=torch.zeros(batch.n_systems, dtype=torch.int64),
        failures=failures,
    )


def fire_step(potential: Potential, state: FireState, moving: Tensor | None = None) -> FireState:
    """One step; systems outside ``moving`` [n_systems] (bool; default all) do not move and are not computed."""
    moving = torch.ones(state.batch.n_systems, dtype=torch.bool) if moving is None else moving
    owner = state.batch.system_idx

    def total(per_atom: Tensor) -> Tensor:
        return torch.zeros_like(state.energy).index_add(0, owner, per_atom)

    downhill = total((state.forces * state.velocities).sum(1)) > 0
    speed, pull = total((state.velocities**2).sum(1)).sqrt(), total((state.forces**2).sum(1)).sqrt()
    towards = (state.alpha * speed / pull.clamp(min=1e-300))[owner, None] * state.forces
    velocities = (1 - state.alpha)[owner, None] * state.velocities + towards
    velocities = torch.where(downhill[owner, None], velocities, 0.0)

    quicker = downhill & (state.n_pos > _N_MIN)
    dt = torch.where(quicker, (state.dt * _F_INC).clamp(max=_DT_MAX), state.dt)
    dt = torch.where(downhill | (speed == 0), dt, dt * _F_DEC)  # at the very start nothing went uphill
    alpha = torch.where(quicker, state.alpha * _F_ALPHA, state.alpha)
    alpha = torch.where(downhill, alpha, torch.full_like(alpha, _ALPHA_START))

    velocities = velocities + dt[owner, None] * state.forces
    move = dt[owner, None] * velocities
    length = total((move**2).sum(1)).sqrt()
    move = move * (_MAX_MOVE / length.clamp(min=_MAX_MOVE))[owner, None]
    move = torch.where(moving[owner, None], move, 0.0)
    batch = state.batch.with_positions(state.batch.positions + move)
    energy, forces, failures = _answer_for(potential, batch, moving, state)
    return FireState(
        batch=batch,
        velocities=torch.where(moving[owner, None], velocities, state.velocities),
        forces=forces,
        energy=energy,
        dt=torch.where(moving, dt, state.dt),
        alpha=torch.where(moving, alpha, state.alpha),
        n_pos=torch.where(moving, torch.where(downhill, state.n_pos + 1, 0), state.n_pos),
        failures=failures,
    )


def relax(
    potential: Potential,
    batch: AtomsBatch,
    *,
    max_force: float = 0.01,
    max_steps: int = 500,
    on_step: Callable[[int], None] | None = None,
) -> Relaxed:
    """Every system of ``batch`` at its minimum; systems that converge or fail wait for the others.

    A system without an answer stays at its last valid positions, and is not converged.

    Args:
        potential: energies and forces.
        batch: the start.
        max_force: limit for the force on any atom, eV/Å.
        max_steps: when to give up.
        on_step: called with the number of each step.
    """
    state = fire_init(potential, batch)
    steps = torch.zeros(batch.n_systems, dtype=torch.int64)
    lost, failures = torch.isnan(state.largest_force), dict(state.failures)
    for number in range(max_steps):
        moving = ~lost & (state.largest_force > max_force)
        if not bool(moving.any()):
            break
        moved = fire_step(potential, state, moving)
        astray = moving & torch.isnan(moved.largest_force)
        state = _but_for(moved, state, astray) if bool(astray.any()) else moved
        lost = lost | astray
        failures |= moved.failures
        steps = steps + (moving & ~astray)
        if on_step is not None:
            on_step(number + 1)
    converged = ~lost & (state.largest_force <= max_force)
    return Relaxed(state.batch, state.energy, state.forces, converged, steps, failures)


def _but_for(state: FireState, before: FireState, systems: Tensor) -> FireState:
    """``state`` with some ``systems`` [n_systems] (bool) as they were ``before``."""
    atoms = systems[state.batch.system_idx, None]
    return replace(
        state,
        batch=state.batch.with_positions(torch.where(atoms, before.batch.positions, state.batch.positions)),
        forces=torch.where(atoms, before.forces, state.forces),
        energy=torch.where(systems, before.energy, state.energy),
    )


_Answer = tuple[Tensor, Tensor, Mapping[int, str]]


def _answer(potential: Potential, batch: AtomsBatch) -> _Answer:
    """Energy [n_systems] in eV and forces [n_atoms, 3] in eV/Å, float64 on the CPU, and why some are none."""
    prediction = potential.compute(batch)
    return prediction.energy.double().cpu(), prediction.forces.double().cpu(), prediction.failures


def _answer_for(potential: Potential, batch: AtomsBatch, moving: Tensor, state: FireState) -> _Answer:
    """The same, new for the systems that move and that of ``state`` for the others."""
    if bool(moving.all()):
        return _answer(potential, batch)
    atoms = moving[batch.system_idx]
    energy, forces = state.energy.clone(), state.forces.clone()
    energy[moving], forces[atoms], failures = _answer(potential, batch.select(moving))
    places = moving.nonzero().flatten().tolist()
    return energy, forces, {places[place]: why for place, why in failures.items()}
