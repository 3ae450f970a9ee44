"""Windows of scans to train smoothness on."""

import dataclasses

import numpy as np
import pytest
import torch

from bsct_zoo.errors import BadInputError
from bsct_zoo.metrics.fsd import log_ratio, steepest
from bsct_zoo.metrics.soft_fsd import soft_fsd
from bsct_zoo.suites.library import open_suite, suite_path
from bsct_zoo.suites.suite import Suite
from bsct_zoo.suites.suite_file import write_suite
from bsct_zoo.training.windows import Windows, training_scans

CORE = open_suite("core")
ELEMENTS = frozenset(range(1, 60))
SHIPPED = {"core": str(suite_path("core"))}


def moved(scan):
    """The scan a little aside, so that no frame of it is one of the suite's."""
    return dataclasses.replace(scan, id=f"{scan.id}-moved", positions=scan.positions + 0.1)


def test_windows_are_parts_of_scans_and_the_same_for_the_same_step():
    windows = Windows(CORE.scans[:3], 6, seed=0, dtype=torch.float64)
    seen = set()
    for step in range(30):
        one, again = windows.at(step), windows.at(step)
        assert torch.equal(one.batch.positions, again.batch.positions)
        scan = next(
            s
            for s in CORE.scans[:3]
            if len(s.atomic_numbers) == one.forces.shape[1] and np.isin(one.coordinate.numpy(), s.coordinate).all()
        )
        first = int(np.searchsorted(scan.coordinate, one.coordinate[0].item()))
        part = slice(first, first + 6)
        assert np.array_equal(one.batch.positions.numpy(), scan.positions[part].reshape(-1, 3))
        assert np.array_equal(one.forces.numpy(), scan.forces[part])
        assert np.array_equal(one.at_minimum.numpy(), scan.forces[np.argmin(scan.energy)])
        seen.add((scan.id, first))
    assert len(seen) > 20
    other = Windows(CORE.scans[:3], 6, seed=1, dtype=torch.float64)
    assert any(not torch.equal(other.at(k).coordinate, windows.at(k).coordinate) for k in range(5))


def test_the_whole_scan_as_a_window_gives_its_fsd():
    scan = CORE.scans[0]
    window = Windows([scan], scan.n_frames, seed=0, dtype=torch.float64).at(0)
    soft = soft_fsd(window.coordinate, 1.3 * window.forces, window.forces, window.at_minimum, 1.0, 1e-6, 1e-9)
    sharp = steepest(scan.coordinate, log_ratio(1.3 * scan.forces, scan.forces, scan.energy))
    assert soft.item() == pytest.approx(sharp, rel=1e-5)


def test_frames_without_a_reference_are_in_no_window():
    scan = CORE.scans[0]
    energy = scan.energy.copy()
    energy[50] = np.nan
    holed = dataclasses.replace(scan, energy=energy)
    windows = Windows([holed], 10, seed=0, dtype=torch.float64)
    assert all(not np.isin(scan.coordinate[50], windows.at(k).coordinate.numpy()) for k in range(200))
    with pytest.raises(BadInputError, match="no scan has 100 consecutive frames"):
        Windows([holed], 100, seed=0, dtype=torch.float64)
    with pytest.raises(BadInputError, match="must be 2 or more"):
        Windows([holed], 1, seed=0, dtype=torch.float64)


def test_a_shipped_suite_is_not_trained_on_whatever_it_is_called(tmp_path):
    with pytest.raises(BadInputError, match="is in the shipped suite 'core', which must not be used for training"):
        training_scans("core", ELEMENTS, SHIPPED)
    mine = [moved(CORE.scans[0]), CORE.scans[5]]
    path = tmp_path / "mine.npz"
    write_suite(path, Suite("mine", "t", CORE.level_of_theory, "MIT", "", tuple(sorted(mine, key=lambda s: s.id))))
    with pytest.raises(BadInputError, match="in the shipped suite 'core'"):
        training_scans(str(path), ELEMENTS, SHIPPED)


def test_scans_of_the_models_elements(tmp_path):
    path = tmp_path / "mine.npz"
    scans = tuple(sorted((moved(scan) for scan in CORE.scans), key=lambda s: s.id))
    write_suite(path, Suite("mine", "t", CORE.level_of_theory, "MIT", "", scans))
    assert len(training_scans(str(path), ELEMENTS, SHIPPED)) == len(CORE.scans)
    few = training_scans(str(path), frozenset({1, 6, 8}), SHIPPED)
    assert few and all(set(scan.atomic_numbers) <= {1, 6, 8} for scan in few)
    with pytest.raises(BadInputError, match="no scan of molecules with elements"):
        training_scans(str(path), frozenset({2}), SHIPPED)
