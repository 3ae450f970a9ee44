"""PySCF as a model: its level of theory by text, forces that are the gradient, spins, failures, steadier settings."""

from importlib.util import find_spec

import pytest
from ase.build import molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, ModelError, UnknownElementError

if find_spec("pyscf") is None:
    pytest.skip("needs pyscf", allow_module_level=True)

from bsct_zoo_pyscf import loader
from bsct_zoo_pyscf.files import file_card


def load(text, **options):
    return loader.load(file_card(text), "cpu", "float64", **options)


def water(stretch=1.0):
    atoms = molecule("H2O")
    atoms.positions[1] = atoms.positions[0] + stretch * (atoms.positions[1] - atoms.positions[0])
    return atoms


@pytest.mark.parametrize("text", ["hf/sto-3g", "pbe-d3bj/sto-3g"])
def test_forces_are_the_gradient(text):
    frames, h = [water(1.1), water(1.1), water(1.1)], 1e-3
    frames[1].positions[1, 2] += h
    frames[2].positions[1, 2] -= h
    with load(text, grid=3) as surface:
        found = surface.compute(AtomsBatch.from_atoms(frames))
    slope = (found.energy[1] - found.energy[2]).item() / (2 * h)
    assert found.forces[1, 2].item() == pytest.approx(-slope, abs=2e-4)
    assert found.forces[:3].sum(0).abs().max() < 1e-6


def test_hartree_fock_of_hydrogen_is_the_textbooks():
    """Szabo, Ostlund: -1.1167 Hartree for H2 in a minimal basis at 1.4 Bohr."""
    from ase import Atoms
    from ase.units import Bohr, Hartree

    pair = Atoms("H2", [[0, 0, 0], [0, 0, 1.4 * Bohr]])
    with load("hf/sto-3g") as surface:
        energy = surface.compute(AtomsBatch.from_atoms(pair)).energy.item()
        assert energy / Hartree == pytest.approx(-1.1167, abs=1e-4)
        apart = pair.copy()
        apart.info["spin"] = 3
        triplet = surface.compute(AtomsBatch.from_atoms(apart)).energy.item()
        assert triplet > energy + 1
        crystal = pair.copy()
        crystal.set_cell([9, 9, 9])
        crystal.pbc = True
        with pytest.raises(ModelError, match="a system is periodic"):
            surface.compute(AtomsBatch.from_atoms(crystal))


def test_a_radical_of_which_nobody_said_so_is_one():
    from ase import Atoms
    from ase.units import Hartree

    atom = Atoms("H", [[0, 0, 0]])
    said = atom.copy()
    said.info["spin"] = 2
    with load("hf/sto-3g") as surface:
        found = surface.compute(AtomsBatch.from_atoms([atom, said]))
    assert found.energy[0].item() / Hartree == pytest.approx(-0.46658, abs=1e-5)  # the exponents of STO-3G alone
    assert found.energy[0] == found.energy[1]


def test_an_element_that_the_basis_lacks():
    from ase import Atoms

    with load("hf/6-31g**") as surface, pytest.raises(UnknownElementError, match="no functions for U"):
        surface.compute(AtomsBatch.from_atoms(Atoms("UH", [[0, 0, 0], [2, 0, 0]])))


def test_what_does_not_converge_has_no_answer_and_steadier_settings_find_it():
    frames = AtomsBatch.from_atoms([water(), water(1.5)])
    with load("hf/sto-3g", max_cycle=3) as hasty, load("hf/sto-3g") as patient:
        assert hasty.compute(frames).energy.isnan().all()
        expected = patient.compute(frames)
    with load("hf/sto-3g", max_cycle=3, fallback_scf=True) as fallback_scf:
        found = fallback_scf.compute(frames)
    assert (found.energy - expected.energy).abs().max() < 1e-4
    assert (found.forces - expected.forces).abs().max() < 1e-2


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("nonsense/sto-3g", {}, "no functional 'nonsense'"),
        ("hf/nonsense", {}, "no basis 'nonsense'"),
        ("hf/sto-3g", {"grid": 12}, "grid from 0 to 9"),
    ],
)
def test_levels_that_there_are_none_of(text, options, message):
    with pytest.raises(BadInputError, match=message):
        load(text, **options)
