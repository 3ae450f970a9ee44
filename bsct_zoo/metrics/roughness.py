"""Spectral roughness: the part of the force along a scan in ripples that are too short to be chemistry."""

from __future__ import annotations

import numpy as np

from bsct_zoo.metrics.ranges import Floats
from bsct_zoo.metrics.reference_free import force_along

SHORTEST = 0.25  # Å: the force of a chemical bond does not oscillate on a shorter length
_SCALE = 10.0  # eV/Å: what a bond pulls within SHORTEST of its minimum; above it the logarithm of a force counts


def force_roughness(coordinate: Floats, positions: Floats, forces: Floats, shortest: float = SHORTEST) -> float | None:
    """Root mean square of the components of asinh(f / 10 eV/Å) whose wavelength is below ``shortest`` Å.

    f is the force along the scan. Its inverse hyperbolic sine follows f where f is small and the logarithm of its size
    where it is large, so that the wall of a compressed bond does not hide everything else; a value of 0.01 is a ripple
    of 0.1 eV/Å, or of one per cent where the force is large. The spectrum is that of the second differences under a
    Hann window (which takes out the slope that the two ends do not share), divided by the response of the difference.

    Args:
        coordinate: [n_frames] Å, equally spaced.
        positions: [n_frames, n_atoms, 3] Å.
        forces: [n_frames, n_atoms, 3] eV/Å.
        shortest: in Å.

    Returns:
        None with fewer than 16 frames, or where they are not equally spaced or too coarse to hold such a ripple.
    """
    n = len(coordinate) - 2
    step = np.diff(coordinate)
    if n < 14 or not np.allclose(step, step.mean(), rtol=1e-3) or shortest < 2.5 * step.mean():
        return None
    signal = np.arcsinh(force_along(coordinate, positions, forces) / _SCALE)
    window = np.hanning(n + 2)[1:-1]
    bent = np.fft.rfft(np.diff(signal, 2) * window)
    frequency = np.fft.rfftfreq(n, d=float(step.mean()))  # 1/Å
    short = frequency > 1 / shortest
    response = 2 - 2 * np.cos(2 * np.pi * frequency[short] * step.mean())
    power = 2 * np.abs(bent[short] / response) ** 2 / (n * (window**2).sum())
    return float(np.sqrt(power.sum()))
