"""The local path residual: energy that a step between two frames gains and the forces do not explain. Our own.

Along a scan dE/dα = -F·dx/dα. Between neighbours the work is known to third order from two frames and to fifth order
from four; the difference of these is the error that a smooth surface has there. What the work of four frames leaves
beyond that is a step of the energy, or a force that is not its gradient.
"""

from __future__ import annotations

import numpy as np

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
    velocity = spline_slopes(coordinate, positions)
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


def spline_slopes(x: Floats, y: Floats) -> Floats:
    """Slope at each node of the cubic spline through ``y`` [n, ...] at ``x`` [n], n of four or more.

    The ends are not knots (C. de Boor, A Practical Guide to Splines, ch. IV), as in ``scipy.interpolate.CubicSpline``,
    whose import takes a third of the time of a comparison whose answers are kept.
    """
    n, flat = len(x), np.asarray(y, dtype=np.float64).reshape(len(x), -1)
    h = np.diff(x)
    chord = np.diff(flat, axis=0) / h[:, None]  # [n - 1, values]
    system, right, inner = np.zeros((n, n)), np.empty_like(flat), np.arange(1, n - 1)
    system[inner, inner - 1], system[inner, inner], system[inner, inner + 1] = h[1:], 2 * (h[:-1] + h[1:]), h[:-1]
    right[1:-1] = 3 * (h[1:, None] * chord[:-1] + h[:-1, None] * chord[1:])
    for end, beside in ((0, 1), (-1, -2)):
        near, next_ = h[end], h[beside]
        system[end, end], system[end, beside] = next_, near + next_
        right[end] = (3 * near + 2 * next_) * next_ * chord[end] + near**2 * chord[beside]
        right[end] /= near + next_
    return np.linalg.solve(system, right).reshape(np.shape(y)).astype(np.float64)


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
