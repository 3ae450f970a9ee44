"""How fast a model was in the comparisons whose predictions are kept."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bsct_zoo.evaluation.cache import PredictionCache


@dataclass(frozen=True)
class Throughput:
    """What one model took on one machine, over all scans that are kept.

    Attributes:
        ms_per_frame: the model's own time, mean over frames.
        atoms_per_second: the same in atoms.
        frames: how many.
        device, dtype: what it computed in.
        machine: the computer, see ``results.machine``.
    """

    ms_per_frame: float
    atoms_per_second: float
    frames: int
    device: str
    dtype: str
    machine: Mapping[str, Any]

    def text(self) -> str:
        """For people, in one line."""
        where = self.machine.get("gpu") or f"{self.machine.get('cores')} cores of {self.machine.get('processor')}"
        speed = f"{self.ms_per_frame:.3g} ms/frame, {self.atoms_per_second:,.0f} atoms/s"
        return f"{speed} ({self.frames:,} frames, {self.dtype}, {self.device}, {where})"


def throughputs(folder: Path, model: str) -> list[Throughput]:
    """What is kept in the predictions' ``folder`` of ``model`` ("mace:small"), latest first; empty if none is.

    A model counts once for each set of settings and versions that it ran with.
    """
    cache = PredictionCache(folder)
    found = []
    for path in sorted(folder.glob("*/model.json"), key=lambda p: p.stat().st_mtime, reverse=True):
        info = cache.read_info(path.parent.name)
        if info is None or info.get("model") != model:
            continue
        frames, atoms, seconds = _totals(path.parent)
        if frames and seconds > 0:
            found.append(
                Throughput(
                    1e3 * seconds / frames,
                    atoms / seconds,
                    frames,
                    str(info.get("device", "")),
                    str(info.get("dtype", "")),
                    dict(info.get("machine") or {}),
                )
            )
    return found


def _totals(folder: Path) -> tuple[int, int, float]:
    """Frames, atoms over all frames, and seconds of the predictions in ``folder``."""
    frames, atoms, seconds = 0, 0, 0.0
    for path in folder.glob("*.npz"):
        try:
            with np.load(path, allow_pickle=False) as data:
                n_frames, n_atoms, _ = data["forces"].shape
                took = float(data["seconds"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            continue
        frames, atoms, seconds = frames + n_frames, atoms + n_frames * n_atoms, seconds + took
    return frames, atoms, seconds
