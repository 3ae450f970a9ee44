"""Published models whose packages download their weights, from stand-in files with random weights.

Each file has the format of its hub and is made in the environment of its model by ``make_untrained.py``; the numbers of
the card with that file are those of the package's own calculator, made by hand.
"""

import json
import subprocess
import sys
from pathlib import Path

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
from bsct_zoo.runtime.place import ready_place

HERE = Path(__file__).parents[1]
FETCHED = [adapter.name for adapter in calculator_cards.adapters_of(FILES[1])]
# Code that makes the package's own calculator of the file at ``path``, as its documentation has it.
BY_HAND = {
    "orb": "from orb_models.forcefield import pretrained; from orb_models.forcefield.calculator import ORBCalculator\n"
    "model = pretrained.orb_v3_conservative_inf_omat(path, device='cpu', precision='float64', compile=False)\n"
    "calc = ORBCalculator(model, device='cpu')",
    "mattersim": "from mattersim.forcefield import MatterSimCalculator\n"
    "calc = MatterSimCalculator.from_checkpoint(path, device='cpu')",
    "aimnet2": "from aimnet.calculators import AIMNet2ASE, AIMNet2Calculator\n"
    "calc = AIMNet2ASE(AIMNet2Calculator(path, device='cpu'))",
    "ani2x": "import torchani, torch; from torchani import arch, models\n"
    "models._fetch_state_dict = lambda name, private: arch._fetch_state_dict(path, local=True)\n"
    "calc = models.ANI2x(dtype=torch.float64).ase()",
    "upet": "import torch; from upet.ase.calculator import UPETCalculator\n"
    "calc = UPETCalculator(checkpoint_path=path, dtype=torch.float64, device='cpu')",
    "matgl": "import matgl; from matgl.ext.ase import PESCalculator\n"
    "calc = PESCalculator(matgl.load_model(path), stress_unit='eV/A3')",
    "grace": "from tensorpotential.calculator.asecalculator import TPCalculator; calc = TPCalculator(path)",
    "nequix": "from nequix.calculator import NequixCalculator\n"
    "calc = NequixCalculator(model_path=path, backend='torch', use_kernel=False)",
    "dpa3": "from deepmd.calculator import DP; calc = DP(path, head='SPICE2')",
    "nequip-oam": "from nequip.integrations.ase import NequIPCalculator\n"
    "calc = NequIPCalculator._from_saved_model(path, chemical_species_to_atom_type_map=True)",
    "7net-omni": "from sevenn.calculator import SevenNetCalculator; calc = SevenNetCalculator(path, modal='mpa')",
    "mace-omol": "from mace.calculators import MACECalculator\n"
    "calc = MACECalculator(model_paths=path, device='cpu', default_dtype='float64')",
    "mace-polar": "from mace.calculators import MACECalculator\n"
    "calc = MACECalculator(model_paths=path, device='cpu', default_dtype='float64', model_type='PolarMACE')",
    "metatomic": "from metatomic_ase import MetatomicCalculator; calc = MetatomicCalculator(path)",
}
OPTIONS = {"dpa3": "@head=SPICE2"}
VARIABLES = {
    "mace-omol": {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"},
    "mace-polar": {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"},
}
FRAMES = ("CH3CH2OH", "H2O", "HCN", "CH3SH")
STRAIGHT = """
import json, sys
from pathlib import Path
sys.path.insert(0, {here!r})
import make_untrained
path = str(make_untrained.make({name!r}, Path({folder!r})))
from ase.build import molecule
{make}
answers = []
for seed, one in enumerate({frames}):
    atoms = molecule(one)
    atoms.rattle(0.08, seed=seed)
    atoms.info.update(charge=0, spin=1)
    answers.append([float(calc.get_potential_energy(atoms)), calc.get_forces(atoms).tolist()])
print("ANSWERS", json.dumps([path, answers]))
"""


@pytest.fixture(scope="session", autouse=True)
def folders(own_folders):
    """Environments are made in a cache of this session."""


def test_every_card_has_a_maker_and_takes_a_file():
    """Without importing any package of a model."""
    done = subprocess.run(
        [sys.executable, HERE / "make_untrained.py", "--help"], capture_output=True, text=True, check=True
    )
    listed = done.stdout.partition("{")[2].partition("}")[0].replace("\n", "").replace(" ", "").split(",")
    assert sorted(listed) == sorted(FETCHED) == sorted(BY_HAND)
    for adapter in calculator_cards.adapters_of(FILES[1]):
        assert all("{file}" in str(card.calculator_of_file) or card.calculator_of_file.place for card in adapter.cards)


@pytest.mark.slow
@pytest.mark.parametrize("name", FETCHED)
def test_numbers_are_those_of_the_packages_own_calculator(name, tmp_path, monkeypatch):
    for variable, value in VARIABLES.get(name, {}).items():
        monkeypatch.setenv(variable, value)
    adapter = next(one for one in calculator_cards.adapters_of(FILES[1]) if one.name == name)
    ready_place(adapter)
    code = STRAIGHT.format(here=str(HERE), name=name, folder=str(tmp_path), make=BY_HAND[name], frames=FRAMES)
    done = subprocess.run(
        [environment.find(adapter).python, "-W", "ignore", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("ANSWERS ")]
    assert lines, done.stderr
    path, own = json.loads(lines[-1].removeprefix("ANSWERS "))

    spec = parse_model(f"{name}:{path}{OPTIONS.get(name, '')}", trust=True)
    frames = [molecule(one) for one in FRAMES]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.08, seed=seed)
    with load_potential(spec.adapter, spec.card, device="cpu", dtype="float64", options=spec.options) as potential:
        found = potential.compute(AtomsBatch.from_atoms(frames))
    energies = torch.tensor([energy for energy, _ in own], dtype=torch.float64)
    forces = np.concatenate([np.array(force) for _, force in own])
    assert np.abs(forces).max() > 1e-4  # a model that says nothing would agree with anything
    limit = 1e-8 if potential.info.dtype == "float64" else 1e-5
    assert float(((found.energy - energies) / energies).abs().max()) < limit
    assert np.abs(found.forces.numpy() - forces).max() < 10 * limit * np.abs(forces).max()
    print(f"{name}: {potential.info.dtype}, charge and spin {potential.info.supports_charge_spin}")
