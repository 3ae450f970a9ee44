"""ANI-2xt: its package's own calculator, and molecules of all sizes; conformance has the rest."""

from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch
from ase import Atoms
from ase.build import molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, ModelError, UnknownElementError
from bsct_zoo.runtime.guard import GuardedPotential

if find_spec("Auto3D") is None:
    pytest.skip("needs auto3d", allow_module_level=True)

from bsct_zoo_ani2xt import calculator
from bsct_zoo_ani2xt.files import CARD
from bsct_zoo_ani2xt.loader import load
from made_systems import rattled

pytestmark = pytest.mark.filterwarnings("ignore")


def frames():
    """From one atom to ten, of all its elements."""
    far = Atoms("ClF", [[0, 0, 0], [0, 0, 9.0]])  # no neighbour within the cut-off
    return [*rattled("CH3CH2OH", "H2O", "CH3SH", "HCN", "CCl4", by=0.08), Atoms("O"), far]


def compute(potential, atoms):
    return potential.compute(AtomsBatch.from_atoms(atoms))


@pytest.fixture(scope="module")
def exact():
    return GuardedPotential(load(CARD, "cpu", "float64"))


@pytest.mark.parametrize(("dtype", "limit"), [("float64", 1e-8), ("float32", 1e-5)])
def test_numbers_are_those_of_the_packages_own_calculator(dtype, limit):
    found = compute(GuardedPotential(load(CARD, "cpu", dtype)), frames())
    own = compute(GuardedPotential(calculator.load(CARD, "cpu", dtype)), frames())
    assert own.energy.isfinite().all()
    assert float(((found.energy - own.energy) / own.energy).abs().max()) < limit
    assert float((found.forces - own.forces).abs().max()) < limit * float(own.forces.abs().max()) * 10


def test_a_molecule_has_its_energy_whatever_else_is_asked(exact):
    together = compute(exact, frames())
    alone = torch.cat([compute(exact, atoms).energy for atoms in frames()])
    torch.testing.assert_close(together.energy, alone, rtol=0, atol=1e-9)


def test_an_element_that_it_was_not_trained_on_is_refused(exact):
    with pytest.raises(UnknownElementError, match="P"):
        compute(exact, molecule("PH3"))


def test_periodic_systems_are_refused(exact):
    with pytest.raises(ModelError, match="ignores periodic images"):
        compute(exact, molecule("H2O", cell=[5, 5, 5], pbc=True))


def test_other_weights_are_not_read():
    card = replace(CARD, notes={**CARD.notes, "sha256": "0" * 64})
    with pytest.raises(BadInputError, match="sha256 differs"):
        load(card, "cpu", "float32")
