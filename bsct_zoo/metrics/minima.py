"""Spurious minima of a scan's energy, which trap relaxations and dynamics."""

from __future__ import annotations

import numpy as np

from bsct_zoo.metrics.ranges import Floats

FLOOR = 0.01  # eV: a well that thermal motion at 120 K does not notice


def prominences(energy: Floats, floor: float = FLOOR) -> Floats:
    """Depth in eV of every minimum of ``energy`` [n_frames] that is deeper than ``floor``, deepest first.

    The depth of a minimum is its topographic prominence: the climb that is needed to reach a lower one (the lowest has
    the depth of the curve). An end of the scan from which the energy only rises is a minimum too, so that a hole at
    short distance counts.
    """
    if len(energy) < 2:
        return np.zeros(0)
    wall = energy.max() + max(float(np.ptp(energy)), 1.0)
    walled = np.concatenate([[wall], energy + 1e-9 * np.arange(len(energy)), [wall]])  # of equal minima one is lower
    depths = _depths(walled[np.append(True, np.diff(walled) != 0)])  # a flat bottom is one minimum
    return np.sort(depths[depths >= floor])[::-1]


def _depths(walled: Floats) -> Floats:
    """Prominence of every local minimum, as ``scipy.signal.find_peaks`` has it, whose import takes most of a second."""
    found = []
    for i in np.flatnonzero((walled[1:-1] < walled[:-2]) & (walled[1:-1] < walled[2:])) + 1:
        lower = np.flatnonzero(walled < walled[i])
        left = lower[lower < i].max(initial=-1) + 1  # up to the next lower point on either side
        right = lower[lower > i].min(initial=len(walled))
        found.append(min(walled[left:i].max(), walled[i + 1 : right].max()) - walled[i])
    return np.array(found)


def extra_minima(energy: Floats, reference_energy: Floats | None = None, floor: float = FLOOR) -> tuple[float, float]:
    """Number of minima beyond the expected ones, and the depth in eV of the deepest of these.

    As many as ``reference_energy`` has are expected, or one without a reference; the deepest count as expected.
    """
    expected = 1 if reference_energy is None else max(1, len(prominences(reference_energy, floor)))
    beyond = prominences(energy, floor)[expected:]
    return float(len(beyond)), float(beyond[0]) if len(beyond) else 0.0
