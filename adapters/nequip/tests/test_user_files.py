"""Files that nequip itself writes: checkpoints, packages and compiled models, of NequIP and of Allegro."""

import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule

if find_spec("nequip") is None:
    pytest.skip("needs nequip", allow_module_level=True)

import lightning
from bsct_zoo_nequip.checkpoint import NequipConfig, build
from bsct_zoo_nequip.files import file_card
from bsct_zoo_nequip.loader import load
from bsct_zoo_nequip.model import from_graph_model
from bsct_zoo_nequip.packages import ready
from bsct_zoo_nequip.potential import NequipPotential
from bsct_zoo_nequip.training import data_config, module_config
from nequip.train import EMALightningModule
from nequip.utils import get_current_code_versions

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, UntrustedFileError
from bsct_zoo.models import trust
from bsct_zoo.training.job import TrainingJob
from bsct_zoo.training.settings import Optimiser

CONFIG = NequipConfig(
    (1, 6, 8),
    (-13.6, -1029.1, -2042.6),
    4.0,
    2,
    2,
    num_features=(8, 6, 4),
    type_embed_num_features=6,
    radial_mlp_width=8,
)
ALLEGRO = {
    "_target_": "allegro.model.AllegroModel",
    "seed": 1,
    "model_dtype": "float64",
    "type_names": ["H", "C", "O"],
    "r_max": 4.0,
    "l_max": 1,
    "num_layers": 1,
    "num_scalar_features": 8,
    "num_tensor_features": 4,
    "avg_num_neighbors": 8.0,
    "radial_chemical_embed": {"_target_": "allegro.nn.TwoBodyBesselScalarEmbed", "num_bessels": 4},
    "radial_chemical_embed_dim": 8,
    "scalar_embed_mlp_hidden_layers_depth": 1,
    "scalar_embed_mlp_hidden_layers_width": 8,
    "allegro_mlp_hidden_layers_depth": 1,
    "allegro_mlp_hidden_layers_width": 8,
    "readout_mlp_hidden_layers_depth": 1,
    "readout_mlp_hidden_layers_width": 8,
    "per_type_energy_shifts": {"H": -13.6, "C": -1029.1, "O": -2042.6},
}


def frames():
    periodic = bulk("C", "diamond", cubic=True)
    made = [molecule("CH3CH2OH"), molecule("H2O"), periodic, molecule("CO")]
    for seed, atoms in enumerate(made):
        atoms.rattle(0.05, seed=seed)
    return made


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder of labelled frames: nequip's tools take one as an example of what a model is for."""
    folder, ethanol = tmp_path_factory.mktemp("frames"), molecule("CH3CH2OH")
    for name in ("train", "valid"):
        np.savez(
            folder / f"{name}.npz",
            n_atoms=np.array([9]),
            atomic_numbers=ethanol.numbers,
            positions=ethanol.positions,
            energy=np.array([-100.0]),
            forces=np.zeros((9, 3)),
        )
    (folder / "manifest.json").write_text('{"reference_energies": {"H": -13.6, "C": -1029.1, "O": -2042.6}}')
    return folder


@pytest.fixture(scope="module", params=["nequip", "allegro"])
def saved(request, data, tmp_path_factory):
    """A state of a run, as nequip's trainer saves it, and the model in it."""
    ready()
    job = TrainingJob(data, tmp_path_factory.mktemp("run"), "x", 1.0, dtype="float64")
    module = module_config(job, CONFIG, Optimiser(1e-3))
    if request.param == "allegro":
        module["model"] = ALLEGRO
    said = {
        "versions": get_current_code_versions(verbose=False),
        "data": data_config(job, CONFIG, 64),
        "training_module": module,
    }
    built = EMALightningModule(
        **{key: value for key, value in module.items() if key != "_target_"},
        num_datasets={"train": 1, "val": 1, "test": 0, "predict": 0},
        info_dict=said,
    )
    trainer = lightning.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.strategy.connect(built)
    path = job.out / "last.ckpt"
    trainer.save_checkpoint(path, weights_only=False)
    return path, NequipPotential(from_graph_model(built.model["sole_model"]), "cpu", "none", "MIT")


@pytest.fixture(scope="module")
def package(saved):
    """The same by ``nequip-package``."""
    path = saved[0].with_name("mine.nequip.zip")
    command([Path(sys.executable).with_name("nequip-package"), "build", saved[0], path])
    return path


