"""The three ranges of a scan: all of it, compression and stretch, split at the minimum of the reference energy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RANGES = ("full", "compress", "stretch")


def equilibrium(reference_energy: Floats) -> int:
    """Frame e of the lowest reference energy [n_frames] eV; the first of equals."""
    return int(np.argmin(reference_energy))


def ranges(reference_energy: Floats) -> dict[str, slice]:
    """Frames of each range: compression is k <= e, stretch is k >= e; both hold e (arXiv:2602.04861)."""
    e = equilibrium(reference_energy)
    return {"full": slice(None), "compress": slice(None, e + 1), "stretch": slice(e, None)}
