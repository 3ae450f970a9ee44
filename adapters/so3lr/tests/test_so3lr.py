"""SO3LR behind the batched interface: its package's own calculator, finite differences, charge and spin."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, UnknownElementError
from bsct_zoo.runtime.guard import GuardedPotential

if find_spec("so3krates_torch") is None:
    pytest.skip("needs so3krates-torch", allow_module_level=True)

from bsct_zoo_so3lr import calculator
from bsct_zoo_so3lr.files import CARD
from bsct_zoo_so3lr.loader import load

pytestmark = pytest.mark.filterwarnings("ignore")


def frames():
    """Neutral, charged, with unpaired electrons, alone, and one in a cell."""
    many = [molecule(name) for name in ("CH3CH2OH", "H2O", "PH3", "HCOOH", "CH3", "H")]
    many[3].info.update(charge=-1, spin=2)
    many[4].info.update(charge=0, spin=2)
    many[5].info.update(charge=0, spin=2)
    crystal = molecule("H2O", cell=[4.0, 4.3, 4.6], pbc=True)
    for seed, atoms in enumerate([*many, crystal]):
        atoms.rattle(0.06, seed=seed)
    return [*many, crystal]


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
    there = ~own.stress.isnan()
    assert there.any() and (there == ~found.stress.isnan()).all()
    torch.testing.assert_close(found.stress[there], own.stress[there], rtol=0, atol=max(limit, 1e-8))


def test_forces_are_the_gradient(exact):
    atoms, step = frames()[3], 1e-4
    forces = compute(exact, atoms).forces
    for i, k in [(0, 0), (2, 1), (4, 2)]:
        moved = [atoms.copy(), atoms.copy()]
        moved[0].positions[i, k] += step
        moved[1].positions[i, k] -= step
        up, down = compute(exact, moved).energy
        assert float(-(up - down) / (2 * step)) == pytest.approx(float(forces[i, k]), abs=1e-5)


def test_charge_and_spin_are_used(exact):
    neutral, cation, triplet = (molecule("H2O") for _ in range(3))
    cation.info.update(charge=1, spin=2)
    triplet.info.update(charge=0, spin=3)
    energy = compute(exact, [neutral, cation, triplet]).energy.numpy()
    assert np.abs(np.diff(energy)).min() > 0.1


def test_the_long_range_is_as_long_as_asked():
    """Two molecules 40 Å apart attract or repel by electrostatics, unless it ends at 12 Å."""
    pair = molecule("H2O") + molecule("H2O")
    pair.positions[3:, 0] += 40.0
    near = Atoms(pair.numbers[:3], pair.positions[:3])
    gaps = []
    for reach in (0.0, 12.0):
        both, one = compute(load(CARD, "cpu", "float64", r_max_lr=reach), [pair, near]).energy
        gaps.append(abs(float(both - 2 * one)))
    assert gaps[0] > 10 * gaps[1]


def test_torch_keeps_its_default_precision(exact):
    compute(exact, frames())
    assert torch.get_default_dtype() == torch.float32


def test_elements_that_it_was_not_trained_on_are_refused(exact):
    with pytest.raises(UnknownElementError, match="Br"):
        compute(exact, Atoms("CBr", [[0, 0, 0], [0, 0, 1.9]]))


def test_other_weights_are_not_read():
    card = replace(CARD, notes={**CARD.notes, "sha256": "0" * 64})
    with pytest.raises(BadInputError, match="sha256 differs"):
        load(card, "cpu", "float32")
