"""How far a model's forces are from the gradient of its energy, from the path integral along a scan."""

from __future__ import annotations

import numpy as np

from bsct_zoo.metrics.ranges import Floats


def path_energy(positions: Floats, forces: Floats) -> Floats:
    """Energy rebuilt from forces, -∫ F·dx by the trapezoidal rule (arXiv:2602.04861), zero at the first frame.

    Args:
        positions: [n_frames, n_atoms, 3] Å.
        forces: [n_frames, n_atoms, 3] eV/Å.

    Returns:
        [n_frames] eV. The rule's own error falls as the square of the step.
    """
    step = np.diff(positions, axis=0)
    work = (0.5 * (forces[1:] + forces[:-1]) * step).sum(axis=(1, 2))
    return np.concatenate([[0.0], -np.cumsum(work)])


def nonconservativity(positions: Floats, energy: Floats, forces: Floats) -> tuple[float | None, float | None]:
    """Mean and largest |rebuilt - predicted energy| in eV, after the best constant is subtracted.

    For a conservative model only the error of the trapezoidal rule remains; ``energy`` is [n_frames] in eV.
    """
    if len(energy) < 2:
        return None, None
    difference = path_energy(positions, forces) - energy
    deviation = np.abs(difference - np.median(difference))
    return float(deviation.mean()), float(deviation.max())
