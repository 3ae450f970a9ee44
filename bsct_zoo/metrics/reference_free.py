"""Metrics without a reference: tortuosity, energy jump and force flips.

Defined for curves of diatomics by MLIP Arena (Chiang et al., arXiv:2509.20630); here for any scan, with the force along
the way that the scan moves.
"""

from __future__ import annotations

import numpy as np

from bsct_zoo.metrics.ranges import Floats


def tortuosity(energy: Floats) -> float | None:
    """Total variation of the energy over the shortest path through its minimum; 1 for a single well.

    Total variation of E over |E_first - E_min| + |E_last - E_min|; ``energy`` is [n_frames] in eV. None if all is flat.
    """
    if len(energy) < 2:
        return None
    shortest = abs(energy[0] - energy.min()) + abs(energy[-1] - energy.min())
    return float(np.abs(np.diff(energy)).sum() / shortest) if shortest > 0 else None


def energy_jump(energy: Floats, floor: float = 1e-3) -> float | None:
    """Sum in eV of the steps around every turning point of the energy: 0 for a monotonic curve.

    Σ over frames where the sign of ΔE changes of |E_{k+1} - E_k| + |E_k - E_{k-1}|. Steps below ``floor`` eV are
    skipped, so that noise on a flat stretch does not count.
    """
    if len(energy) < 3:
        return None
    step = np.diff(energy)
    step = step[np.abs(step) > floor]
    turns = np.sign(step[1:]) != np.sign(step[:-1])
    return float((np.abs(step[1:]) + np.abs(step[:-1]))[turns].sum())


def force_along(coordinate: Floats, positions: Floats, forces: Floats) -> Floats:
    """[n_frames] -dE/dα in eV/Å: forces projected on dx/dα, the way that the scan moves the atoms."""
    velocity = np.gradient(positions, coordinate, axis=0)
    along: Floats = (forces * velocity).sum(axis=(1, 2))
    return along


def force_flips(coordinate: Floats, positions: Floats, forces: Floats, floor: float = 1e-2) -> float | None:
    """Sign changes of the force along the scan; 1 for a single well.

    Forces below ``floor`` eV/Å count as zero and are skipped, so that noise around zero does not count.
    """
    if len(coordinate) < 3:
        return None
    along = force_along(coordinate, positions, forces)
    signs = np.sign(along[np.abs(along) > floor])
    return float((signs[1:] != signs[:-1]).sum())
