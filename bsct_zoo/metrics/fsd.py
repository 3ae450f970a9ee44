"""Force Smoothness Deviation, the score of the Bond Smoothness Characterization Test (arXiv:2602.04861)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bsct_zoo.metrics.ranges import Floats, equilibrium, ranges

EPSILON = 1.0  # eV/Å, the floor under force differences
WINDOW = 0.06  # of the range of a scan to either side of the equilibrium: six of 100 frames


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
    return _log_square(forces - at_minimum, epsilon) - _log_square(reference_forces - at_minimum, epsilon)


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


@dataclass(frozen=True)
class Anatomy:
    """What decides the FSD of a scan over its full range, and what it cannot see (``docs/fsd.md``). Our own.

    Attributes:
        at: Å (the unit of the coordinate), middle of the step between frames that decides it; this and the next two are
            None where FSD is zero.
        frames: from the equilibrium to the nearer end of that step; negative under compression.
        from_zero: part of it that is gone with the model's own force at equilibrium as its zero; 1 is all of it.
        own_zero: 1/Å, FSD with the model's own F_e in place of F*_e in the first logarithm.
        outside: 1/Å, FSD over steps outside ``WINDOW`` around the equilibrium; None if none is.
        error_slope: eV/Å², max over consecutive frames of |Δ|F - F*|| / |Δα|, whose scale is not a logarithm's.
    """

    at: float | None
    frames: float | None
    from_zero: float | None
    own_zero: float
    outside: float | None
    error_slope: float


def anatomy(
    coordinate: Floats,
    forces: Floats,
    reference_forces: Floats,
    reference_energy: Floats,
    epsilon: float = EPSILON,
) -> Anatomy | None:
    """Arguments as of ``fsd``; None with fewer than two frames."""
    if len(coordinate) < 2:
        return None
    e, step = equilibrium(reference_energy), np.diff(coordinate)
    wanted = _log_square(reference_forces - reference_forces[e], epsilon)
    published = np.abs(np.diff(log_ratio(forces, reference_forces, reference_energy, epsilon)) / step)
    own = np.abs(np.diff(_log_square(forces - forces[e], epsilon) - wanted) / step)
    error = np.sqrt(((forces - reference_forces) ** 2).sum(axis=(1, 2)))
    k = int(np.argmax(published))
    there = bool(published[k] > 0)
    away = np.abs(coordinate - coordinate[e]) > WINDOW * np.ptp(coordinate)
    beyond = published[away[1:] & away[:-1]]
    return Anatomy(
        at=float(0.5 * (coordinate[k] + coordinate[k + 1])) if there else None,
        frames=float(k - e if k >= e else k + 1 - e) if there else None,
        from_zero=float(1 - own[k] / published[k]) if there else None,
        own_zero=float(own.max()),
        outside=float(beyond.max()) if len(beyond) else None,
        error_slope=float(np.abs(np.diff(error) / step).max()),
    )


def _log_square(forces: Floats, epsilon: float) -> Floats:
    """[n_frames] log max(|F|², ε²), |·|² over all atoms and components of ``forces`` [n_frames, n_atoms, 3]."""
    logarithm: Floats = np.log(np.maximum((forces**2).sum(axis=(1, 2)), epsilon**2))
    return logarithm
