import numpy as np
import pytest
import torch
from analytic import Surface, lennard_jones, pairwise
from ase import units
from ase.build import bulk

from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.properties import elastic
from bsct_zoo.properties.crystals import measure_crystals, supercell
from bsct_zoo.properties.judge import judge
from bsct_zoo.properties.measured import PropertySettings
from bsct_zoo.properties.systems import System

EPSILON, SIGMA = 0.01, 2.5
# Lattice sums of fcc, 1/r^12 and 1/r^6 in nearest-neighbour distances (Kittel, "Introduction to Solid State Physics").
A12, A6 = 12.13188, 14.45392


def measure(surface, *atoms, what=("eos", "elastic"), edge=4, **settings):
    named = [System(str(n), "crystal", a, edge=edge) for n, a in enumerate(atoms)]
    return measure_crystals(surface, named, PropertySettings(what=what, **settings), Batcher(surface))


@pytest.fixture(scope="module")
def argon():
    """A Lennard-Jones fcc crystal, by stress and by energy."""
    atoms = bulk("Ar", "fcc", a=4.0)
    with_stress = measure(Surface(lennard_jones(EPSILON, SIGMA, cutoff=14.0)), atoms)[0]
    without = measure(Surface(lennard_jones(EPSILON, SIGMA, cutoff=14.0), stress=False), atoms)[0]
    return with_stress, without


def test_lattice_constant_and_bulk_modulus_are_those_of_the_lattice_sums(argon):
    # E/N = 2 ε (A12 x^12 - A6 x^6) with x = σ/r: r0 = σ (2 A12/A6)^(1/6), E0 = -ε A6²/(2 A12),
    # B = V E'' = 4 ε/σ³ A12 (A6/A12)^(5/2), some 75 ε/σ³ (Ashcroft and Mermin, chapter 20).
    found = argon[0].arrays
    nearest = SIGMA * (2 * A12 / A6) ** (1 / 6)
    assert found["lattice_constant"] == pytest.approx(np.sqrt(2) * nearest, rel=5e-4)  # the tail is cut
    modulus = 4 * EPSILON / SIGMA**3 * A12 * (A6 / A12) ** 2.5 / units.GPa
    assert found["bulk_modulus"] == pytest.approx(modulus, rel=5e-3)
    assert not argon[0].problems


def test_pair_potentials_obey_cauchy(argon):
    for found in argon:
        c11, c12, c44 = elastic.cubic_constants(found.arrays["elastic"])
        assert found.arrays["cubic"] == 1
        assert c12 == pytest.approx(c44, rel=5e-3)
        assert c11 > c12 > 0
        # fcc nearest neighbours alone would give C11 = 2 C12
        assert c11 / c12 == pytest.approx(1.75, abs=0.1)


def test_bulk_modulus_by_two_roads(argon):
    for found in argon:
        assert elastic.moduli(found.arrays["elastic"]).bulk == pytest.approx(
            float(found.arrays["bulk_modulus"]), rel=0.01
        )
        assert found.notes == ()


def test_stress_and_energy_give_the_same_constants(argon):
    by_stress, by_energy = (found.arrays["elastic"] for found in argon)
    assert by_energy == pytest.approx(by_stress, abs=5e-3 * by_stress.max())


def test_quantities_of_a_cubic_crystal(argon):
    result = judge(argon[0], argon[1])
    found = {q.name: q for q in result.quantities}
    assert list(found) == ["lattice constant", "bulk modulus", "C11", "C12", "C44"]
    assert abs(found["C44"].error) < 0.005 * found["C44"].value
    assert result.status == "ok"


