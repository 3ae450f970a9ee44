"""What decides FSD, and what it does not see: against sums by hand and planted steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from bsct_zoo.metrics.fsd import WINDOW, anatomy, fsd
from bsct_zoo.metrics.residual import path_residual, path_residuals, spline_slopes

X = np.linspace(0.55, 2.2, 100)  # of a diatomic, Å
PATH = np.zeros((100, 2, 3))
PATH[:, 1, 0] = X


def morse(x, depth=5.0, width=1.9, rest=1.1):
    return depth * (1 - np.exp(-width * (x - rest))) ** 2


def pull(x, depth=5.0, width=1.9, rest=1.1):
    """[n, 2, 3] forces of ``morse``."""
    u = np.exp(-width * (x - rest))
    forces = np.zeros((len(x), 2, 3))
    forces[:, 1, 0] = -2 * depth * width * (1 - u) * u
    forces[:, 0, 0] = -forces[:, 1, 0]
    return forces


def test_every_number_by_hand():
    reference, model = pull(X), pull(X, rest=1.13)
    found = anatomy(X, model, reference, morse(X))
    e = int(np.argmin(morse(X)))

    def d(zero):
        a = np.maximum(((model - zero) ** 2).sum((1, 2)), 1.0)
        b = np.maximum(((reference - reference[e]) ** 2).sum((1, 2)), 1.0)
        return np.log(a / b)

    slopes = [abs(d(reference[e])[k + 1] - d(reference[e])[k]) / (X[k + 1] - X[k]) for k in range(99)]
    own = [abs(d(model[e])[k + 1] - d(model[e])[k]) / (X[k + 1] - X[k]) for k in range(99)]
    k = int(np.argmax(slopes))
    assert fsd(X, model, reference, morse(X))["full"] == pytest.approx(slopes[k], rel=1e-12)
    assert found.at == pytest.approx((X[k] + X[k + 1]) / 2) and abs(found.frames) == min(abs(k - e), abs(k + 1 - e))
    assert found.own_zero == pytest.approx(max(own), rel=1e-12)
    assert found.from_zero == pytest.approx(1 - own[k] / slopes[k], rel=1e-9)
    far = [s for n, s in enumerate(slopes) if min(abs(X[n] - X[e]), abs(X[n + 1] - X[e])) > WINDOW * (X[-1] - X[0])]
    assert found.outside == pytest.approx(max(far), rel=1e-12) and found.outside < slopes[k]
    norms = [np.sqrt(((model[n] - reference[n]) ** 2).sum()) for n in range(100)]
    assert found.error_slope == pytest.approx(max(abs(np.diff(norms) / np.diff(X))), rel=1e-12)


def test_a_shifted_minimum_is_seen_at_the_equilibrium_and_vanishes_with_the_models_own_zero():
    found = anatomy(X, pull(X, rest=1.13), pull(X), morse(X))
    assert abs(found.frames) <= 3 and found.own_zero < 0.6 * fsd(X, pull(X, rest=1.13), pull(X), morse(X))["full"]
    exact = anatomy(X, pull(X), pull(X), morse(X))
    assert exact.own_zero == exact.error_slope == 0 and exact.from_zero is exact.at is None


@given(st.integers(0, 98), st.floats(1e-3, 10))
def test_a_step_of_the_energy_is_found_where_it_is(k, height):
    energy = morse(X)
    energy[k + 1 :] += height
    residuals = path_residuals(X, PATH, energy, pull(X))
    assert int(np.argmax(residuals)) == k and residuals[k] == pytest.approx(height, abs=2e-2 if k < 10 else 2e-3)
    assert fsd(X, pull(X, rest=1.12), pull(X), morse(X)) == FSD_OF_FORCES_ALONE  # which no energy enters


FSD_OF_FORCES_ALONE = fsd(X, pull(X, rest=1.12), pull(X), morse(X))


@given(st.integers(0, 2**32), st.integers(4, 60), st.booleans())
def test_slopes_are_those_of_a_cubic_spline(seed, n, descending):
    rng = np.random.default_rng(seed)
    x, y = np.cumsum(rng.uniform(0.1, 1, n)), rng.normal(size=(n, 2, 3))
    expected = CubicSpline(x, y)(x, 1)
    turn = slice(None, None, -1 if descending else 1)
    np.testing.assert_allclose(spline_slopes(x[turn], y[turn])[turn], expected, rtol=0, atol=1e-10)


def test_a_smooth_surface_has_next_to_no_residual():
    coarse = path_residual(X, PATH, morse(X), pull(X))
    x = np.linspace(X[0], X[-1], 199)
    path = np.zeros((199, 2, 3))
    path[:, 1, 0] = x
    fine = path_residual(x, path, morse(x), pull(x))
    assert coarse < 1e-5 and fine <= coarse
    trapezoid = np.abs(np.diff(morse(X)) + 0.5 * np.diff(X) * (pull(X)[1:, 0, 0] - pull(X)[1:, 1, 0])).max()
    assert trapezoid > 100 * coarse  # what a sum of two frames would call a step


@pytest.mark.parametrize("turn", [1, -1])
def test_a_curved_path_and_an_uneven_grid(turn):
    angle = np.sort(np.random.default_rng(0).uniform(0, 3, 80)) * turn
    path = np.zeros((80, 1, 3))
    path[:, 0, 0], path[:, 0, 1] = 1.5 * np.cos(angle), 1.5 * np.sin(angle)
    stiff = 2.0  # E = stiff x y
    forces = np.zeros_like(path)
    forces[:, 0, 0], forces[:, 0, 1] = -stiff * path[:, 0, 1], -stiff * path[:, 0, 0]
    energy = stiff * path[:, 0, 0] * path[:, 0, 1]
    smooth = path_residual(angle, path, energy, forces)
    assert smooth < 1e-3
    energy[40:] += 0.05
    assert int(np.argmax(path_residuals(angle, path, energy, forces))) == 39


def test_too_few_frames():
    assert path_residual(X[:3], PATH[:3], morse(X)[:3], pull(X)[:3]) is None
    assert anatomy(X[:1], pull(X)[:1], pull(X)[:1], morse(X)[:1]) is None