def command(words):
    beside = Path(__file__).parents[1]
    paths = os.pathsep.join([str(beside), str(beside.parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [str(word) for word in words], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]


def trusted(path):
    return trust.trusted("own", file_card(path), trust=True)


def same(found, expected, atol):
    torch.testing.assert_close(found.energy, expected.energy, rtol=0, atol=atol)
    torch.testing.assert_close(found.forces, expected.forces, rtol=0, atol=atol)
    torch.testing.assert_close(found.stress, expected.stress, rtol=0, atol=atol, equal_nan=True)


def test_a_package_and_the_checkpoint_that_it_was_made_of(saved, package):
    path, own = saved
    batch = AtomsBatch.from_atoms(frames())
    expected = own.compute(batch)
    for file in (path, package):
        potential = load(trusted(str(file)), "cpu", "float32", level_of_theory="PBE")
        assert (potential.info.dtype, potential.info.level_of_theory) == ("float64", "PBE")
        assert potential.info.elements == {1, 6, 8} and potential.info.cutoff == 4.0
        same(potential.compute(batch), expected, 1e-10)


def test_a_package_as_nequip_reads_it_itself(package):
    from nequip.integrations.ase import NequIPCalculator

    made = frames()
    found = load(trusted(str(package)), "cpu", "float64").compute(AtomsBatch.from_atoms(made))
    torch.set_default_dtype(torch.float64)
    try:
        calculator = NequIPCalculator._from_saved_model(package, chemical_species_to_atom_type_map=True)
        for energy, forces, atoms in zip(
            found.energy, found.forces.split([len(atoms) for atoms in made]), made, strict=True
        ):
            atoms.calc = calculator
            assert float(energy) == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
            np.testing.assert_allclose(forces.numpy(), atoms.get_forces(), rtol=0, atol=1e-8)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_package_is_not_opened_without_trust(package):
    from bsct_zoo.models.naming import parse_model

    with pytest.raises(UntrustedFileError, match="--trust"):
        parse_model(f"nequip:{package}")
    with pytest.raises(UntrustedFileError, match="--trust"):
        load(file_card(str(package)), "cpu", "float64")
    card = trusted(str(package))
    with pytest.raises(BadInputError, match="not the file that was trusted"):
        load(replace(card, sha256="0" * 64), "cpu", "float64")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("target", ["batch", "ase"])
def test_compiled_models(saved, target):
    path, own = saved
    compiled = path.with_name(f"{target}.nequip.pt2")
    words = ["nequip-compile", path, compiled, "--mode", "aotinductor", "--device", "cpu", "--target", target]
    command([Path(sys.executable).with_name(words[0]), *words[1:]])
    potential = load(trusted(str(compiled)), "cpu", "float64")
    together = AtomsBatch.from_atoms(frames())
    same(potential.compute(together), own.compute(together), 1e-8)
    for atoms in frames():
        alone = AtomsBatch.from_atoms(atoms)
        found, expected = potential.compute(alone), own.compute(alone)
        torch.testing.assert_close(found.energy, expected.energy, rtol=0, atol=1e-8)
        torch.testing.assert_close(found.forces, expected.forces, rtol=0, atol=1e-8)


def test_torchscript(tmp_path):
    """nequip no longer makes these with a new torch, but reads those that there are."""
    from nequip.model.inference_models.torchscript import save_torchscript_model

    path, model = tmp_path / "old.nequip.pth", build(CONFIG, "float64").eval()
    own, batch = NequipPotential(from_graph_model(model), "cpu", "none", "MIT"), AtomsBatch.from_atoms(frames())
    expected = own.compute(batch)
    save_torchscript_model(model, {**model.metadata, "allow_tf32": 0}, str(path), "cpu")
    potential = load(trusted(str(path)), "cpu", "float32")
    assert potential.info.dtype == "float64"
    same(potential.compute(batch), expected, 1e-10)


@pytest.mark.parametrize("name", ["bad.nequip.zip", "bad.nequip.pt2", "bad.nequip.pth", "bad.ckpt"])
@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 cut off"], ids=["empty", "text", "cut"])
def test_damaged_files(name, content, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="is not a model of nequip that runs here, or a damaged one") as caught:
        load(trusted(str(path)), "cpu", "float64")
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there_or_not_ours(tmp_path):
    with pytest.raises(BadInputError, match="there is no file"):
        file_card(str(tmp_path / "absent.nequip.zip"))
    (tmp_path / "some.zip").write_bytes(b"")
    with pytest.raises(BadInputError, match="neither a file of nequip"):
        file_card(str(tmp_path / "some.zip"))