def test_atoms_relax_under_strain():
    # Nearest-neighbour springs on diamond: C44 with atoms held is larger than with atoms relaxed (Kleinman's inner
    # displacement). Springs of bonds alone leave no shear stiffness at all to the relaxed crystal.
    length = 5.43 * np.sqrt(3) / 4

    def function(r, pairs, batch):
        return 0.5 * 10.0 * (r - length) ** 2

    atoms = bulk("Si")
    (found,) = measure(Surface(pairwise(function, 3.0)), atoms, max_force=1e-6, max_steps=3000)
    c11, c12, c44 = elastic.cubic_constants(found.arrays["elastic"])
    # All lengths times 1 + e: 4 bonds of the cell cost k (e length)²/2 each, which is 9/2 B V e².
    modulus = 4 * 10.0 * length**2 / 2 / (4.5 * 5.43**3 / 4) / units.GPa
    assert c11 == pytest.approx(c12, rel=1e-3)
    assert abs(c44) < 0.01 * c11
    assert float(found.arrays["bulk_modulus"]) == pytest.approx((c11 + 2 * c12) / 3, rel=1e-2)
    assert float(found.arrays["bulk_modulus"]) == pytest.approx(modulus, rel=1e-2)


def test_no_minimum_is_said_and_takes_nothing_else_along():
    def function(r, pairs, batch):
        attraction = 4 * EPSILON * ((SIGMA / r) ** 12 - (SIGMA / r) ** 6)
        neon = batch.atomic_numbers[pairs.source] == 10
        return torch.where(neon, 0.1 * torch.exp(-r / 2), attraction)

    surface = Surface(pairwise(function, 9.0))
    good, bad = measure(surface, bulk("Ar", "fcc", a=4.0), bulk("Ne", "fcc", a=4.0))
    assert not good.problems
    assert "no minimum between 0.84 and 1.16" in bad.problems["eos"]
    result = judge(bad, None)
    assert (result.status, not result.metrics["not_relaxed"]) == ("failed", False)


def test_far_start_is_found():
    (found,) = measure(Surface(lennard_jones(EPSILON, SIGMA, cutoff=10.0)), bulk("Ar", "fcc", a=4.4), what=("eos",))
    assert found.arrays["lattice_constant"] == pytest.approx(np.sqrt(2) * SIGMA * (2 * A12 / A6) ** (1 / 6), rel=3e-3)


def test_supercell_is_as_wide_as_asked():
    atoms = bulk("Cu")
    repeated = atoms.repeat(supercell(atoms, 9.0)).cell.array
    heights = 1 / np.linalg.norm(np.linalg.inv(repeated), axis=0)
    assert heights.min() >= 9.0
    assert supercell(bulk("Cu", cubic=True), 3.5) == (1, 1, 1)


def test_phonons_of_a_chain_of_springs_in_fcc():
    pytest.importorskip("phonopy", reason="phonons need phonopy")
    # fcc with nearest-neighbour springs k at rest: ω²(Γ) = 0, and at X the longitudinal mode has ω² = 8 k/m.
    k, a = 1.0, 4.0

    def function(r, pairs, batch):
        return 0.5 * k * (r - a / np.sqrt(2)) ** 2  # beyond 3.2 Å there is a plateau as low as the minimum

    (found,) = measure(
        Surface(pairwise(function, 3.2)), bulk("Ar", "fcc", a=a), what=("eos", "phonons"), supercell=4.5, step=1e-3
    )
    phonons = found.arrays["phonons"]
    assert np.abs(phonons[0]).max() < 0.02  # acoustic at Γ
    omega = np.sqrt(8 * k * units._e * 1e20 / (39.948 * units._amu)) / (2 * np.pi * 1e12)
    assert phonons.max() == pytest.approx(omega, rel=2e-3)
    assert phonons.min() > -0.05
    result = judge(found, found)
    (quantity,) = [q for q in result.quantities if q.kind == "phonon"]
    assert (quantity.error, result.metrics["imaginary"]) == (0.0, 0)


def test_missing_phonopy_is_one_line(monkeypatch):
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.properties import phonons

    monkeypatch.setattr(phonons, "find_spec", lambda name: None)
    with pytest.raises(BadInputError, match=r"pip install phonopy"):
        phonons.require_phonopy()
