import numpy as np
import pytest
from analytic import Surface, frame
from ase.build import molecule

from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.property_task import PropertyTask
from bsct_zoo.evaluation.store import Store
from bsct_zoo.plugins.tasks import Answer
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.properties import systems
from bsct_zoo.properties.judge import judge
from bsct_zoo.properties.measured import Measured, PropertySettings
from bsct_zoo.properties.molecules import measure_molecules


@pytest.fixture(scope="module")
def water():
    atoms = molecule("H2O")
    surface = Surface(frame(atoms))
    named = [systems.System("H2O", "molecule", atoms)]
    what = ("relax", "frequencies", "barrier")  # springs do not know what an atom alone is
    return measure_molecules(surface, named, PropertySettings(what=what), Batcher(surface))[0]


def test_what_is_kept_is_what_was_measured(tmp_path, water):
    shelf = Store(tmp_path).shelf({})
    facts = {"problems": dict(water.problems), "notes": list(water.notes)}
    shelf.write("properties", "water", Answer(dict(water.arrays), facts, 1.0))
    found = shelf.read("properties", "water")
    again = Measured("H2O", "molecule", found.arrays, found.facts["problems"], tuple(found.facts["notes"]))
    assert again.arrays.keys() == water.arrays.keys()
    assert all(np.array_equal(again.arrays[name], water.arrays[name]) for name in water.arrays)
    assert judge(again, water) == judge(water, water)


def test_what_the_reference_lacks_is_said_and_costs_only_errors(water):
    lacking = Measured("H2O", "molecule", {}, {"relax": "not relaxed after 3 steps"})
    result = judge(water, lacking)
    assert result.status == "ok"
    assert any("the reference lacks relax: not relaxed after 3 steps" in note for note in result.notes)
    assert all(q.error is None for q in result.quantities)


def test_another_minimum_than_the_reference_is_said(water):
    moved = water.arrays["positions"] + np.array([[0, 0, 0], [0, 0, 1.5], [0, 0, 0]])
    result = judge(water, Measured("H2O", "molecule", {**water.arrays, "positions": moved}))
    assert any("its minimum is not the reference's" in note for note in result.notes)


def test_atoms_alone_are_asked_for_where_atomisation_is():
    water = systems.System("H2O", "molecule", molecule("H2O"))
    for what, states in ((("relax",), {(0, 1)}), (("relax", "atomisation"), {(0, 1), (0, 2), (0, 3)})):
        task = PropertyTask([water], PropertySettings(what=what))
        assert task.states(task.items[0]) == states


def test_triplets_of_g2_have_their_spin():
    assert systems.molecule("O2").atoms.info["spin"] == 3
    assert systems.molecule("H2O").atoms.info["spin"] == 1


def test_molecule_and_crystal_files_are_not_mistaken(tmp_path):
    molecule("H2O").write(tmp_path / "water.xyz")
    systems.crystal("Si").atoms.write(tmp_path / "silicon.cif")
    with pytest.raises(BadInputError, match="give it to --crystal"):
        systems.molecule(str(tmp_path / "silicon.cif"))
    with pytest.raises(BadInputError, match="not periodic"):
        systems.crystal(str(tmp_path / "water.xyz"))
