"""How much an energy depends on the orientation of a system; for an isolated system it must not."""

from __future__ import annotations

import numpy as np

from bsct_zoo.metrics.ranges import Floats


def asphericity(energy: Floats) -> float | None:
    """Root mean square over frames of the spread of the energy over orientations, in eV; 0 for an invariant model.

    For a pair of atoms it measures how far the surfaces of equal energy around an atom are from spheres.

    Args:
        energy: [n_orientations, n_frames] eV of the same frames, turned.

    Returns:
        None with fewer than two orientations.
    """
    if energy.ndim != 2 or len(energy) < 2 or energy.shape[1] == 0:
        return None
    return float(np.sqrt(np.var(energy, axis=0, ddof=1).mean()))
