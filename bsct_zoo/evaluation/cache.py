"""Predictions kept by content: what a model said of a scan's frames, safe against crashes and concurrent runs.

A file is written beside its place and moved there in one step, so a reader finds the whole of it or nothing. There is
no index to fall out of step with the files.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.files import atomic_write

_LAYOUT = 1  # raised whenever what a file holds changes its meaning


@dataclass(frozen=True)
class ScanPrediction:
    """What a model said of the frames of one scan.

    Attributes:
        energy: [n_frames] eV.
        forces: [n_frames, n_atoms, 3] eV/Å.
        seconds: the model's own time for them.
    """

    energy: NDArray[np.float64]
    forces: NDArray[np.float64]
    seconds: float


def model_key(identity: Mapping[str, Any]) -> str:
    """Hash of everything that decides what a model says."""
    text = json.dumps({"layout": _LAYOUT, **identity}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class PredictionCache:
    """A folder of predictions, by model and scan."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # -- what a model declared of itself -------------------------------------------------------------------

    def read_info(self, key: str) -> dict[str, Any] | None:
        """What the model behind ``key`` declared when it was loaded; None if it never was."""
        try:
            info: dict[str, Any] = json.loads((self.folder / key / "model.json").read_text())
        except (OSError, ValueError):
            return None
        return info

    def write_info(self, key: str, info: Mapping[str, Any]) -> None:
        """Keep what a model declared of itself."""
        atomic_write(self.folder / key / "model.json", json.dumps(info, indent=1).encode())

    # -- what it said --------------------------------------------------------------------------------------

    def read(self, key: str, scan_sha256: str) -> ScanPrediction | None:
        """The prediction for a scan; None if there is none or the file is damaged."""
        try:
            with np.load(self._path(key, scan_sha256), allow_pickle=False) as data:
                return ScanPrediction(data["energy"], data["forces"], float(data["seconds"]))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def write(self, key: str, scan_sha256: str, prediction: ScanPrediction) -> None:
        """Keep the prediction for a scan.

        Raises:
            OSError: the disk is full, or the folder cannot be written to.
        """
        import io

        buffer = io.BytesIO()
        np.savez(buffer, energy=prediction.energy, forces=prediction.forces, seconds=np.float64(prediction.seconds))
        atomic_write(self._path(key, scan_sha256), buffer.getvalue())

    # -- as a whole ----------------------------------------------------------------------------------------

    def size(self) -> tuple[int, int]:
        """Number of predictions and bytes."""
        files = list(self.folder.glob("*/*.npz"))
        return len(files), sum(file.stat().st_size for file in files if file.exists())

    def clear(self) -> tuple[int, int]:
        """Remove everything; says how many predictions and bytes that was."""
        found = self.size()
        shutil.rmtree(self.folder, ignore_errors=True)
        return found

    def _path(self, key: str, scan_sha256: str) -> Path:
        return self.folder / key / f"{scan_sha256}.npz"
