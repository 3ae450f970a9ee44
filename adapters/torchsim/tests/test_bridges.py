"""Any potential as a TorchSim model, and the TorchSim model that a card names beside its calculator."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError
from bsct_zoo.plugins.calculator_cards import adapter_of

if find_spec("torch_sim") is None:
    pytest.skip("needs torch-sim-atomistic", allow_module_level=True)

import torch_sim as ts

from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import PotentialInfo
from bsct_zoo.potentials.torchsim import TorchSimPotential


@pytest.fixture(autouse=True)
def _our_model_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def emt():
    info = PotentialInfo(None, None, "float64", "cpu", True, "EMT", "LGPL", has_stress=True)
    return CalculatorPotential(EMT(), info)


def copper():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=0)
    return atoms


def test_a_potential_is_a_torchsim_model():
    frames = [copper(), bulk("Al", cubic=True) * (2, 1, 1)]
    frames[1].rattle(0.1, seed=1)
    state = ts.io.atoms_to_state(frames, torch.device("cpu"), torch.float64)
    found = emt().as_torchsim()(state)
    start = 0
    for k, atoms in enumerate(frames):
        atoms.calc = EMT()
        assert float(found["energy"][k]) == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
        forces = found["forces"][start : start + len(atoms)].numpy()
        np.testing.assert_allclose(forces, atoms.get_forces(), atol=1e-10)
        np.testing.assert_allclose(found["stress"][k].numpy(), atoms.get_stress(voigt=False), atol=1e-10)
        start += len(atoms)


def test_dynamics_of_torchsim_conserve_energy():
    state = ts.io.atoms_to_state([copper()], torch.device("cpu"), torch.float64)
    model = emt().as_torchsim()
    final = ts.integrate(
        system=state, model=model, integrator=ts.Integrator.nve if hasattr(ts, "Integrator") else ts.integrators.nve,
        n_steps=20, timestep=0.001, temperature=300,
    )  # fmt: skip
    moved = (final.positions - state.positions).abs().max()
    assert 1e-3 < float(moved) < 1.0
    atoms = ts.io.state_to_atoms(final)[0]
    atoms.calc = EMT()
    np.testing.assert_allclose(final.forces.numpy(), atoms.get_forces(), atol=1e-8)


def test_there_and_back_is_the_same():
    back = TorchSimPotential(emt().as_torchsim(), emt().info)
    batch = AtomsBatch.from_atoms([copper()])
    torch.testing.assert_close(back.compute(batch).energy, emt().compute(batch).energy)
    torch.testing.assert_close(back.compute(batch).stress, emt().compute(batch).stress)


def test_a_system_without_an_answer_is_an_error_with_its_reason():
    state = ts.io.atoms_to_state(
        [Atoms("Xe2", [[0, 0, 0], [0, 0, 4.0]], cell=[9, 9, 9], pbc=True)], "cpu", torch.float64
    )
    with pytest.raises(ModelError, match=r"system 0: .*Xe"):
        emt().as_torchsim()(state)


def card(**changes):
    table = {
        "calculator": "pairwise.calculator",
        "arguments": {"sigma": 2.0},
        "torchsim": "pairwise.Pairwise",
        "torchsim_arguments": {"sigma": 2.0},
        "elements": ["Cu", "Ar"],
    }
    return adapter_of("pair", table | changes, "a test")


def test_the_torchsim_model_of_a_card_is_used_if_it_agrees():
    adapter = card()
    potential = adapter.load(adapter.cards[0], "cpu", "float64")
    assert isinstance(potential, TorchSimPotential) and potential.info.has_stress
    batch = AtomsBatch.from_atoms([copper(), copper()])
    assert potential.compute(batch).energy[0] == potential.compute(batch).energy[1]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"torchsim_arguments": {"sigma": 2.1}}, "energies differ by"),
        ({"torchsim": "pairwise.not_a_model"}, "not a TorchSim ModelInterface"),
        ({"torchsim": "no_such_package.Model"}, "cannot import"),
    ],
)
def test_else_the_calculator_is_used_and_the_log_says_why(changes, why, capfd):
    adapter = card(**changes)
    assert isinstance(adapter.load(adapter.cards[0], "cpu", "float64"), CalculatorPotential)
    assert why in capfd.readouterr().err
