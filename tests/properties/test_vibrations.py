import numpy as np
import pytest
import torch
from analytic import Surface, morse, springs
from ase import Atoms, units
from ase.build import molecule

from bsct_zoo.atoms.rigid import rigid_motions
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.properties.judge import judge
from bsct_zoo.properties.measured import PropertySettings
from bsct_zoo.properties.modes import distance, matched, rotation_onto
from bsct_zoo.properties.molecules import measure_molecules
from bsct_zoo.properties.systems import System
from bsct_zoo.properties.vibrations import displaced, hessian_from_forces, vibrations

STRICT = PropertySettings(what=("relax", "frequencies"), max_force=1e-6, step=1e-3, max_steps=3000)


def measure(surface, *systems, settings=STRICT):
    named = [System(str(n), "molecule", atoms) for n, atoms in enumerate(systems)]
    return measure_molecules(surface, named, settings, Batcher(surface))


def wavenumber(stiffness, mass):
    """sqrt(k/μ) in 1/cm from SI constants: eV/Å² and amu."""
    omega = np.sqrt(stiffness * units._e * 1e20 / (mass * units._amu))
    return omega / (2 * np.pi * 100 * units._c)


def water():
    atoms = molecule("H2O")
    pairs, bends = [(0, 1), (0, 2)], [(1, 0, 2, np.cos(np.radians(atoms.get_angle(1, 0, 2))), 5.0)]
    lengths = [atoms.get_distance(*pair) for pair in pairs]
    return atoms, Surface(springs(pairs, lengths, [50.0, 50.0], bends))


@pytest.mark.parametrize(("formula", "masses"), [("N2", (14.007, 14.007)), ("CO", (12.011, 15.999))])
def test_diatomic_vibrates_at_the_root_of_stiffness_over_reduced_mass(formula, masses):
    atoms = Atoms(formula, [[0, 0, 0], [0.3, 0.4, 1.2]])
    (found,) = measure(Surface(morse(depth=4.0, width=2.0, length=1.1)), atoms)
    assert np.linalg.norm(np.diff(found.arrays["positions"], axis=0)) == pytest.approx(1.1, abs=1e-7)
    reduced = masses[0] * masses[1] / sum(masses)
    assert found.arrays["frequencies"] == pytest.approx([wavenumber(2 * 4.0 * 2.0**2, reduced)], rel=1e-5)


def test_hydrogen_at_its_known_stiffness_vibrates_where_the_textbook_has_it():
    # H2: k = 575.5 N/m gives 4401 1/cm (Huber and Herzberg, 1979).
    hessian = np.kron(np.array([[1, -1], [-1, 1]]), np.diag([0, 0, 575.5 / units._e * 1e-20]))
    found = vibrations(hessian, [[0, 0, 0], [0, 0, 0.7414]], [1.00794] * 2)
    assert found.frequencies == pytest.approx([4401], rel=2e-3)


def test_water_agrees_with_the_exact_hessian():
    atoms, surface = water()
    (found,) = measure(surface, atoms)
    energy = surface.energy_of

    def of(x):
        from bsct_zoo.atoms.batch import AtomsBatch

        return energy(AtomsBatch.from_atoms(atoms).with_positions(x.reshape(-1, 3)))[0]

    exact = torch.autograd.functional.hessian(of, torch.as_tensor(found.arrays["positions"].ravel())).numpy()
    root = np.repeat(np.sqrt(atoms.get_masses()), 3)
    squares = np.linalg.eigvalsh(exact / np.outer(root, root))
    assert np.abs(squares[:6]).max() < 1e-9 * squares[-1]  # six rigid motions, so three modes
    expected = [wavenumber(square, 1.0) for square in squares[6:]]
    assert found.arrays["frequencies"] == pytest.approx(expected, rel=1e-5)
    assert found.arrays["rigid"] < 5  # the root of an error of differences that falls with the square of the step
    modes = found.arrays["modes"].reshape(3, -1)
    assert modes @ modes.T == pytest.approx(np.eye(3), abs=1e-10)
    assert modes @ rigid_motions(found.arrays["positions"], atoms.get_masses()).T == pytest.approx(0, abs=1e-10)


def test_frequencies_do_not_depend_on_where_and_how_the_molecule_lies():
    atoms, surface = water()
    turned = atoms.copy()
    turned.rotate(73, (1, 2, 3))
    turned.translate((5, -3, 11))
    first, second = measure(surface, atoms, turned)
    assert second.arrays["frequencies"] == pytest.approx(first.arrays["frequencies"], rel=1e-5)
    assert distance(first.arrays["positions"], second.arrays["positions"]) < 1e-6


def test_isotopes_scale_frequencies_as_the_root_of_their_mass():
    atoms, surface = water()
    heavy = atoms.copy()
    heavy.set_masses(4 * atoms.get_masses())
    first, second = measure(surface, atoms, heavy)
    assert second.arrays["frequencies"] == pytest.approx(first.arrays["frequencies"] / 2, rel=1e-6)


