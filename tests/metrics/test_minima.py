"""Depths of minima against SciPy's prominences, to the bit."""

import numpy as np
import pytest
from scipy.signal import find_peaks

from bsct_zoo.metrics.minima import FLOOR, prominences


def by_scipy(energy, floor):
    wall = energy.max() + max(float(np.ptp(energy)), 1.0)
    walled = np.concatenate([[wall], energy + 1e-9 * np.arange(len(energy)), [wall]])
    return np.sort(find_peaks(-walled, prominence=floor)[1]["prominences"])[::-1]


@pytest.mark.parametrize("n", [2, 3, 10, 100])
@pytest.mark.parametrize("rounded", [None, 0, 1])
def test_depths_are_those_of_scipy(n, rounded):
    rng = np.random.default_rng(n)
    found = 0
    for _ in range(20):
        energy = np.cumsum(rng.normal(size=n))
        energy = energy if rounded is None else energy.round(rounded)  # equal neighbours
        for floor in (FLOOR, 0.5, 0.0):
            depths = prominences(energy, floor)
            assert np.array_equal(depths, by_scipy(energy, floor))
            found += len(depths)
    assert found >= 60


def test_a_flat_bottom_is_one_minimum():
    flat = np.array([3.0, 1.0, 1.0 - 1e-9, 1.0 - 2e-9, 2.0])
    assert np.array_equal(prominences(flat), by_scipy(flat, FLOOR)) and len(prominences(flat)) == 1
