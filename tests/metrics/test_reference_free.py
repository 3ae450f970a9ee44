"""Minima, roughness, asphericity and the catalogue of planted defects: what sees what is a promise of the docs."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bsct_zoo.metrics.minima import extra_minima, prominences
from bsct_zoo.metrics.orientation import asphericity
from bsct_zoo.metrics.roughness import force_roughness

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
from planted_defects import DEFECTS, detection, scores, smooth_curve  # noqa: E402

X = np.linspace(0.7, 2.9, 100)


def morse(x, depth=4.0):
    return depth * (1 - np.exp(-2 * (x - 1.2))) ** 2


def pulled(force):
    """Positions and forces of two atoms, each moved by half."""
    positions, forces = np.zeros((len(X), 2, 3)), np.zeros((len(X), 2, 3))
    positions[:, 0, 2], positions[:, 1, 2] = -X / 2, X / 2
    forces[:, 0, 2], forces[:, 1, 2] = -force, force
    return positions, forces


# -- minima -------------------------------------------------------------------------------------------------


def test_a_single_well_has_one_minimum():
    assert len(prominences(morse(X))) == 1
    assert extra_minima(morse(X)) == (0.0, 0.0)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.05, 3.0), st.floats(1.6, 2.4))
def test_the_depth_of_a_planted_well(depth, place):
    """A narrow well on a flat bottom is as deep as it was made, wherever it is."""
    energy = np.where(X < 1.0, 20 * (1.0 - X), 0.0) - 0.5 * np.exp(-(((X - 1.2) / 0.05) ** 2))
    energy -= depth * np.exp(-(((X - place) / 0.05) ** 2))
    count, deepest = extra_minima(energy)
    assert count == 1
    assert deepest == pytest.approx(min(depth, 0.5), rel=0.2)  # between frames; the deeper of the two is taken as right


def test_a_hole_at_the_end_is_a_minimum():
    energy = np.where(X < 0.9, morse(np.array(0.9)) - 50 * (0.9 - X), morse(X))
    count, depth = extra_minima(energy)
    assert count == 1
    assert depth > 1


def test_what_the_reference_has_is_not_extra():
    double = morse(X) - 1.5 * np.exp(-(((X - 2.2) / 0.1) ** 2))
    assert extra_minima(double)[0] == 1
    assert extra_minima(double, double) == (0.0, 0.0)


@settings(max_examples=50, deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(0.1, 10))
def test_minima_know_neither_the_zero_of_energy_nor_small_noise(offset, scale):
    double = scale * (morse(X) - 1.5 * np.exp(-(((X - 2.2) / 0.1) ** 2)))
    noise = np.random.default_rng(0).uniform(-0.004, 0.004, len(X))
    assert extra_minima(double + offset + noise)[0] == extra_minima(double)[0]


# -- roughness ----------------------------------------------------------------------------------------------


def test_roughness_is_the_size_of_a_ripple():
    """A ripple of amplitude a on no force has a root mean square of a / sqrt 2, in units of 10 eV/Å."""
    for amplitude in (0.01, 0.1, 1.0):
        positions, forces = pulled(amplitude * np.sin(2 * np.pi * X / 0.12))
        along = force_roughness(X, positions, forces)
        assert along == pytest.approx(amplitude / 10 / np.sqrt(2), rel=0.05)


def test_long_waves_are_not_rough():
    positions, forces = pulled(np.sin(2 * np.pi * X / 1.0))
    assert force_roughness(X, positions, forces) < 1e-3 / np.sqrt(2)


def test_roughness_of_a_wall_is_small():
    slope = 16 * (1 - np.exp(-2 * (X - 1.2))) * np.exp(-2 * (X - 1.2))
    positions, forces = pulled(-slope)  # 32 eV/Å² at the minimum, as a C-C bond
    assert force_roughness(X, positions, forces) < 0.01


def test_roughness_where_it_means_nothing():
    positions, forces = pulled(np.sin(X))
    assert force_roughness(X[:10], positions[:10], forces[:10]) is None
    uneven = np.sort(np.random.default_rng(0).uniform(0.7, 2.9, len(X)))
    assert force_roughness(uneven, positions, forces) is None
    assert force_roughness(10 * X, 10 * positions, forces) is None


# -- asphericity --------------------------------------------------------------------------------------------


def test_asphericity():
    energy = np.tile(morse(X), (6, 1))
    assert asphericity(energy) < 1e-12
    spread = np.random.default_rng(0).normal(0, 0.1, (400, len(X)))
    assert asphericity(morse(X) + spread) == pytest.approx(0.1, rel=0.05)
    assert asphericity(energy[:1]) is None


# -- the catalogue ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    return detection()


def test_the_smooth_curve_is_conservative_and_has_one_well():
    fine = smooth_curve(n_frames=2000)
    gradient = np.gradient(fine.energy, fine.coordinate)
    way = np.gradient(fine.positions, fine.coordinate, axis=0)
    assert np.abs(np.linalg.norm(way, axis=2) - 0.5).max() < 1e-9
    along = (fine.forces * way).sum((1, 2))
    assert np.abs(along + gradient)[5:-5].max() < 2e-2
    clean = scores(smooth_curve(), smooth_curve())
    assert (clean["force_flips"], clean["extra_minima"]) == (1, 0)


@pytest.mark.parametrize("defect", [d for d in DEFECTS if d.name in ("kink", "ripple", "well")], ids=lambda d: d.name)
def test_conservative_defects_are_conservative(defect):
    """Their forces are the gradient of their energies, to the error of the difference."""
    fine = smooth_curve(n_frames=4000)
    bad = defect.plant(fine, 1.0, 0)
    way = np.gradient(fine.positions, fine.coordinate, axis=0)
    added = ((bad.forces - fine.forces) * way).sum((1, 2))
    gradient = np.gradient(bad.energy - fine.energy, fine.coordinate)
    inner = np.abs(added + gradient)[5:-5]
    assert np.quantile(inner, 0.99) < 0.05 * np.abs(added).max()


SEEN_BY = {  # the least that the docs promise: metric and defect, seen from this strength on or earlier
    ("nonconservativity", "step"): 0.03,
    ("path_residual", "step"): 0.003,
    ("path_residual", "energy noise"): 0.001,
    ("path_residual", "scaled forces"): 0.001,
    ("fsd_outside", "kink"): 0.1,
    ("fsd_own_zero", "well"): 0.1,
    ("fsd_full", "kink"): 1,
    ("force_roughness", "kink"): 0.3,
    ("force_roughness", "ripple"): 0.003,
    ("fsd_full", "ripple"): 0.01,
    ("fsd_full", "well"): 0.3,
    ("force_roughness", "well"): 0.03,
    ("extra_minima", "well"): 1,
    ("force_flips", "well"): 1,
    ("extra_minima", "hole"): 3,
    ("fsd_full", "spurious force"): 10,
    ("nonconservativity", "scaled forces"): 0.01,
    ("fsd_full", "force noise"): 0.3,
    ("force_roughness", "force noise"): 0.03,
    ("energy_jump", "energy noise"): 0.01,
    ("nonconservativity", "energy noise"): 0.03,
}
BLIND = [
    ("fsd_full", "step"),
    ("fsd_full", "energy noise"),
    ("nonconservativity", "spurious force"),
    ("force_roughness", "step"),
    ("fsd_outside", "step"),
    ("path_residual", "spurious force"),
    ("energy_jump", "force noise"),
]


@pytest.mark.parametrize(("metric", "defect"), SEEN_BY, ids="-".join)
def test_planted_defects_are_found(table, metric, defect):
    found = table[metric][defect]
    assert found is not None
    assert found <= SEEN_BY[metric, defect]


@pytest.mark.parametrize(("metric", "defect"), BLIND, ids="-".join)
def test_what_a_metric_cannot_see_it_does_not_claim(table, metric, defect):
    assert table[metric][defect] is None


def test_every_defect_is_seen_by_something(table):
    for defect in DEFECTS:
        seen = [row[defect.name] for row in table.values() if row[defect.name] is not None]
        assert min(seen) <= 3, defect.name


def test_the_page_is_true():
    import defects

    assert (BENCHMARKS.parent / "docs" / "defects.md").read_text() == defects.page()