def test_linear_molecule_has_one_mode_more_and_degenerate_bends():
    atoms = molecule("CO2")
    pairs = [(0, 1), (0, 2)]
    lengths = [atoms.get_distance(*pair) for pair in pairs]
    # 1 + cosine is (π - θ)²/2 near straight: a harmonic bend.
    both = springs(pairs, lengths, [80.0, 80.0])

    def energy(batch):
        x = batch.positions.reshape(batch.n_systems, 3, 3)
        u, v = x[:, 1] - x[:, 0], x[:, 2] - x[:, 0]
        return both(batch) + 6.0 * (1 + (u * v).sum(1) / u.norm(dim=1) / v.norm(dim=1))

    (found,) = measure(Surface(energy), atoms)
    frequencies = found.arrays["frequencies"]
    assert len(frequencies) == 4
    assert frequencies[0] == pytest.approx(frequencies[1], rel=1e-5)
    carbon, oxygen = 12.011, 15.999
    assert frequencies[2] == pytest.approx(wavenumber(80.0, oxygen), rel=1e-5)  # symmetric: carbon rests
    assert frequencies[3] == pytest.approx(wavenumber(80.0 * (1 + 2 * oxygen / carbon), oxygen), rel=1e-5)


def test_single_atom_has_no_modes():
    assert vibrations(np.zeros((3, 3)), np.zeros((1, 3)), [1.0]).frequencies.shape == (0,)


def test_differences_of_linear_forces_are_exact():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(6, 6))
    matrix = matrix + matrix.T
    x = rng.normal(size=(2, 3))
    forces = -(displaced(x, 0.01) - x).reshape(12, 6) @ matrix
    assert hessian_from_forces(forces.reshape(12, 2, 3), 0.01) == pytest.approx(matrix, abs=1e-10)


def test_saddle_shows_its_imaginary_mode():
    atoms = Atoms("H2O", [[0.96, 0, 0], [-0.96, 0, 0], [0, 0, 0]])  # straight, bent away from by the cosine
    both = springs([(0, 2), (1, 2)], [0.96, 0.96], [50.0, 50.0])

    def energy(batch):
        x = batch.positions.reshape(batch.n_systems, 3, 3)
        u, v = x[:, 0] - x[:, 2], x[:, 1] - x[:, 2]
        return both(batch) - 2.0 * (1 + (u * v).sum(1) / u.norm(dim=1) / v.norm(dim=1))

    (found,) = measure(Surface(energy), atoms)
    result = judge(found, None)
    assert (found.arrays["frequencies"] < -100).sum() == 2  # the bend, in both directions
    assert result.metrics["imaginary"] == 2
    assert "2 imaginary modes" in result.notes[0]
    assert [q.message for q in result.quantities if q.kind == "frequency"][:2] == ["imaginary"] * 2


def test_modes_that_swapped_places_find_each_other():
    atoms = molecule("H2O")
    pairs = [(0, 1), (0, 2)]
    lengths = [atoms.get_distance(*pair) for pair in pairs]
    cosine = np.cos(np.radians(atoms.get_angle(1, 0, 2)))

    def surface(coupling):
        # a bond-bond coupling of this sign puts the symmetric stretch above or below the asymmetric one
        rigid = springs(pairs, lengths, [50.0, 50.0], [(1, 0, 2, cosine, 5.0)])

        def energy(batch):
            x = batch.positions.reshape(batch.n_systems, 3, 3)
            a, b = ((x[:, j] - x[:, i]).norm(dim=1) - r for (i, j), r in zip(pairs, lengths, strict=True))
            return rigid(batch) + coupling * a * b

        return Surface(energy)

    turned = atoms.copy()
    turned.rotate(40, (1, 1, 0))
    (mine,), (truth,) = measure(surface(6.0), turned), measure(surface(-6.0), atoms)
    result = judge(mine, truth)
    errors = {q.name: q.error for q in result.quantities if q.kind == "frequency"}
    turn = rotation_onto(mine.arrays["positions"], truth.arrays["positions"], atoms.get_masses())
    partner, overlap = matched(mine.arrays["modes"], truth.arrays["modes"], turn)
    assert partner.tolist() == [0, 2, 1]
    assert overlap.min() > 0.95
    a, b = mine.arrays["frequencies"], truth.arrays["frequencies"]
    assert errors["mode 2"] == pytest.approx(a[1] - b[2])
    assert errors["mode 3"] == pytest.approx(a[2] - b[1])
    assert abs(errors["mode 2"]) > abs(a[1] - b[1]) + 10  # sorting by size would have hidden it


def test_rotation_is_found_for_a_planar_molecule_and_never_mirrors():
    x = molecule("H2O").positions
    turned = Atoms("H3", x)
    turned.rotate(100, (1, -2, 1))
    turn = rotation_onto(turned.positions, x, [16, 1, 1])
    assert np.linalg.det(turn) == pytest.approx(1)
    centred = turned.positions - turned.positions.mean(0)
    assert centred @ turn == pytest.approx(x - x.mean(0), abs=1e-9)


def test_frequencies_are_those_of_ase(tmp_path, monkeypatch):
    from ase.vibrations import Vibrations

    from bsct_zoo.potentials.bridges import PotentialCalculator

    monkeypatch.chdir(tmp_path)
    atoms, surface = water()
    (found,) = measure(surface, atoms)
    atoms.positions = found.arrays["positions"]
    atoms.calc = PotentialCalculator(surface)
    theirs = Vibrations(atoms, delta=1e-3, nfree=2)
    theirs.run()
    assert found.arrays["frequencies"] == pytest.approx(theirs.get_frequencies()[6:].real, rel=1e-5)
