"""How fast a model was in the comparisons whose answers are kept, and how it shared the cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsct_zoo.evaluation.store import Shelf, Store
from bsct_zoo.evaluation.ways import Chosen, chosen_text, cores_of


@dataclass(frozen=True)
class Throughput:
    """What one model took on one machine, over all scans that are kept.

    Attributes:
        ms_per_frame: the model's own time, mean over frames.
        atoms_per_second: the same in atoms.
        frames: how many.
        device, dtype: what it computed in.
        machine: the computer, see ``evaluation.machine``.
    """

    ms_per_frame: float
    atoms_per_second: float
    frames: int
    device: str
    dtype: str
    machine: Mapping[str, Any]

    def text(self) -> str:
        """For people, in one line."""
        cores = self.machine.get("cores")
        where = self.machine.get("gpu") or f"{cores} core{'s' * (cores != 1)} of {self.machine.get('processor')}"
        speed = f"{self.ms_per_frame:.3g} ms/frame, {self.atoms_per_second:,.0f} atoms/s"
        return f"{speed} ({self.frames:,} frames, {self.dtype}, {self.device}, {where})"


def throughputs(folder: Path, model: str) -> list[Throughput]:
    """What is kept in the store at ``folder`` of ``model`` ("mace:small"), latest first; empty if nothing is.

    A model counts once for each set of settings and versions that it ran with.
    """
    results = []
    for shelf in Store(folder).shelves():
        facts = shelf.read_info()
        if facts is None or facts.get("model") != model:
            continue
        frames, atoms, seconds = _totals(shelf)
        if frames and seconds > 0:
            info = facts["info"]
            speed = (1e3 * seconds / frames, atoms / seconds, frames)
            results.append(Throughput(*speed, info["device"], info["dtype"], dict(facts["machine"])))
    return results


@dataclass(frozen=True)
class SharedCores:
    """The way to share ``cores`` that was measured for one model; see ``evaluation.ways``."""

    cores: int
    chosen: Chosen
    device: str
    dtype: str

    def text(self) -> str:
        """For people, in one line."""
        return f"{self.cores} cores: {chosen_text(self.chosen, self.cores)} ({self.dtype}, {self.device})"


def shared_cores(folder: Path, model: str) -> list[SharedCores]:
    """The ways that ``--processes auto`` measured for ``model``, kept in the store at ``folder``, latest first."""
    found = []
    for shelf in Store(folder).shelves():
        facts = shelf.read_info()
        if facts is not None and facts.get("model") == model:
            info, kept = facts["info"], facts.get("cores", {})
            found += [
                SharedCores(cores_of(key), Chosen(**one), info["device"], info["dtype"]) for key, one in kept.items()
            ]
    return found


def _totals(shelf: Shelf) -> tuple[int, int, float]:
    """Frames, atoms over all frames, and seconds of the scans of a model."""
    frames, atoms, seconds = 0, 0, 0.0
    for answer in shelf.answers("scans"):
        n_frames, n_atoms, _ = answer.arrays["forces"].shape
        frames, atoms, seconds = frames + n_frames, atoms + n_frames * n_atoms, seconds + answer.seconds
    return frames, atoms, seconds
