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


def test_a_slab_does_not_feel_the_length_of_its_open_cell_vector():
    """tblite knows all directions or none: with 4 Å along the open one it is 0.7 eV lower, with 12 Å nearly right."""
    graphene = Atoms("C2", [[0, 0, 0], [0, 1.42, 0]], cell=[[2.46, 0, 0], [-1.23, 2.13, 0], [0, 0, 0]], pbc=(1, 1, 0))
    potential = load(CARDS["gfn2"], "cpu", "float64")
    energies, reference = [], None
    for height in (0.0, 4.0, 12.0, 40.0):
        atoms = graphene.copy()
        atoms.cell[2, 2] = height
        prediction = potential.compute(AtomsBatch.from_atoms(atoms))
        assert prediction.stress is None or torch.isnan(prediction.stress).all()
        energies.append(prediction.energy.item())
        atoms.pbc = True
        if height == 40.0:
            atoms.calc = TBLite(method="GFN2-xTB", verbosity=0)
            reference = atoms.get_potential_energy()
    assert energies == pytest.approx([energies[0]] * 4, abs=1e-9)
    assert energies[0] == pytest.approx(reference, abs=2e-3)
    crystal = bulk("Si")  # what is periodic in all directions stays as it is
    crystal.calc = TBLite(method="GFN2-xTB", verbosity=0)
    found = potential.compute(AtomsBatch.from_atoms([crystal, molecule("H2O")]))
    assert found.energy[0].item() == pytest.approx(crystal.get_potential_energy(), abs=1e-8)
    assert torch.isfinite(found.stress[0]).all() and torch.isnan(found.stress[1]).all()
