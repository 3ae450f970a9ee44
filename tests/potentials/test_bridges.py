import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.calculators.calculator import CalculatorError, PropertyNotImplementedError
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.md.verlet import VelocityVerlet

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import UnknownElementError
from bsct_zoo.potentials.bridges import CalculatorPotential, PotentialCalculator
from bsct_zoo.potentials.potential import PotentialInfo


def info(**changes):
    facts = {"elements": None, "cutoff": None, "dtype": "float64", "device": "cpu", "conservative": True}
    return PotentialInfo(**(facts | {"level_of_theory": "test", "licence": "MIT"} | changes))


def test_calculator_and_back_is_the_calculator():
    crystal = bulk("Cu", cubic=True)
    crystal.rattle(0.1, seed=0)
    potential = CalculatorPotential(EMT(), info(has_stress=True))
    crystal.calc = PotentialCalculator(potential)
    straight = crystal.copy()
    straight.calc = EMT()
    assert crystal.get_potential_energy() == pytest.approx(straight.get_potential_energy(), abs=1e-12)
    np.testing.assert_allclose(crystal.get_forces(), straight.get_forces(), atol=1e-12)
    np.testing.assert_allclose(crystal.get_stress(), straight.get_stress(), atol=1e-12)


def test_batch_is_the_loop():
    frames = [molecule("H2O"), molecule("CH4"), Atoms("N2", [[0, 0, 0], [0, 0, 1.1]])]
    prediction = CalculatorPotential(EMT(), info()).compute(AtomsBatch.from_atoms(frames))
    for k, atoms in enumerate(frames):
        atoms.calc = EMT()
        assert prediction.energy[k].item() == pytest.approx(atoms.get_potential_energy(), abs=1e-12)


def test_a_frame_that_fails_is_nan_alone():
    frames = [Atoms("Cu2", [[0, 0, 0], [0, 0, 2.5]]), Atoms("Xe2", [[0, 0, 0], [0, 0, 4]])]
    potential = CalculatorPotential(EMT(), info())
    prediction = potential.compute(AtomsBatch.from_atoms(frames))
    assert torch.isnan(prediction.energy).tolist() == [False, True]
    assert "Xe" in prediction.failures[1]


def test_unknown_elements_are_named():
    potential = CalculatorPotential(EMT(), info(elements=frozenset({29})))
    with pytest.raises(UnknownElementError, match="does not know H, O"):
        potential.compute(AtomsBatch.from_atoms(molecule("H2O")))


def test_dynamics_through_the_bridge_conserve_energy():
    dimer = Atoms("Ar2", [[0, 0, 0], [0, 0, 4.0]])
    dimer.calc = PotentialCalculator(CalculatorPotential(LennardJones(sigma=3.4, epsilon=0.0104), info()))
    start = dimer.get_total_energy()
    VelocityVerlet(dimer, 1 * units.fs).run(200)
    assert dimer.get_total_energy() == pytest.approx(start, abs=1e-5)


def test_no_answer_is_a_calculator_error():
    atoms = Atoms("Xe2", [[0, 0, 0], [0, 0, 4]])
    atoms.calc = PotentialCalculator(CalculatorPotential(EMT(), info()))
    with pytest.raises(CalculatorError):
        atoms.get_potential_energy()


def test_missing_stress_is_said():
    crystal = bulk("Cu")
    crystal.calc = PotentialCalculator(CalculatorPotential(EMT(), info(has_stress=False)))
    with pytest.raises(PropertyNotImplementedError):
        crystal.get_stress()
