"""A run's life outside of the physics: its state kept on disk, its trajectories written, its progress told."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io.extxyz import write_xyz
from numpy.typing import NDArray

from bsct_zoo.dynamics.state import MDState
from bsct_zoo.dynamics.trace import Trace
from bsct_zoo.files import atomic_write

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass
class Session:
    """What goes on beside a batch of runs; nothing at all by default.

    Attributes:
        on_step: is told (steps done, steps in all).
        state: file to keep the state in; None for none.
        key: of model, settings and systems: a state of another key is left alone.
        every_s: seconds between two writings of the state.
        folder: for trajectories, one file for each run; None for none.
        stride: steps from one frame of a trajectory to the next.
        dt_fs: for the times in trajectories.
        stop: set to end after the step at hand, with the state kept; ``KeyboardInterrupt`` is raised.
        seconds: that the runs took, earlier sittings included.
        simulated_ps: of all runs together, filled in at the end.
    """

    on_step: Callable[[int, int], None] = lambda done, total: None
    state: Path | None = None
    key: str = ""
    every_s: float = 30.0
    folder: Path | None = None
    stride: int = 20
    dt_fs: float = 0.5
    stop: bool = False
    seconds: float = 0.0
    simulated_ps: float = 0.0
    _clock: float = field(default_factory=perf_counter)
    _written: float = field(default_factory=perf_counter)

    # -- the state -----------------------------------------------------------------------------------------

    def kept(self) -> Arrays | None:
        """What an earlier sitting left of these runs; None if there is none, or the file is damaged."""
        if self.state is None:
            return None
        try:
            with np.load(self.state, allow_pickle=False) as data:
                arrays = dict(data)
            if str(arrays["key"]) != self.key:
                return None
            self.seconds = float(arrays["seconds"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        return arrays

    def stepped(self, names: Sequence[str], state: MDState, trace: Trace, fresh: MDState) -> None:
        """A step is done: ``state`` is of the runs that go on, ``fresh`` that of the step itself.

        Raises:
            KeyboardInterrupt: somebody asked to stop; the state is kept.
            OSError: a trajectory cannot be written.
        """
        self._tick()
        if self.folder is not None and state.count % self.stride == 0:
            self._write_frames(names, fresh, trace)
        if self.stop or perf_counter() - self._written > self.every_s:
            self.keep(names, state, trace)
        self.on_step(state.count, trace.n_steps)
        if self.stop:
            raise KeyboardInterrupt

    def keep(self, names: Sequence[str], state: MDState, trace: Trace) -> None:
        """Write the state, whole or not at all; a full disk costs the resuming and not the run."""
        if self.state is None:
            return
        sizes = [path.stat().st_size if path.exists() else 0 for path in self._files(names)]
        arrays = trace.arrays() | {
            "key": np.array(self.key),
            "seconds": np.array(self.seconds),
            "count": np.array(state.count),
            "positions": state.batch.positions.numpy(),
            "velocities": state.velocities.numpy(),
            "forces": state.forces.numpy(),
            "energy": state.energy.numpy(),
            "thermostat_work": state.thermostat_work.numpy(),
            "sizes": np.array(sizes, dtype=np.int64),
        }
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        try:
            atomic_write(self.state, buffer.getvalue())
        except OSError:
            self.state = None
        self._written = perf_counter()

    def _tick(self) -> None:
        now = perf_counter()
        self.seconds += now - self._clock
        self._clock = now

    def start_clock(self) -> None:
        """Count seconds from now on."""
        self._clock = perf_counter()

    # -- trajectories --------------------------------------------------------------------------------------

    def open_files(self, names: Sequence[str], sizes: NDArray[np.generic] | None) -> None:
        """Make the trajectories empty, or cut off what was written after the state that is gone on from.

        Raises:
            OSError: they cannot be written.
        """
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        known = [0] * len(names) if sizes is None else [int(size) for size in sizes]
        for path, size in zip(self._files(names), known, strict=True):
            with path.open("ab"):
                pass
            os.truncate(path, min(size, path.stat().st_size))

    def _files(self, names: Sequence[str]) -> list[Path]:
        if self.folder is None:
            return []
        return [self.folder / (re.sub(r"[^\w.+-]", "_", name) + ".extxyz") for name in names]

    def _write_frames(self, names: Sequence[str], state: MDState, trace: Trace) -> None:
        files = self._files(names)
        there = np.flatnonzero(trace.alive | (trace.failed_at == state.count))
        end = np.cumsum(state.batch.atoms_per_system.tolist())
        for place, (run, atoms) in enumerate(zip(there, state.batch.to_atoms(), strict=True)):
            part = slice(int(end[place]) - len(atoms), int(end[place]))
            if not np.isfinite(atoms.positions).all():
                continue
            frame: Atoms = atoms
            frame.set_velocities(state.velocities[part].numpy())
            frame.info |= {"step": state.count, "time_fs": state.count * self.dt_fs}
            energy, forces = float(state.energy[place]), state.forces[part].numpy()
            frame.calc = SinglePointCalculator(frame, energy=energy, forces=forces)
            with files[run].open("a", encoding="utf-8") as file:
                write_xyz(file, [frame])
