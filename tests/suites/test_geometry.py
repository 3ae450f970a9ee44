"""The cut of a molecule at a bond, and the frames of a bond scan."""

import numpy as np
import pytest
from ase.build import molecule
from ase.data import covalent_radii
from hypothesis import given, settings
from hypothesis import strategies as st

from bsct_zoo.atoms.structure import bonds_by_distance
from bsct_zoo.suites.geometry import bond_scan, fragments


def distances(positions):
    return np.linalg.norm(positions[:, None] - positions, axis=-1)


def test_fragments_of_ethanol():
    atoms = molecule("CH3CH2OH")
    c1, c2 = (k for k, z in enumerate(atoms.numbers) if z == 6)
    labels = fragments(len(atoms), bonds_by_distance(atoms), c1, c2)
    sizes = sorted(np.bincount(labels).tolist())
    assert sizes == [4, 5]  # CH3 and CH2OH
    assert labels[c1] == 0
    assert labels[c2] == 1
    assert (fragments(len(atoms), bonds_by_distance(atoms), c2, c1) == 1 - labels).all()


def test_fragments_does_not_change_its_input():
    bonds = [(0, 1), (1, 2)]
    fragments(3, bonds, 0, 1)
    assert bonds == [(0, 1), (1, 2)]


def test_a_ring_bond_is_refused():
    with pytest.raises(ValueError, match="ring") as caught:
        fragments(3, [(0, 1), (1, 2), (2, 0)], 0, 1)
    assert type(caught.value) is ValueError


def test_a_bond_beside_a_ring_is_cut():
    labels = fragments(5, [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4)], 3, 2)
    assert labels.tolist() == [1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("n_atoms", "bonds", "i", "j", "message"),
    [
        (3, [(0, 1), (1, 2)], 0, 2, "not bonded"),
        (3, [(0, 1), (1, 2)], 1, 1, "not bonded"),
        (3, [(0, 1)], 0, 1, "neither side"),
        (2, [(0, 1), (1, 2)], 0, 1, "outside"),
        (2, [(0, 1)], 0, 2, "not bonded"),
        (2, [(0, 1)], -2, 1, "not bonded"),
    ],
)
def test_what_cannot_be_cut_is_refused(n_atoms, bonds, i, j, message):
    with pytest.raises(ValueError, match=message):
        fragments(n_atoms, bonds, i, j)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_every_bond_of_a_tree_cuts_it_in_two(n_atoms, seed):
    rng = np.random.default_rng(seed)
    bonds = [(int(rng.integers(k)), k) for k in range(1, n_atoms)]
    for i, j in bonds:
        labels = fragments(n_atoms, bonds, i, j)
        assert set(labels.tolist()) == {0, 1}
        crossing = [(a, b) for a, b in bonds if labels[a] != labels[b]]
        assert crossing == [(i, j)]


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_atoms=st.integers(2, 15),
    n_frames=st.integers(2, 40),
    start=st.floats(0.1, 1.0),
    span=st.floats(0.1, 3.0),
)
def test_frames_of_a_scan(seed, n_atoms, n_frames, start, span):
    rng = np.random.default_rng(seed)
    positions = rng.normal(0, 3, (n_atoms, 3))
    numbers = rng.choice([1, 6, 7, 8, 9, 15, 16, 17, 35, 53], n_atoms)
    labels = rng.integers(0, 2, n_atoms)
    i, j = rng.permutation(n_atoms)[:2]
    labels[[i, j]] = 0, 1
    before = positions.copy()

    coordinate, frames = bond_scan(positions, numbers, i, j, labels, n_frames, start, start + span)

    assert (positions == before).all()
    assert frames.shape == (n_frames, n_atoms, 3)
    covalent = covalent_radii[numbers[i]] + covalent_radii[numbers[j]]
    np.testing.assert_allclose(coordinate[[0, -1]], [start * covalent, (start + span) * covalent])
    np.testing.assert_allclose(np.diff(coordinate), span * covalent / (n_frames - 1))
    # the distance is the coordinate, along the bond as it was, about its midpoint
    bond = frames[:, j] - frames[:, i]
    unit = (positions[j] - positions[i]) / np.linalg.norm(positions[j] - positions[i])
    np.testing.assert_allclose(bond, coordinate[:, None] * unit, atol=1e-12)
    np.testing.assert_allclose((frames[:, i] + frames[:, j]) / 2 - (positions[i] + positions[j]) / 2, 0, atol=1e-12)
    # both fragments are rigid
    for side in (0, 1):
        for frame in frames:
            np.testing.assert_allclose(
                distances(frame[labels == side]), distances(positions[labels == side]), atol=1e-11
            )
    # swapping the ends describes the same frames
    other, same = bond_scan(positions, numbers, j, i, 1 - labels, n_frames, start, start + span)
    np.testing.assert_array_equal(other, coordinate)
    np.testing.assert_allclose(same, frames, atol=1e-12)


def test_the_standard_scan_has_the_papers_range():
    coordinate, frames = bond_scan([[0, 0, 0], [0, 0, 1.5]], [6, 6], 0, 1, [0, 1])
    assert frames.shape == (100, 2, 3)
    np.testing.assert_allclose(coordinate, np.linspace(0.76, 3.04, 100))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [0, 0]}, "labels"),
        ({"labels": [1, 0]}, "labels"),
        ({"labels": [0, 2]}, "labels"),
        ({"labels": [0, 1, 1]}, "same atoms"),
        ({"n_frames": 1}, "2 frames"),
        ({"start": 0.0}, "start"),
        ({"start": 2.0, "stop": 0.5}, "start"),
        ({"positions": [[0, 0, 0], [0, 0, 0]]}, "coincide"),
        ({"positions": [[0, 0, 0], [0, 0, np.nan]]}, "not finite"),
    ],
)
def test_what_is_no_scan_is_refused(change, message):
    arguments = {"positions": [[0, 0, 0], [0, 0, 1.5]], "atomic_numbers": [6, 8], "i": 0, "j": 1, "labels": [0, 1]}
    with pytest.raises(ValueError, match=message):
        bond_scan(**{**arguments, **change})
