"""Windows of scans for a smoothness loss: a few consecutive frames at a time, never of a shipped suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.metrics.ranges import equilibrium
from bsct_zoo.suites.frames import systems_at
from bsct_zoo.suites.library import open_suite
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite_file import read_suite


@dataclass(frozen=True)
class Window:
    """Consecutive frames of one scan.

    Attributes:
        batch: the frames, one system each.
        coordinate: [n_frames] Å.
        forces: [n_frames, n_atoms, 3] reference, eV/Å.
        at_minimum: [n_atoms, 3] reference forces where the energy of the whole scan is lowest, eV/Å.
    """

    batch: AtomsBatch
    coordinate: Tensor
    forces: Tensor
    at_minimum: Tensor


class Windows:
    """Windows of some scans, one for each step of a training run: the same for the same seed and step."""

    def __init__(self, scans: Sequence[Scan], n_frames: int, seed: int, dtype: torch.dtype) -> None:
        """``n_frames`` of each window.

        Raises:
            BadInputError: no scan has enough consecutive frames with a reference.
        """
        if n_frames < 2:
            raise BadInputError(f"fsd_frames={n_frames} must be 2 or more")
        self.n_frames, self.seed, self.dtype = n_frames, seed, dtype
        self.scans = [(scan, starts) for scan in scans if len(starts := _starts(scan, n_frames))]
        if not self.scans:
            raise BadInputError(f"no scan has {n_frames} consecutive frames with a reference")

    def at(self, step: int, device: torch.device | str = "cpu") -> Window:
        """The window of a step: a uniformly drawn scan and position."""
        rng = np.random.default_rng((self.seed, step, 0x5CA9))
        scan, starts = self.scans[int(rng.integers(len(self.scans)))]
        assert scan.energy is not None and scan.forces is not None
        first = int(starts[rng.integers(len(starts))])
        part = slice(first, first + self.n_frames)
        systems = systems_at(scan, scan.positions[part], np.zeros((3, 3)))
        batch = AtomsBatch.join(systems).to(device, self.dtype)
        e = equilibrium(np.where(scan.referenced, scan.energy, np.inf))
        numbers = (scan.coordinate[part], scan.forces[part], scan.forces[e])
        return Window(batch, *(torch.tensor(a, dtype=self.dtype, device=device) for a in numbers))


def training_scans(suite: str, elements: frozenset[int], shipped: Mapping[str, str]) -> tuple[Scan, ...]:
    """The scans of a suite that can be used for training: molecules with a reference and supported elements.

    Args:
        suite: name or file.
        elements: atomic numbers of the model.
        shipped: files of shipped suites, which must not be used for training, by name.

    Raises:
        BadInputError: no such suite, a shipped one contains one of its scans, or none is usable.
    """
    scans = open_suite(suite).scans
    for name, path in shipped.items():
        frames = {scan.frames_sha256() for scan in read_suite(Path(path)).scans}
        shared = [scan.id for scan in scans if scan.frames_sha256() in frames]
        if shared:
            mend = "build scans of training molecules with: bsct-zoo suites build"
            why = f"is in the shipped suite '{name}', which must not be used for training"
            raise BadInputError(f"scan {shared[0]} of '{suite}' {why}; {mend}")
    fitting = [scan for scan in scans if not any(scan.pbc) and elements.issuperset(scan.atomic_numbers.tolist())]
    if not fitting:
        raise BadInputError(f"'{suite}' has no scan of molecules with elements of the training frames")
    return tuple(fitting)


def _starts(scan: Scan, n_frames: int) -> np.ndarray:
    """First frames of all windows whose frames have a reference."""
    if scan.n_frames < n_frames:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.lib.stride_tricks.sliding_window_view(scan.referenced, n_frames).all(1))
