"""Displacements, against what they are defined by."""

import numpy as np
import pytest
from ase import units
from ase.build import molecule
from ase.data import covalent_radii
from hypothesis import given
from hypothesis import strategies as st

from bsct_zoo.properties.vibrations import vibrations
from bsct_zoo.training.making.displacements import (
    along_modes,
    cuttable,
    pulled,
    random_rotation,
    side_by_side,
    spread_evenly,
)

seeds = st.integers(0, 2**32)


@pytest.mark.parametrize("temperature", [10.0, 300.0, 3000.0])
def test_a_diatomic_moves_as_a_quantum_oscillator_does(temperature):
    """One mode: the variance of the bond length is ħ/(2μω) coth(ħω/2kT), zero-point motion at low temperature."""
    masses, stiffness = np.array([1.0, 12.0]), 30.0  # u, eV/Å²
    reduced = masses.prod() / masses.sum()
    block = np.diag([0, 0, stiffness])
    hessian = np.block([[block, -block], [-block, block]])
    x = np.array([[0, 0, 0], [0, 0, 1.1]])
    found = vibrations(hessian, x, masses)
    rng = np.random.default_rng(1)
    lengths = [np.ptp(along_modes(x, masses, found, temperature, rng)[:, 2]) for _ in range(4000)]
    omega = np.sqrt(stiffness / reduced)
    hbar = units._hbar * units.J * units.second
    expected = hbar / (2 * reduced * omega) / np.tanh(hbar * omega / (2 * units.kB * temperature))
    assert np.mean(lengths) == pytest.approx(1.1, abs=5 * np.sqrt(expected / 4000))
    assert np.var(lengths) == pytest.approx(expected, rel=0.1)


def test_soft_and_imaginary_modes_do_not_run_away():
    ethane = molecule("C2H6")
    masses = ethane.get_masses()
    found = vibrations(-1e-3 * np.eye(24), ethane.positions, masses)
    rng = np.random.default_rng(0)
    moved = [along_modes(ethane.positions, masses, found, 300, rng) - ethane.positions for _ in range(50)]
    assert 0.01 < np.std(moved) < 0.5


@given(seeds, st.floats(0.7, 3.0))
def test_a_pulled_bond_has_its_length_and_its_halves_are_rigid(seed, length):
    ethanol = molecule("CH3CH2OH")
    rng = np.random.default_rng(seed)
    x = ethanol.positions + rng.normal(0, 0.05, (9, 3))
    bonds = ((0, 1), (0, 2), (2, 3), (0, 4), (0, 5), (1, 6), (1, 7), (1, 8))
    assert len(cuttable(9, bonds)) == 8
    bond, side = cuttable(9, bonds)[0]
    moved = pulled(x, bond, side, length)
    i, j = bond
    assert np.linalg.norm(moved[i] - moved[j]) == pytest.approx(length)
    for half in (side == 0, side == 1):
        shift = (moved - x)[half]
        assert np.abs(shift - shift[0]).max() < 1e-12


def test_bonds_in_rings_are_not_cut():
    assert cuttable(4, ((0, 1), (1, 2), (0, 2), (2, 3))) and len(cuttable(4, ((0, 1), (1, 2), (0, 2), (2, 3)))) == 1


@given(seeds, st.floats(0.6, 1.6))
def test_dimers_are_as_near_as_asked(seed, target):
    a, b = molecule("H2O"), molecule("CH4")
    both = side_by_side(a.positions, a.numbers, b.positions, b.numbers, target, np.random.default_rng(seed))
    gap = np.linalg.norm(both[:3, None] - both[3:], axis=-1)
    ratio = (gap / (covalent_radii[a.numbers][:, None] + covalent_radii[b.numbers] + 1.0)).min()
    assert target <= ratio < target + 0.05


@given(seeds)
def test_rotations_are_proper(seed):
    turn = random_rotation(np.random.default_rng(seed))
    assert np.allclose(turn @ turn.T, np.eye(3)) and np.linalg.det(turn) == pytest.approx(1)


@given(seeds, st.integers(1, 50))
def test_numbers_are_spread_over_the_range(seed, count):
    drawn = spread_evenly(count, 0.5, 2.0, np.random.default_rng(seed))
    assert ((drawn - 0.5) // (1.5 / count)).round().astype(int).tolist() == pytest.approx(list(range(count)), abs=1)
    assert (np.diff(drawn) > 0).all() and drawn.min() >= 0.5 and drawn.max() <= 2.0
    assert len(spread_evenly(0, 0.5, 2.0, np.random.default_rng(seed))) == 0
