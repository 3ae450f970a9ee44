"""The local path residual: energy that a step between two frames gains and the forces do not explain. Our own.

Along a scan dE/dα = -F·dx/dα. Between neighbours the work is known to third order from two frames and to fifth order
from four; the difference of these is the error that a smooth surface has there. What the work of four frames leaves
beyond that is a step of the energy, or a force that is not its gradient.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from bsct_zoo.metrics.ranges import Floats


def path_residuals(coordinate: Floats, positions: Floats, energy: Floats, forces: Floats) -> Floats:
    """[n_frames - 1] eV, |E_{k+1} - E_k + W_k| less the error of W_k for a smooth surface, never below zero.

    Args:
        coordinate: [n_frames] α, ascending or descending.
        positions: [n_frames, n_atoms, 3] Å.
        energy: [n_frames] eV.
        forces: [n_frames, n_atoms, 3] eV/Å.

    Returns:
        Empty with fewer than four frames.
    """
    n = len(energy)
    if n < 4:
        return np.zeros(0)
    order = 1.0 if coordinate[-1] > coordinate[0] else -1.0
    velocity = order * CubicSpline(order * coordinate, positions)(order * coordinate, 1)
    along = -(forces * velocity).sum(axis=(1, 2))  # [n_frames] dE/dα
    step = np.diff(coordinate)
    two = 0.5 * step * (along[1:] + along[:-1])
    four = _integrals(coordinate, along)
    slack = np.abs(four - two)
    around = np.maximum(slack, np.maximum(np.append(slack[1:], 0.0), np.insert(slack[:-1], 0, 0.0)))
    residuals: Floats = np.maximum(np.abs(np.diff(energy) - four) - around, 0.0)
    return residuals


def path_residual(coordinate: Floats, positions: Floats, energy: Floats, forces: Floats) -> float | None:
    """The largest of ``path_residuals`` in eV; None with fewer than four frames."""
    residuals = path_residuals(coordinate, positions, energy, forces)
    return float(residuals.max()) if len(residuals) else None


def _integrals(x: Floats, f: Floats) -> Floats:
    """[n - 1] ∫ f dx between neighbours by the cubic through the four nearest points."""
    n = len(x)
    first = np.clip(np.arange(n - 1) - 1, 0, n - 4)
    places = first[:, None] + np.arange(4)
    left = x[:-1]
    scale = np.diff(x)
    nodes = (x[places] - left[:, None]) / scale[:, None]  # [n - 1, 4], the interval itself is from 0 to 1
    powers = nodes[:, :, None] ** np.arange(4)
    coefficients = np.linalg.solve(powers, f[places][:, :, None])[:, :, 0]
    integrals: Floats = scale * (coefficients / np.arange(1, 5)).sum(1)
    return integrals
