"""NEP89 behind the batched interface: its package's own calculator, finite differences, batches."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, UnknownElementError
from bsct_zoo.potentials.boxes import boxed
from bsct_zoo.runtime.guard import GuardedPotential

if find_spec("nep_adapters") is None:
    pytest.skip("needs nep-adapters", allow_module_level=True)

from bsct_zoo_nep89 import calculator
from bsct_zoo_nep89.files import CARD
from bsct_zoo_nep89.loader import load
from made_systems import rattled, sheared


def frames():
    """Molecules, and crystals with cells smaller than the cut-off."""
    crystals = bulk("Si", cubic=True), bulk("NaCl", "rocksalt", a=5.6), bulk("Cu")
    return [*rattled("CH3CH2OH", "H2O", "N2", by=0.08), *sheared(*crystals, by=0.08)]


def compute(potential, atoms):
    return potential.compute(AtomsBatch.from_atoms(atoms))


@pytest.fixture(scope="module")
def exact():
    return GuardedPotential(load(CARD, "cpu", "float64"))


def test_numbers_are_those_of_the_packages_own_calculator(exact):
    found = compute(exact, frames())
    own = compute(GuardedPotential(calculator.load(CARD, "cpu", "float64")), frames())
    assert own.energy.isfinite().all()
    torch.testing.assert_close(found.energy, own.energy, rtol=1e-8, atol=0)
    torch.testing.assert_close(found.forces, own.forces, rtol=0, atol=1e-8)
    there = ~own.stress.isnan()
    assert (there == ~found.stress.isnan()).all() and int(there.sum()) == 27
    torch.testing.assert_close(found.stress[there], own.stress[there], rtol=0, atol=1e-9)


@pytest.mark.parametrize("atoms", [frames()[0], frames()[4]], ids=["molecule", "crystal"])
def test_forces_are_the_gradient(exact, atoms):
    step = 1e-4
    forces = compute(exact, atoms).forces
    for i, k in [(0, 0), (1, 2), (len(atoms) - 1, 1)]:
        moved = [atoms.copy(), atoms.copy()]
        moved[0].positions[i, k] += step
        moved[1].positions[i, k] -= step
        up, down = compute(exact, moved).energy
        assert float(-(up - down) / (2 * step)) == pytest.approx(float(forces[i, k]), abs=1e-5)


def test_stress_is_the_derivative_by_strain(exact):
    atoms, step = frames()[3], 1e-4
    stress = compute(exact, atoms).stress[0]
    for i, k in [(0, 0), (0, 1), (2, 1)]:
        strained = []
        for sign in (1, -1):
            strain = np.zeros((3, 3))
            strain[i, k] = strain[k, i] = sign * step / (1 if i == k else 2)
            moved = atoms.copy()
            moved.set_cell(atoms.cell @ (np.eye(3) + strain), scale_atoms=True)
            strained.append(moved)
        up, down = compute(exact, strained).energy
        expected = float(up - down) / (2 * step) / atoms.get_volume()
        assert float(stress[i, k]) == pytest.approx(expected, abs=1e-6)


def test_a_larger_box_changes_nothing(exact):
    atoms = frames()[0]
    larger = boxed(AtomsBatch.from_atoms(atoms), 20.0)[0]
    torch.testing.assert_close(exact.potential.compute(larger).energy, compute(exact, atoms).energy, rtol=0, atol=1e-9)


def test_an_element_without_parameters_is_refused(exact):
    with pytest.raises(UnknownElementError, match="Po"):
        compute(exact, Atoms("Po2", [[0, 0, 0], [0, 0, 3]]))


def test_the_card_says_what_the_file_holds(exact):
    from ase.data import chemical_symbols

    assert set(CARD.elements) == {chemical_symbols[z] for z in exact.info.elements}


def test_another_file_is_not_read():
    card = replace(CARD, notes={**CARD.notes, "sha256": "0" * 64})
    with pytest.raises(BadInputError, match="sha256 differs"):
        load(card, "cpu", "float64")
