"""Force Smoothness Deviation, the score of the Bond Smoothness Characterization Test (arXiv:2602.04861)."""

from __future__ import annotations

import numpy as np

from bsct_zoo.metrics.ranges import Floats, equilibrium, ranges

EPSILON = 1.0  # eV/Å, the floor under force differences


def log_ratio(forces: Floats, reference_forces: Floats, reference_energy: Floats, epsilon: float = EPSILON) -> Floats:
    """D_k = log max(|F_k - F*_e|², ε²) - log max(|F*_k - F*_e|², ε²), with |·|² over all atoms and components.

    Args:
        forces: [n_frames, n_atoms, 3] of the model, eV/Å.
        reference_forces: [n_frames, n_atoms, 3] F*, eV/Å.
        reference_energy: [n_frames] eV, decides the frame e.
        epsilon: floor in eV/Å.

    Returns:
        [n_frames].
    """
    at_minimum = reference_forces[equilibrium(reference_energy)]
    floor = epsilon**2
    deviation = ((forces - at_minimum) ** 2).sum(axis=(1, 2))
    wanted = ((reference_forces - at_minimum) ** 2).sum(axis=(1, 2))
    difference: Floats = np.log(np.maximum(deviation, floor)) - np.log(np.maximum(wanted, floor))
    return difference


def steepest(coordinate: Floats, values: Floats) -> float | None:
    """Largest |Δvalue / Δcoordinate| between neighbours; None with fewer than two."""
    if len(coordinate) < 2:
        return None
    return float(np.max(np.abs(np.diff(values) / np.diff(coordinate))))


def fsd(
    coordinate: Floats,
    forces: Floats,
    reference_forces: Floats,
    reference_energy: Floats,
    epsilon: float = EPSILON,
) -> dict[str, float | None]:
    """FSD over the three ranges in 1/Å: max over consecutive frames of |D_{k+1} - D_k| / |α_{k+1} - α_k|.

    Args:
        coordinate: [n_frames] α in Å.
        forces: [n_frames, n_atoms, 3] of the model, eV/Å.
        reference_forces: [n_frames, n_atoms, 3], eV/Å.
        reference_energy: [n_frames] eV.
        epsilon: floor in eV/Å.
    """
    d = log_ratio(forces, reference_forces, reference_energy, epsilon)
    return {name: steepest(coordinate[part], d[part]) for name, part in ranges(reference_energy).items()}
