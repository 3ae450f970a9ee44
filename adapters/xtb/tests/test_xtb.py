"""GFN-xTB against tblite's own ASE calculator, and as physics demands."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from bsct_zoo.atoms.batch import AtomsBatch

pytest.importorskip("tblite", reason="tblite is not installed here; the worker tests run it in its environment")

from bsct_zoo_xtb import register_adapters
from bsct_zoo_xtb.loader import load
from tblite.ase import TBLite

CARDS = {card.name: card for card in register_adapters()[0].cards}


@pytest.mark.parametrize("name", ["gfn1", "gfn2"])
def test_parity_with_the_packages_own_calculator(name):
    frames = [molecule(m) for m in ("CH3CH2OH", "H2O", "PH3", "SO2")]
    potential = load(CARDS[name], "cpu", "float64")
    prediction = potential.compute(AtomsBatch.from_atoms(frames))
    start = 0
    for k, atoms in enumerate(frames):
        atoms.calc = TBLite(method=CARDS[name].notes["method"], verbosity=0)
        assert prediction.energy[k].item() == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
        found = prediction.forces[start : start + len(atoms)].numpy()
        np.testing.assert_allclose(found, atoms.get_forces(), atol=1e-7)
        start += len(atoms)


def test_stress_has_ases_sign():
    crystal = bulk("Si", cubic=True)
    crystal.rattle(0.05, seed=1)
    potential = load(CARDS["gfn1"], "cpu", "float64")
    found = potential.compute(AtomsBatch.from_atoms(crystal)).stress[0]
    h = 1e-4
    energies = []
    for strain in (h, -h):
        strained = crystal.copy()
        strained.set_cell(crystal.cell[:] * (1 + strain), scale_atoms=True)
        energies.append(potential.compute(AtomsBatch.from_atoms(strained)).energy[0].item())
    expected = (energies[0] - energies[1]) / (2 * h) / crystal.get_volume()
    assert torch.trace(found).item() == pytest.approx(expected, rel=1e-3)


def test_frame_without_convergence_is_nan_and_alone():
    frames = [molecule("CH3CH2OH"), Atoms("He"), molecule("SO2")]
    potential = load(CARDS["gfn2"], "cpu", "float64", max_iterations=4)
    prediction = potential.compute(AtomsBatch.from_atoms(frames))
    assert torch.isnan(prediction.energy).tolist() == [True, False, True]
    assert torch.isnan(prediction.forces).any(dim=1).tolist() == [True] * 9 + [False] + [True] * 3


def test_batch_composition_does_not_matter():
    frames = [molecule(m) for m in ("CH3CH2OH", "NH3", "H2O")]
    potential = load(CARDS["gfn2"], "cpu", "float64")
    together = potential.compute(AtomsBatch.from_atoms(frames))
    alone = torch.cat([potential.compute(AtomsBatch.from_atoms(f)).forces for f in frames])
    assert (together.forces - alone).abs().max() < 1e-10


def test_steady_settings_find_what_the_usual_ones_miss():
    """Few iterations fail; ten times as many, damped and from a hotter gas, end in the same equations."""
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.1, seed=3)
    frames = AtomsBatch.from_atoms([atoms, atoms])
    expected = load(CARDS["gfn2"], "cpu", "float64", accuracy=0.01).compute(frames)
    hasty = load(CARDS["gfn2"], "cpu", "float64", accuracy=0.01, max_iterations=6)
    assert hasty.compute(frames).energy.isnan().all()
    found = load(CARDS["gfn2"], "cpu", "float64", accuracy=0.01, max_iterations=6, fallback_scf=True).compute(frames)
    assert (found.energy - expected.energy).abs().max() < 1e-5
    assert (found.forces - expected.forces).abs().max() < 1e-3
