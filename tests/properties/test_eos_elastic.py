import numpy as np
import pytest
from ase.build import bulk
from ase.spacegroup import crystal

from bsct_zoo.properties import elastic
from bsct_zoo.properties.eos import EquationOfState, birch_murnaghan, fit_birch_murnaghan
from bsct_zoo.properties.symmetry import is_cubic, symmetry_of


def test_planted_equation_of_state_is_recovered():
    planted = EquationOfState(energy=-1234.5, volume=16.3, bulk_modulus=0.62, derivative=4.7)
    volumes = np.linspace(15.0, 17.5, 9)
    found = fit_birch_murnaghan(volumes, birch_murnaghan(volumes, planted))
    assert found.energy == pytest.approx(planted.energy, abs=1e-9)
    assert found.volume == pytest.approx(planted.volume, rel=1e-8)
    assert found.bulk_modulus == pytest.approx(planted.bulk_modulus, rel=1e-6)
    assert found.derivative == pytest.approx(planted.derivative, rel=1e-4)


def test_bulk_modulus_is_the_curvature_of_the_equation():
    planted = EquationOfState(0.0, 20.0, 0.5, 5.0)
    h = 1e-3
    e = birch_murnaghan([20 - h, 20, 20 + h], planted)
    assert 20 * (e[0] - 2 * e[1] + e[2]) / h**2 == pytest.approx(0.5, rel=1e-5)


def test_no_minimum_is_refused():
    with pytest.raises(ValueError, match="no minimum"):
        fit_birch_murnaghan(np.linspace(10, 12, 7), np.linspace(0, 1, 7))


def random_constants(seed=0):
    root = np.random.default_rng(seed).normal(size=(6, 6))
    return root @ root.T + 3 * np.eye(6)


def test_constants_from_stress_and_from_energy_are_those_planted():
    c = random_constants()
    stress = np.zeros((12, 3, 3))
    for n, strain in enumerate(elastic.stress_strains(0.01)):
        for value, (i, j) in zip(c @ strain, elastic.VOIGT, strict=True):
            stress[n, i, j] = stress[n, j, i] = value
    assert elastic.from_stress(stress, 0.01) == pytest.approx(c, rel=1e-9)
    volume = 30.0
    energies = [7.0 + 0.5 * volume * strain @ c @ strain for strain in elastic.energy_strains(0.01)]
    assert elastic.from_energy(energies, volume, 0.01) == pytest.approx(c, rel=1e-6)


def test_work_of_a_voigt_strain_is_that_of_its_matrix():
    rng = np.random.default_rng(1)
    strain, stress = rng.normal(size=6), rng.normal(size=6)
    matrix = np.zeros((3, 3))
    for value, (i, j) in zip(stress, elastic.VOIGT, strict=True):
        matrix[i, j] = matrix[j, i] = value
    assert np.sum(matrix * elastic.strain_matrix(strain)) == pytest.approx(stress @ strain)


def test_moduli_of_an_isotropic_solid():
    bulk_modulus, shear = 100.0, 40.0
    c = np.diag([2 * shear] * 3 + [shear] * 3)
    c[:3, :3] += bulk_modulus - 2 / 3 * shear
    found = elastic.moduli(c)
    assert (found.bulk, found.shear) == (pytest.approx(bulk_modulus), pytest.approx(shear))
    assert elastic.stable(c)
    assert not elastic.stable(c - 50 * np.diag([0, 0, 0, 1, 0, 0]))


def test_moduli_of_copper_are_those_of_the_tables():
    # C11, C12, C44 of Cu: 168.4, 121.4, 75.4 GPa; Hill's shear modulus 47.3 and bulk modulus 137.1 GPa
    # (Simmons and Wang, 1971).
    c = np.diag([168.4] * 3 + [75.4] * 3)
    c[:3, :3] += 121.4 - np.diag([121.4] * 3)
    found = elastic.moduli(c)
    assert found.bulk == pytest.approx(137.1, abs=0.1)
    assert found.shear == pytest.approx(47.3, abs=0.4)
    assert elastic.cubic_constants(c) == pytest.approx((168.4, 121.4, 75.4))


@pytest.mark.parametrize(
    ("atoms", "expected"),
    [
        (bulk("Cu"), True),
        (bulk("Si"), True),
        (bulk("NaCl", "rocksalt", a=5.64), True),
        (bulk("Cu", cubic=True), True),
        (bulk("Fe"), True),
        (bulk("CsCl", "cesiumchloride", a=4.1), True),
        (bulk("Mg"), False),
        (bulk("TiO", "zincblende", a=4.5), True),
    ],
)
def test_cubic_crystals_are_known(atoms, expected):
    assert is_cubic(atoms.numbers, atoms.positions, atoms.cell.array) is expected


def test_strained_or_displaced_crystal_is_not_cubic():
    atoms = bulk("NaCl", "rocksalt", a=5.64)
    cell = atoms.cell.array @ (np.eye(3) + elastic.strain_matrix([0.01, 0, 0, 0, 0, 0]))
    assert not is_cubic(atoms.numbers, atoms.positions, cell)
    atoms.positions[1] += (0.05, 0, 0)
    assert not is_cubic(atoms.numbers, atoms.positions, atoms.cell.array)


@pytest.mark.parametrize(
    ("atoms", "number", "system"),
    [
        (bulk("NaCl", "rocksalt", a=5.64), 225, "cubic"),
        (bulk("Mg"), 194, "hexagonal"),
        (bulk("In"), 139, "tetragonal"),
        (bulk("Bi"), 166, "trigonal"),
        (crystal("S", [(0.1, 0.2, 0.3)], spacegroup=19, cellpar=[4, 5, 6, 90, 90, 90]), 19, "orthorhombic"),
    ],
)
def test_crystals_have_their_space_group(atoms, number, system):
    found = symmetry_of(atoms.numbers, atoms.positions, atoms.cell.array)
    assert (found.number, found.system) == (number, system)


def test_a_cubic_crystal_that_is_turned_is_not_cubic_along_the_axes():
    atoms = bulk("Cu", cubic=True)
    atoms.rotate(30, "z", rotate_cell=True)
    assert symmetry_of(atoms.numbers, atoms.positions, atoms.cell.array).system == "cubic"
    assert not is_cubic(atoms.numbers, atoms.positions, atoms.cell.array)
