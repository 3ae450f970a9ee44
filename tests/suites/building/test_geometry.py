"""Geometry of angle, torsion, dimer, shift and strain scans; their coordinate is the path that it claims to be."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.geometry import get_angles, get_dihedrals
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bsct_zoo.suites.geometry import bond_scan
from bsct_zoo.suites.rotation import angle_scan, torsion_scan
from bsct_zoo.suites.strain import nearest_vectors, strain_scan
from bsct_zoo.suites.translation import contact, dimer_scan, shift_scan

SEEDS = st.integers(0, 2**32 - 1)


def distances(positions):
    return np.linalg.norm(positions[:, None] - positions, axis=-1)


def path(frames):
    """Length of the way, frame by frame, that one atom goes as seen from another: the largest of all pairs."""
    step = np.diff(frames, axis=0)
    relative = np.linalg.norm(step[:, :, None] - step[:, None], axis=-1)  # [n_frames - 1, n, n]
    return relative.max(axis=(1, 2))


def a_chain(seed, n):
    """Atoms at random, none too near to another, and which of them move."""
    rng = np.random.default_rng(seed)
    positions = rng.normal(0, 2, (n, 3))
    moving = rng.integers(0, 2, n).astype(bool)
    return positions, moving


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(3, 10), st.floats(0.3, 0.9), st.floats(1.05, 1.6))
def test_an_angle_scan_turns_one_side_rigidly(seed, n, start, stop):
    x, moving = a_chain(seed, n)
    i, j, k = 0, 1, 2
    moving[[i, j, k]] = False, False, True
    a, b = x[i] - x[j], x[k] - x[j]
    now = np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    assume(5 < now < 175 and stop * now > start * now + 1 and min(stop * now, 180) > start * now + 1)
    coordinate, frames, radius = angle_scan(x, i, j, k, moving, 400, start, stop)
    angles = get_angles(frames[:, i] - frames[:, j], frames[:, k] - frames[:, j])
    np.testing.assert_allclose(angles, np.degrees(coordinate / radius), atol=1e-4)
    np.testing.assert_allclose(angles[[0, -1]], [start * now, min(stop * now, 180)], atol=1e-3)
    for side in (moving, ~moving):
        np.testing.assert_allclose(distances(frames[-1][side]), distances(x[side]), atol=1e-9)
    np.testing.assert_array_equal(frames[:, ~moving], np.broadcast_to(x[~moving], frames[:, ~moving].shape))
    arc = np.linalg.norm(np.diff(frames, axis=0), axis=-1).max(1)  # chords of 400 frames are arcs to 1e-5
    np.testing.assert_allclose(arc, np.diff(coordinate), rtol=1e-4)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(4, 10))
def test_a_torsion_scan_goes_once_around(seed, n):
    x, moving = a_chain(seed, n)
    moving[:4] = False, False, False, True
    axis = (x[2] - x[1]) / np.linalg.norm(x[2] - x[1])
    across = [np.linalg.norm(np.cross(x[a] - x[1], axis)) for a in (0, 3)]
    assume(min(across) > 0.2)
    coordinate, frames, radius = torsion_scan(x, 0, 1, 2, 3, moving, 721)
    found = get_dihedrals(frames[:, 1] - frames[:, 0], frames[:, 2] - frames[:, 1], frames[:, 3] - frames[:, 2])
    off = (found - np.degrees(coordinate / radius) + 180) % 360 - 180
    np.testing.assert_allclose(off, 0, atol=1e-3)
    np.testing.assert_allclose(frames[0], frames[-1], atol=1e-9)
    np.testing.assert_allclose(coordinate[[0, -1]], [-np.pi * radius, np.pi * radius])
    for side in (moving, ~moving):
        np.testing.assert_allclose(distances(frames[300][side]), distances(x[side]), atol=1e-9)
    arc = np.linalg.norm(np.diff(frames, axis=0), axis=-1).max(1)
    np.testing.assert_allclose(arc, np.diff(coordinate), rtol=1e-4)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 8))
def test_the_path_of_a_bond_scan_is_its_coordinate(seed, n):
    """The measure of all scans, the path seen from the other atoms, is a bond scan's α."""
    x, moving = a_chain(seed, n)
    moving[:2] = False, True
    coordinate, frames = bond_scan(x, np.full(n, 6), 0, 1, moving.astype(int), 20)
    np.testing.assert_allclose(path(frames), np.diff(coordinate), atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 8), st.floats(0.05, 2))
def test_a_shift_scan(seed, n, reach):
    x, moving = a_chain(seed, n)
    moving[:2] = False, True
    direction = np.random.default_rng(seed + 1).normal(size=3)
    coordinate, frames = shift_scan(x, moving, direction, 21, reach)
    np.testing.assert_allclose(coordinate[[0, 10, -1]], [-reach, 0, reach], atol=1e-12)
    np.testing.assert_allclose(frames[10], x, atol=1e-12)
    np.testing.assert_array_equal(frames[:, ~moving], np.broadcast_to(x[~moving], frames[:, ~moving].shape))
    np.testing.assert_allclose(path(frames), np.diff(coordinate), atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from(["H2O", "CH4", "C6H6", "CH3CH2OH"]), st.sampled_from(["H2O", "NH3", "C2H4"]))
