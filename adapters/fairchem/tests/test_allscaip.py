"""A user's AllScAIP, whose atoms all attend to each other: against fairchem-core's own calculator, one by one."""

import hashlib
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from ase.build import molecule

from bsct_zoo.atoms.batch import AtomsBatch

if find_spec("fairchem") is None:
    pytest.skip("needs fairchem-core 2", allow_module_level=True)

from bsct_zoo_fairchem.files import file_card
from bsct_zoo_fairchem.loader import load


@pytest.fixture(scope="module")
def potential(allscaip_file):
    digest = hashlib.sha256(allscaip_file.read_bytes()).hexdigest()
    return load(replace(file_card(str(allscaip_file)), sha256=digest), "cpu", "float64")


def molecules():
    frames = [molecule(name) for name in ("CH3CH2OH", "H2O", "OH", "HCN")]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.05, seed=seed)
        atoms.info.update(charge=0, spin=1)
    frames[1].info.update(charge=1, spin=2)
    return frames


def test_parity_with_the_calculator_of_fairchem(potential, allscaip_file):
    from fairchem.core import FAIRChemCalculator
    from fairchem.core.units.mlip_unit import load_predict_unit
    from fairchem.core.units.mlip_unit.api.inference import InferenceSettings

    calculator = FAIRChemCalculator(load_predict_unit(str(allscaip_file), InferenceSettings(), device="cpu"), "omol")
    frames = molecules()
    together = potential.compute(AtomsBatch.from_atoms(frames))
    ends = np.cumsum([len(atoms) for atoms in frames])
    for k, atoms in enumerate(frames):
        atoms.calc = calculator
        assert float(together.energy[k]) == pytest.approx(atoms.get_potential_energy(), rel=1e-6)
        forces = together.forces[ends[k] - len(atoms) : ends[k]].numpy()
        np.testing.assert_allclose(forces, atoms.get_forces(), rtol=1e-4, atol=1e-4)


def test_result_does_not_depend_on_the_batch(potential):
    frames = molecules()
    together = potential.compute(AtomsBatch.from_atoms(frames)).energy
    for k, atoms in enumerate(frames):
        alone = potential.compute(AtomsBatch.from_atoms(atoms)).energy
        torch.testing.assert_close(alone, together[k : k + 1], rtol=0, atol=5e-4)


def test_it_declares_what_it_is(potential):
    info = potential.info
    assert info.dtype == "float32"  # as it computes, whatever was asked for
    assert info.cutoff is None and info.cost == "atoms"
    assert info.supports_charge_spin and not info.equivariant and info.conservative and not info.has_stress


def test_charge_and_distant_atoms_matter(potential):
    ion, water = molecule("H2O"), molecule("H2O")
    ion.info["charge"] = 1
    far = water.copy()
    far.extend(molecule("CO"))
    far.positions[3:] += [0.0, 0.0, 12.0]
    energy = potential.compute(AtomsBatch.from_atoms([water, ion, far, molecule("CO")])).energy
    assert abs(float(energy[0] - energy[1])) > 1e-5
    assert abs(float(energy[2] - energy[0] - energy[3])) > 1e-5  # beyond the radius of its neighbourhoods


def test_forces_are_the_gradient(potential):
    atoms, step = molecules()[0], 5e-3
    forces = potential.compute(AtomsBatch.from_atoms(atoms)).forces
    references = float(potential.references[torch.as_tensor(atoms.numbers)].sum())
    for i, k in [(0, 0), (1, 2), (len(atoms) - 1, 1)]:
        energies = []
        for shift in (1, -1, 2, -2):
            moved = atoms.copy()
            moved.positions[i, k] += shift * step
            energies.append(float(potential.compute(AtomsBatch.from_atoms(moved)).energy) - references)
        slope = (8 * (energies[0] - energies[1]) - (energies[2] - energies[3])) / (12 * step)
        assert -slope == pytest.approx(float(forces[i, k]), abs=3e-3 + 1e-3 * float(forces.abs().max()))
