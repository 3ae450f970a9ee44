"""Smoothness during training: FSD on part of a suite, for any training loop.

    from bsct_zoo.training.smoothness import score, subset
    scans = subset("core", limit=9)                  # once
    ...
    print(score(potential, scans).fsd)               # whenever you like

``bsct_zoo.training.lightning.SmoothnessCallback`` does the same within Lightning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from bsct_zoo import notebook
from bsct_zoo.errors import BadInputError, ModelError
from bsct_zoo.metrics.fsd import fsd
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.suites.frames import frames_of
from bsct_zoo.suites.library import open_suite
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite


@dataclass(frozen=True)
class Smoothness:
    """FSD of a model, means over scans in 1/Å; infinite if the model had no finite answer for some frame.

    Attributes:
        fsd: over the full range of the scans.
        compress: over their compression.
        stretch: over their stretch.
        scans: number of scored scans.
        seconds: time of the score.
    """

    fsd: float
    compress: float
    stretch: float
    scans: int
    seconds: float

    def _repr_html_(self) -> str:
        rows = [("FSD, 1/Å", self.fsd), ("compression, 1/Å", self.compress), ("stretch, 1/Å", self.stretch)]
        pairs = [(name, f"{value:.3g}") for name, value in rows]
        return notebook.facts("smoothness", [*pairs, ("scans", self.scans), ("time, s", f"{self.seconds:.2g}")])


def subset(suite: str | Suite, limit: int | None = 9, elements: frozenset[int] | None = None) -> tuple[Scan, ...]:
    """Scans for a score, spread over the groups of a suite: those with a reference and known elements.

    Args:
        suite: a name, a file, or the suite itself.
        limit: maximum number; None for all.
        elements: supported atomic numbers; None for any.

    Raises:
        BadInputError: no such suite, or none of its scans can be scored.
    """
    whole = open_suite(suite) if isinstance(suite, str) else suite
    fitting = tuple(
        scan
        for scan in whole.scans
        if scan.referenced.sum() > 1 and (elements is None or elements.issuperset(scan.atomic_numbers.tolist()))
    )
    if not fitting:
        raise BadInputError(f"suite '{whole.name}' has no scan with a reference and with elements of the model")
    return replace(whole, scans=fitting).select(limit=limit).scans


def score(potential: Potential, scans: Sequence[Scan] | str | Suite = "core", limit: int | None = 9) -> Smoothness:
    """FSD of ``potential`` on ``scans``, or on at most ``limit`` scans of a suite (see ``subset``).

    It computes the frames that have a reference, in batches of the potential's size, without a cache.

    Raises:
        BadInputError: no such suite, or none of its scans can be scored.
        ModelError: the potential failed.
    """
    if isinstance(scans, str | Suite):
        scans = subset(scans, limit, potential.info.elements)
    clock = perf_counter()
    known = [scan.only(scan.referenced) for scan in scans]
    systems = [frame for scan in known for frame in frames_of(scan)]
    predicted = Batcher(potential).compute(systems).forces.detach().double().cpu()
    of_scans = predicted.split([scan.n_frames * scan.n_atoms for scan in known])
    scores = [
        _score(scan, forces.unflatten(0, (scan.n_frames, scan.n_atoms)).numpy())
        for scan, forces in zip(known, of_scans, strict=True)
    ]
    full, compress, stretch = (_mean([one[part] for one in scores]) for part in ("full", "compress", "stretch"))
    return Smoothness(full, compress, stretch, len(scores), perf_counter() - clock)


def _score(scan: Scan, forces: np.ndarray) -> dict[str, float | None]:
    if scan.energy is None or scan.forces is None:
        raise BadInputError(f"scan {scan.id} has no reference to be scored against")
    if forces.shape != scan.forces.shape:
        raise ModelError(f"the model gives forces of shape {forces.shape[1:]} for scan {scan.id}")
    if not np.isfinite(forces).all():
        return dict.fromkeys(("full", "compress", "stretch"), math.inf)
    return fsd(scan.coordinate, forces, scan.forces, scan.energy)


def _mean(values: Sequence[float | None]) -> float:
    """Over the scans that have the range; one whose minimum is at an end has no compression or no stretch."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else math.nan