def test_a_dimer_scan_starts_at_contact_and_doubles_the_gap(seed, first, second):
    one, other = molecule(first), molecule(second)
    direction = np.random.default_rng(seed).normal(size=3)
    coordinate, frames = dimer_scan(one.positions, one.numbers, other.positions, other.numbers, direction, 30)
    n = len(one)
    between = frames[:, n:].mean(1) - frames[:, :n].mean(1)
    np.testing.assert_allclose(np.linalg.norm(between, axis=1), coordinate, atol=1e-9)
    np.testing.assert_allclose(path(frames), np.diff(coordinate), atol=1e-9)
    for part, atoms in ((frames[-1][:n], one), (frames[-1][n:], other)):
        np.testing.assert_allclose(distances(part), distances(atoms.positions), atol=1e-9)
    u = direction / np.linalg.norm(direction)
    centred = (atoms.positions - atoms.positions.mean(0) for atoms in (one, other))
    _, gap = contact(next(centred), one.numbers, next(centred), other.numbers, u)
    assert coordinate[-1] - coordinate[0] == pytest.approx(gap)
    assert coordinate[0] > 0 and 1.5 < gap < 3.0


def test_two_atoms_touch_at_their_radii():
    from ase.data.vdw_alvarez import vdw_radii

    distance, gap = contact(np.zeros((1, 3)), [6], np.zeros((1, 3)), [8], np.array([0, 0, 1.0]))
    assert distance == gap == pytest.approx(0.7 * (vdw_radii[6] + vdw_radii[8]))


CRYSTALS = [bulk("Cu", "fcc", a=3.6), bulk("Fe", "bcc", a=2.87), bulk("Mg", "hcp", a=3.2, c=5.2), bulk("Si", a=5.43)]


@pytest.mark.parametrize("crystal", CRYSTALS, ids=lambda c: c.get_chemical_formula())
@pytest.mark.parametrize("sheared", [False, True])
def test_a_strain_scan_deforms_cell_and_atoms_together(crystal, sheared):
    x, cell = crystal.positions, np.asarray(crystal.cell)
    coordinate, frames, cells = strain_scan(x, cell, sheared, 21)
    inside = np.linalg.solve(cell.T, x.T).T
    for frame, box in zip(frames, cells, strict=True):
        np.testing.assert_allclose(inside @ box, frame, atol=1e-10)
    deformation = np.linalg.inv(cell) @ cells
    assert np.allclose(deformation, deformation.transpose(0, 2, 1), atol=1e-12)  # no rotation in it
    if sheared:
        assert np.allclose(np.trace(deformation, axis1=1, axis2=2), 3)
        np.testing.assert_allclose(coordinate + coordinate[::-1], 0, atol=1e-12)
        moves = np.linalg.norm(nearest_vectors(x, cell) @ (deformation[1:] - deformation[:-1]), axis=-1).max(1)
        np.testing.assert_allclose(moves, np.diff(coordinate), atol=1e-10)
    else:
        for alpha, frame, box in zip(coordinate, frames, cells, strict=True):
            atoms = Atoms(crystal.numbers, frame, cell=box, pbc=True) * (3, 3, 3)
            assert alpha == pytest.approx(np.sort(atoms.get_all_distances(mic=True)[0])[1])


def test_a_strain_does_not_depend_on_the_cell_chosen():
    small, large = bulk("Cu", "fcc", a=3.6), bulk("Cu", "fcc", a=3.6) * (2, 3, 1)
    for sheared in (False, True):
        one, other = (strain_scan(c.positions, np.asarray(c.cell), sheared, 9)[0] for c in (small, large))
        np.testing.assert_allclose(one, other, atol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: angle_scan(np.eye(3), 0, 1, 2, [0, 1, 1]), "must rest"),
        (lambda: angle_scan(np.eye(3), 0, 1, 2, [0, 0, 1], start=2.0, stop=1.0), "start"),
        (lambda: torsion_scan([[0, 0, k] for k in range(4)], 0, 1, 2, 3, [0, 0, 0, 1]), "nothing rotates"),
        (lambda: shift_scan(np.eye(3), [0, 0, 0], [1, 0, 0]), "must move"),
        (lambda: shift_scan(np.eye(3), [0, 1, 0], [0, 0, 0]), "no length"),
        (lambda: dimer_scan(np.zeros((1, 3)), [1], np.zeros((1, 3)), [1], [0, 0, 1], 10, 2.0, 1.0), "start"),
        (lambda: strain_scan(np.zeros((1, 3)), np.zeros((3, 3)), False), "no cell"),
    ],
)
def test_what_is_no_scan_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
