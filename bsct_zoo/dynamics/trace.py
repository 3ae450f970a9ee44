"""The record of the runs of a batch: energies, broken bonds, and which run failed when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from ase import Atoms, units
from numpy.typing import NDArray

from bsct_zoo.dynamics.bonds import Bonds, bonds_of
from bsct_zoo.dynamics.state import MDState

STRETCHED = 1.75  # times its length at the start: a bond that stays longer than this ...
BROKEN_AFTER = 50.0  # fs ... for so long is broken
HOT = 20.0  # times the temperature of the bath or the start in 3 degrees of freedom an atom, and at least ...
HOTTEST = 10_000.0  # K, or 1.3 eV of motion an atom: nothing recovers from there
FARTHEST = 0.5  # Å: no atom moves so far in one step
_SAMPLES = 20_000  # of energies that are kept of a run at most

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Trace:
    """The record of a batch of runs; recording a step twice has the same effect as once.

    Attributes:
        n_steps: how long the runs are to be.
        every: steps from one kept energy to the next.
        conserved, kinetic: [n_samples, n_systems] eV; NaN where a run did not get there.
        last: [n_systems] eV, the conserved energy one step ago.
        largest_jump: [n_systems] eV from one step to the next.
        max_temperature: [n_systems] K.
        lasted: [n_systems] last step that was sound.
        failed_at: [n_systems] step without a sound state; -1 where there is none.
        reasons: [n_systems] why it failed.
        long_since: [n_bonds] first step of those on which a bond is too long now; -1 if it is not.
        broken_at: [n_bonds] step at which a bond broke for good; -1 if it did not.
    """

    def __init__(self, systems: Sequence[Atoms], dof: Sequence[int], n_steps: int, dt: float, temperature: float):
        """``dt`` in ASE's unit of time; ``temperature`` is the highest requested temperature."""
        n = len(systems)
        self.n_steps, self.dt = n_steps, dt
        self.every = max(1, n_steps // _SAMPLES)
        self.bonds: Bonds = bonds_of(systems)
        self.dof = torch.tensor(list(dof), dtype=torch.float64)
        self._sizes = torch.tensor([len(atoms) for atoms in systems])
        self._positions = torch.from_numpy(np.concatenate([atoms.get_positions() for atoms in systems]))
        self._too_hot = max(HOT * temperature, HOTTEST)
        self.conserved: Floats = np.full((n_steps // self.every + 1, n), np.nan)
        self.kinetic: Floats = self.conserved.copy()
        self.last: Floats = np.full(n, np.nan)
        self.largest_jump: Floats = np.zeros(n)
        self.max_temperature: Floats = np.zeros(n)
        self.lasted: Integers = np.full(n, -1)
        self.failed_at: Integers = np.full(n, -1)
        self.reasons: list[str] = [""] * n
        self.long_since: Integers = np.full(len(self.bonds.names), -1)
        self.broken_at: Integers = np.full(len(self.bonds.names), -1)

    @property
    def alive(self) -> NDArray[np.bool_]:
        """[n_systems] runs that did not fail, in the order of the state."""
        return self.failed_at < 0

    def file(self, state: MDState, reasons: Mapping[int, str]) -> MDState:
        """Record ``state``, and return the state of the runs that can continue.

        Args:
            state: of the runs that have not failed.
            reasons: why a system of ``state`` has no answer, where it is known.
        """
        alive, count = np.flatnonzero(self.alive), state.count
        conserved, kinetic = state.conserved, state.kinetic
        temperature = state.temperature(self.dof[self.alive])
        cool = kinetic < 1.5 * self._sizes[self.alive] * units.kB * self._too_hot
        sound = torch.isfinite(conserved) & cool & (self._next_move(state) < FARTHEST)
        self._file_energies(alive, count, sound.numpy(), conserved.numpy(), kinetic.numpy(), temperature.numpy())
        gone = ~sound
        for place in gone.nonzero().flatten().tolist():
            self.failed_at[alive[place]] = count
            self.reasons[alive[place]] = reasons.get(place) or _what(conserved[place].item(), temperature[place].item())
        self._file_bonds(state, alive[sound.numpy()], sound, count)
        return state.select(sound) if bool(gone.any()) else state

    def _file_energies(
        self,
        alive: Integers,
        count: int,
        sound: NDArray[np.bool_],
        conserved: Floats,
        kinetic: Floats,
        temperature: Floats,
    ) -> None:
        stand = alive[sound]
        if count % self.every == 0:
            self.conserved[count // self.every, stand] = conserved[sound]
            self.kinetic[count // self.every, stand] = kinetic[sound]
        if count:
            jumps = np.abs(conserved[sound] - self.last[stand])
            self.largest_jump[stand] = np.maximum(self.largest_jump[stand], jumps)
        self.max_temperature[stand] = np.maximum(self.max_temperature[stand], temperature[sound])
        self.last[stand] = conserved[sound]
        self.lasted[stand] = count

    def _file_bonds(self, state: MDState, stand: Integers, sound: torch.Tensor, count: int) -> None:
        there = torch.zeros(len(self._sizes), dtype=torch.bool)
        there[torch.from_numpy(stand)] = True
        atoms = torch.repeat_interleave(there, self._sizes)
        self._positions[atoms] = state.batch.positions[sound[state.batch.system_idx]]
        long = self.bonds.lengths(self._positions) > STRETCHED * self.bonds.length.numpy()
        mine = np.isin(self.bonds.owner, stand)
        self.long_since[mine & long & (self.long_since < 0)] = count
        self.long_since[mine & ~long] = -1
        waited = (count - self.long_since) * self.dt >= BROKEN_AFTER * units.fs
        for_good = (self.long_since >= 0) & (waited | ~np.isin(self.bonds.owner, np.flatnonzero(self.alive)))
        new = for_good & (self.broken_at < 0)
        self.broken_at[new] = self.long_since[new]

    def _next_move(self, state: MDState) -> torch.Tensor:
        """[n_systems] Å that the fastest atom is about to move; NaN where a force is none."""
        move = self.dt * state.velocities + 0.5 * self.dt**2 * state.forces / state.masses[:, None]
        lengths = move.norm(dim=1).nan_to_num(torch.inf)
        return torch.zeros_like(state.energy).scatter_reduce(0, state.batch.system_idx, lengths, "amax")

    # -- kept in a file ------------------------------------------------------------------------------------

    _ARRAYS = (
        *("conserved", "kinetic", "last", "largest_jump", "max_temperature"),
        *("lasted", "failed_at", "long_since", "broken_at"),
    )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Everything recorded, by name."""
        return {name: getattr(self, name) for name in self._ARRAYS} | {"reasons": np.array(self.reasons, dtype=str)}

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Restore from what ``arrays`` returned.

        Raises:
            ValueError: it belongs to other runs.
        """
        for name in self._ARRAYS:
            mine = getattr(self, name)
            if arrays[name].shape != mine.shape:
                raise ValueError(f"'{name}' has another shape")
            mine[...] = arrays[name]
        self.reasons = [str(reason) for reason in arrays["reasons"]]


def _what(conserved: float, temperature: float) -> str:
    if not np.isfinite(conserved):
        return "no finite energy"
    return f"exploded at {temperature:,.0f} K" if np.isfinite(temperature) else "no finite velocities"
