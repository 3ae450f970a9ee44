"""A run's life outside of the physics: its state kept, its trajectories written, its progress told."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io.extxyz import write_xyz
from ase.io.formats import filetype
from numpy.typing import NDArray

from bsct_zoo.atoms.constraints import as_constraints
from bsct_zoo.dynamics.state import MDState
from bsct_zoo.dynamics.trace import Trace

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass
class Session:
    """What goes on beside a batch of runs; nothing at all by default.

    Attributes:
        on_step: hears (steps done, steps in all); a ``KeyboardInterrupt`` that it raises ends the runs, state kept.
        read_state: gives what an earlier sitting left of these runs; None if there is nothing.
        keep_state: takes the state.
        every_s: seconds between two states.
        folder: for trajectories, one file for each run; None for none.
        stride: steps from one frame of a trajectory to the next.
        dt_fs: for the times in trajectories.
        seconds: that the runs took, earlier sittings included.
    """

    on_step: Callable[[int, int], None] = lambda done, total: None
    read_state: Callable[[], Arrays | None] = lambda: None
    keep_state: Callable[[Arrays], None] | None = None
    every_s: float = 30.0
    folder: Path | None = None
    stride: int = 20
    dt_fs: float = 0.5
    seconds: float = 0.0
    _clock: float = field(default_factory=perf_counter)
    _written: float = field(default_factory=perf_counter)

    # -- the state -----------------------------------------------------------------------------------------

    def kept(self) -> Arrays | None:
        """What an earlier sitting left of these runs; None if there is nothing."""
        arrays = self.read_state()
        if arrays is not None and "seconds" in arrays:
            self.seconds = float(np.asarray(arrays["seconds"], dtype=np.float64))
        return arrays

    def stepped(self, names: Sequence[str], state: MDState, trace: Trace, fresh: MDState) -> None:
        """A step is done: ``state`` is of the runs that go on, ``fresh`` that of the step itself.

        Raises:
            KeyboardInterrupt: ``on_step`` wants to stop; the state is kept.
            OSError: a trajectory cannot be written.
        """
        self._tick()
        if self.folder is not None and state.count % self.stride == 0:
            self._write_frames(names, fresh, trace)
        if perf_counter() - self._written > self.every_s:
            self.keep(names, state, trace)
        try:
            self.on_step(state.count, trace.n_steps)
        except KeyboardInterrupt:
            self.keep(names, state, trace)
            raise

    def keep(self, names: Sequence[str], state: MDState, trace: Trace) -> None:
        """Keep the state, if anybody does."""
        if self.keep_state is None:
            return
        sizes = [path.stat().st_size if path.exists() else 0 for path in self.files(names)]
        self.keep_state(
            trace.arrays()
            | {
                "seconds": np.array(self.seconds),
                "count": np.array(state.count),
                "positions": state.batch.positions.numpy(),
                "velocities": state.velocities.numpy(),
                "forces": state.forces.numpy(),
                "energy": state.energy.numpy(),
                "thermostat_work": state.thermostat_work.numpy(),
                "sizes": np.array(sizes, dtype=np.int64),
            }
        )
        self._written = perf_counter()

    def _tick(self) -> None:
        now = perf_counter()
        self.seconds += now - self._clock
        self._clock = now

    def start_clock(self) -> None:
        """Count seconds from now on."""
        self._clock = perf_counter()

    def stop_clock(self) -> None:
        """Count seconds up to now."""
        self._tick()

    # -- trajectories --------------------------------------------------------------------------------------

    def open_files(self, names: Sequence[str], sizes: NDArray[np.generic] | None) -> None:
        """Make the trajectories empty, or cut off what was written after the state that is resumed from.

        Raises:
            OSError: they cannot be written.
        """
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        known = [0] * len(names) if sizes is None else [int(size) for size in sizes]
        for path, size in zip(self.files(names), known, strict=True):
            with path.open("ab"):
                pass
            os.truncate(path, min(size, path.stat().st_size))

    def files(self, names: Sequence[str]) -> list[Path]:
        """The trajectory of each run; none without a folder."""
        if self.folder is None:
            return []
        return [self.folder / _file_name(name) for name in names]

    def _write_frames(self, names: Sequence[str], state: MDState, trace: Trace) -> None:
        files = self.files(names)
        runs = np.flatnonzero(trace.alive | (trace.failed_at == state.count))
        end = np.cumsum(state.batch.atoms_per_system.tolist())
        for place, (run, atoms) in enumerate(zip(runs, state.batch.to_atoms(), strict=True)):
            part = slice(int(end[place]) - len(atoms), int(end[place]))
            if not np.isfinite(atoms.positions).all():
                continue
            frame: Atoms = atoms
            frame.set_velocities(state.velocities[part].numpy())
            frame.info |= {"step": state.count, "time_fs": state.count * self.dt_fs}
            energy, forces = float(state.energy[place]), state.forces[part].numpy()
            frame.set_constraint(as_constraints(state.free[part].numpy() > 0))
            frame.calc = SinglePointCalculator(frame, energy=energy, forces=forces)
            with files[run].open("a", encoding="utf-8") as file:
                write_xyz(file, [frame])


def _file_name(name: str) -> str:
    """A name of an extxyz file by which ASE knows its format: names such as POSCAR go before endings there."""
    plain = re.sub(r"[^\w.+-]", "_", name)
    stems = (plain, plain.lower(), "run-" + hashlib.sha256(name.encode()).hexdigest()[:12])
    return next(f"{stem}.extxyz" for stem in stems if filetype(f"{stem}.extxyz", read=False) == "extxyz")
