"""Planted steps are found where they are, and as high as they are; smooth surfaces and kinks have none."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from bsct_zoo.metrics.jumps import JumpSearch, unforetold

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from planted_defects import DEFECTS, smooth_curve

RNG = np.random.default_rng(3)
COORDINATE = np.linspace(0.76, 3.04, 100)
POSITIONS = np.zeros((100, 2, 3))
POSITIONS[:, 1, 0] = COORDINATE


def morse(alpha):
    """Energy and forces of a pair that a Morse potential holds; eV, eV/Å."""
    u = np.exp(-2.0 * (alpha - 1.53))
    slope = 2 * 4.5 * 2.0 * u * (1 - u)
    forces = np.zeros((len(alpha), 2, 3))
    forces[:, 0, 0], forces[:, 1, 0] = slope, -slope
    return 4.5 * (1 - u) ** 2, forces


def search(surface):
    """The finished search over a function of α."""
    found = JumpSearch(COORDINATE, CubicSpline(COORDINATE, POSITIONS), *surface(COORDINATE))
    while len(alpha := found.wanted()):
        np.testing.assert_allclose(found.positions(alpha)[:, 1, 0], alpha, atol=1e-12)
        found.take(*surface(alpha))
    return found


def with_step(place, energy=0.0, force=0.0, slope=0.0):
    """The smooth pair with steps of energy and of the second atom's force, and a kink of that, all beyond ``place``."""

    def surface(alpha):
        e, f = morse(alpha)
        beyond = alpha > place
        f[:, 1, 1] += force * beyond + slope * (alpha - place) * beyond
        return e + energy * beyond, f

    return surface


def test_smooth_surfaces_have_none():
    found = search(morse)
    assert found.jumps == ()
    assert not found.gave_up
    assert found.asked < 3000


@pytest.mark.parametrize("place", [0.7612345, 0.9, 1.531, 2.345678, 3.0389])
@pytest.mark.parametrize("height", [1e-5, -2e-4, 0.3])
def test_steps_of_the_energy_are_found(place, height):
    (jump,) = search(with_step(place, energy=height)).jumps
    assert jump.at == pytest.approx(place, abs=1e-5)
    assert jump.energy == pytest.approx(height, rel=1e-2)
    assert jump.force == 0.0


@pytest.mark.parametrize("place", [0.7612345, 0.9, 1.531, 2.345678, 3.0389])
@pytest.mark.parametrize("height", [1e-4, 0.02])
def test_steps_of_a_force_are_found(place, height):
    (jump,) = search(with_step(place, force=height)).jumps
    assert jump.at == pytest.approx(place, abs=1e-5)
    assert jump.force == pytest.approx(height, rel=1e-2)
    assert jump.energy == 0.0
    assert np.abs(jump.step[1, 1]) == pytest.approx(height, rel=1e-2)


def test_kinks_are_none():
    assert search(with_step(1.9, slope=3.0)).jumps == ()


def test_several_steps_are_told_apart():
    places = [1.2, 1.2001, 1.21, 2.0]

    def surface(alpha):
        e, f = morse(alpha)
        return e + sum(1e-3 * (alpha > place) for place in places), f

    assert [jump.at for jump in search(surface).jumps] == pytest.approx(places, abs=1e-5)


def test_rounding_is_no_step():
    """Energies that are rounded to 1e-4 eV have steps everywhere; only what stands out of them counts."""

    def surface(alpha):
        e, f = with_step(2.0, energy=0.05)(alpha)
        return e + 1e-4 * RNG.normal(size=len(e)), f + 1e-3 * RNG.normal(size=f.shape)

    found = search(surface)
    assert [jump.at for jump in found.jumps] == pytest.approx([2.0], abs=1e-5)
    assert found.energy_limit > 1e-3


def test_a_polynomial_of_the_fourth_degree_is_foretold():
    x = np.sort(RNG.uniform(size=9))
    assert unforetold(np.linspace(0, 1, 9), np.linspace(0, 1, 9) ** 4) == pytest.approx(np.zeros(8), abs=2e-5)
    assert unforetold(x, 3 * x**2) == pytest.approx(np.zeros(8), abs=1e-10)
    with pytest.raises(ValueError, match="too few"):
        unforetold(x[:5], x[:5])


# -- the catalogue of defects: docs/defects.md ---------------------------------------------------------------------


def planted(name, strength):
    """The finished search along a molecule with a defect; along the smooth one if ``strength`` is 0."""
    (defect,) = [each for each in DEFECTS if each.name == name]

    def at(alpha):
        curve = smooth_curve(between=alpha)
        curve = defect.plant(curve, strength, 0) if strength else curve
        rows = np.searchsorted(curve.coordinate, alpha)
        return curve.energy[rows], curve.forces[rows]

    frames = smooth_curve()
    path = CubicSpline(frames.coordinate, frames.positions)
    found = JumpSearch(frames.coordinate, path, *at(frames.coordinate))
    while len(alpha := found.wanted()):
        found.take(*at(alpha))
    return found


PLACE = 0.76 + 0.62 * 2.28


@pytest.mark.parametrize("strength", [1e-5, 1e-3, 0.1])
def test_every_step_of_the_catalogue_is_found(strength):
    (jump,) = planted("step", strength).jumps
    assert (jump.at, jump.energy, jump.force) == pytest.approx((PLACE, strength, 0), rel=1e-2, abs=1e-5)


@pytest.mark.parametrize("strength", [1e-4, 1e-2, 1.0])
def test_every_kink_of_the_catalogue_is_a_step_of_the_force(strength):
    (jump,) = planted("kink", strength).jumps
    assert (jump.at, jump.energy, jump.force) == pytest.approx((PLACE, 0, strength), rel=1e-2, abs=1e-5)


def test_a_wall_that_is_lower_within_has_a_step_of_the_force():
    (jump,) = planted("hole", 0.5).jumps
    assert jump.at == pytest.approx(0.76 + 0.1 * 2.28, abs=1e-5)
    assert jump.energy == 0


@pytest.mark.parametrize(
    ("name", "strength"),
    [("step", 0), ("ripple", 1.0), ("well", 1.0), ("spurious force", 10.0), ("scaled forces", 1.0)],
)
def test_what_is_wrong_without_a_step_has_none(name, strength):
    found = planted(name, strength)
    assert found.jumps == ()
    assert not found.gave_up


@pytest.mark.parametrize("name", ["energy noise", "force noise"])
def test_noise_is_no_step(name):
    found = planted(name, 1e-3)
    assert len(found.jumps) <= 1
    assert max(found.energy_limit, found.force_limit) > 1e-3
