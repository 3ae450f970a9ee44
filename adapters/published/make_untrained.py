"""Make a small model with random weights in the format that a hub of ``fetched.toml`` serves.

``python adapters/published/make_untrained.py NAME FOLDER``, with the Python of that model's environment (``bsct-zoo env
path NAME``); it prints the path of the file or folder that it made. Its numbers mean nothing: it shows that the card
takes a file, and that what a card computes is what the package computes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SEED = 0
SYMBOLS = ("H", "C", "N", "O", "F", "S", "Cl")
NUMBERS = (1, 6, 7, 8, 9, 16, 17)
MAKERS: dict[str, Callable[[Path], Path]] = {}


def maker(name: str) -> Callable[[Callable[[Path], Path]], Callable[[Path], Path]]:
    """Register a function that writes into a folder and returns the path to name on the command line."""

    def registered(function: Callable[[Path], Path]) -> Callable[[Path], Path]:
        MAKERS[name] = function
        return function

    return registered


@maker("orb")
def orb(folder: Path) -> Path:
    """State dict, of full size: the package builds the model from code and takes its weights alone."""
    import torch
    from orb_models.forcefield.atomic_system import SystemConfig
    from orb_models.forcefield.pretrained import orb_v3_conservative_architecture

    model = orb_v3_conservative_architecture(
        device="cpu", system_config=SystemConfig(radius=6.0, max_num_neighbors=120)
    )
    path = folder / "untrained-orb.ckpt"
    torch.save(model.state_dict(), path)
    return path


@maker("mattersim")
def mattersim(folder: Path) -> Path:
    """Checkpoint as ``Potential.save`` writes it."""
    import torch
    from mattersim.forcefield.m3gnet.m3gnet import M3Gnet
    from mattersim.forcefield.potential import Potential
    from torch_ema import ExponentialMovingAverage

    model = M3Gnet(num_blocks=1, units=16, max_l=2, max_n=2, device="cpu")
    average = ExponentialMovingAverage(model.parameters(), decay=0.99)
    potential = Potential(model, ema=average, device="cpu")
    for name, value in (("last_epoch", 0), ("validation_metrics", {"loss": 0.0}), ("description", "untrained")):
        setattr(potential, name, value)
    path = folder / "untrained-mattersim.pth"
    potential.save(str(path))
    assert torch.load(path, weights_only=False)["model_name"] == "m3gnet"
    return path


@maker("aimnet2")
def aimnet2(folder: Path) -> Path:
    """Artifact of format 2: short-range Coulomb inside, the whole of it and D3 outside."""
    import torch
    import yaml
    from aimnet.config import build_module

    def module(name: str, **kwargs: object) -> dict[str, object]:
        return {"class": f"aimnet.modules.{name}", "kwargs": kwargs}

    mlp = {"activation_fn": "torch.nn.GELU", "last_linear": True, "hidden": [16]}
    config = {
        "class": "aimnet.models.AIMNet2",
        "kwargs": {
            "nfeature": 4,
            "d2features": True,
            "ncomb_v": 3,
            "hidden": [[16], [16], [16]],
            "aim_size": 16,
            "aev": {"rc_s": 5.0, "nshifts_s": 8},
            "outputs": {
                "energy_mlp": module("Output", n_in=16, n_out=1, key_in="aim", key_out="energy", mlp=mlp),
                "atomic_shift": module("AtomicShift", key_in="energy", key_out="energy"),
                "atomic_sum": module("AtomicSum", key_in="energy", key_out="energy"),
                "srcoulomb": module("SRCoulomb", rc=4.6, key_in="charges", key_out="energy", envelope="exp"),
            },
        },
    }
    text = yaml.safe_dump(config, sort_keys=False)
    model = build_module(yaml.safe_load(text))
    known = [1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 33, 34, 35, 53]
    with torch.no_grad():  # rows of elements that it was not trained on are NaN
        for name, value in model.named_parameters():
            if name.endswith("afv.weight"):
                value[[row for row in range(1, len(value)) if row not in known]] = float("nan")
    path = folder / "untrained-aimnet2.pt"
    artifact = {
        "format_version": 2,
        "model_yaml": text,
        "state_dict": model.state_dict(),
        "cutoff": 5.0,
        "needs_coulomb": True,
        "needs_dispersion": True,
        "coulomb_mode": "sr_embedded",
        "coulomb_sr_rc": 4.6,
        "coulomb_sr_envelope": "exp",
        "d3_params": {"s6": 1.0, "s8": 0.3908, "a1": 0.5660, "a2": 3.1280},
        "has_embedded_lr": True,
        "implemented_species": known,
        "family": "wb97m-d3",
        "supports_charged_systems": True,
    }
    torch.save(artifact, path)
    return path


@maker("ani2x")
def ani2x(folder: Path) -> Path:
    """State dict of the ensemble of eight, of full size: the package takes no other."""
    import torch
    from torchani.arch import Assembler
    from torchani.models import SYMBOLS_2X

    assembler = Assembler(periodic_table_index=True)
    assembler.set_symbols(SYMBOLS_2X)
    assembler.set_global_cutoff_fn("cosine")
    assembler.set_aev_computer(radial="ani2x", angular="ani2x", strategy="pyaev")
    assembler.set_atomic_networks(ctor="ani2x")
    assembler.set_neighborlist("all_pairs")
    assembler.set_gsaes_as_self_energies("wb97x-631gd")
    path = folder / "untrained-ani2x.pt"
    torch.save(assembler.assemble(8).state_dict(), path)
    return path


@maker("upet")
def upet(folder: Path) -> Path:
    """Checkpoint of metatrain's PET."""
    import torch
    from metatrain.pet import PET
    from metatrain.utils.architectures import get_default_hypers
    from metatrain.utils.data import DatasetInfo
    from metatrain.utils.data.target_info import get_energy_target_info

    hypers = get_default_hypers("pet")["model"]
    hypers |= {"d_pet": 16, "d_node": 16, "d_head": 16, "d_feedforward": 16, "num_heads": 2}
    hypers |= {"num_attention_layers": 1, "num_gnn_layers": 1}
    energy = get_energy_target_info("energy", {"quantity": "energy", "unit": "eV"}, add_position_gradients=True)
    model = PET(hypers, DatasetInfo(length_unit="angstrom", atomic_types=list(NUMBERS), targets={"energy": energy}))
    path = folder / "untrained-upet.ckpt"
    torch.save(model.get_checkpoint(), path)
    return path


@maker("matgl")
def matgl(folder: Path) -> Path:
    """Folder of three files as ``Potential.save`` writes it."""
    from matgl.apps.pes import Potential
    from matgl.models import TensorNet

    model = TensorNet(element_types=SYMBOLS, units=16, nblocks=1, num_rbf=8, is_intensive=False, use_warp=False)
    path = folder / "untrained-matgl"
    Potential(model, data_mean=0.0, data_std=1.0, element_refs=[-1.0] * len(SYMBOLS)).save(path)
    return path


@maker("grace")
def grace(folder: Path) -> Path:
    """SavedModel of one layer with its metadata, as the hub's archives hold it."""
    import tensorflow as tf
    from tensorpotential.potentials import get_preset
    from tensorpotential.tpmodel import TPModel

    elements = {symbol: index for index, symbol in enumerate(SYMBOLS)}
    sizes = {"lmax": 1, "n_rad_max": 4, "prod_func_n_max": 4, "embedding_size": 8, "max_order": 2}
    instructions = get_preset("GRACE_1LAYER_latest")(element_map=elements, rcut=6.0, avg_n_neigh=10.0, **sizes)
    model = TPModel(instructions.get_instructions())
    model.build(tf.float64)
    path = folder / "untrained-grace"
    model.save_model(str(path))
    return path


@maker("nequix")
def nequix(folder: Path) -> Path:
    """Weights of the JAX model, which PyTorch's converts."""
    import jax
    from nequix.model import Nequix, save_model

    shape = {
        "hidden_irreps": "8x0e + 8x1o",
        "lmax": 1,
        "cutoff": 5.0,
        "n_layers": 2,
        "radial_basis_size": 8,
        "radial_mlp_size": 16,
        "radial_mlp_layers": 2,
        "radial_polynomial_p": 6.0,
        "mlp_init_scale": 4.0,
        "index_weights": False,
        "layer_norm": True,
        "shift": 0.0,
        "scale": 1.0,
        "avg_n_neighbors": 10.0,
    }
    energies = [-1.0 - index for index in range(len(NUMBERS))]
    model = Nequix(key=jax.random.key(SEED), n_species=len(NUMBERS), atom_energies=energies, **shape)
    config = {
        **shape,
        "atomic_numbers": list(NUMBERS),
        "atom_energies": {str(number): energy for number, energy in zip(NUMBERS, energies, strict=True)},
    }
    path = folder / "untrained-nequix.nqx"
    save_model(str(path), model, config)
    return path


@maker("dpa3")
def dpa3(folder: Path) -> Path:
    """Checkpoint of two tasks that share a descriptor."""
    import types

    import torch

    operators = types.ModuleType("deepmd.pt.cxx_op")  # compiled for one version of torch
    operators.ENABLE_CUSTOMIZED_OP = False  # type: ignore[attr-defined]
    sys.modules[operators.__name__] = operators
    from deepmd.pt.model.model import get_model
    from deepmd.pt.train.wrapper import ModelWrapper

    repflow = {"n_dim": 8, "e_dim": 8, "a_dim": 8, "nlayers": 1, "e_rcut": 6.0, "e_rcut_smth": 5.3, "e_sel": 40}
    repflow |= {"a_rcut": 4.0, "a_rcut_smth": 3.5, "a_sel": 20, "axis_neuron": 4, "update_angle": True}
    task = {
        "type_map": list(SYMBOLS),
        "descriptor": {"type": "dpa3", "repflow": repflow, "precision": "float64", "seed": SEED},
        "fitting_net": {"neuron": [8, 8], "precision": "float64", "seed": SEED},
    }
    models = {head: get_model({**task}) for head in ("Omat24", "SPICE2")}
    wrapper = ModelWrapper(models, model_params={"model_dict": dict.fromkeys(models, task)})
    path = folder / "untrained-dpa3.pt"
    torch.save({"model": wrapper.state_dict()}, path)
    return path


@maker("nequip-oam")
def nequip_oam(folder: Path) -> Path:
    """Package (``.nequip.zip``) of a checkpoint after one step of ``nequip-train``."""
    import yaml
    from ase.build import molecule
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.io import write

    frames = []
    for seed in range(4):
        atoms = molecule("CH3CH2OH")
        atoms.rattle(0.05, seed=seed)
        atoms.calc = SinglePointCalculator(atoms, energy=-40.0 + seed, forces=0.1 * atoms.positions)
        frames.append(atoms)
    write(folder / "frames.xyz", frames)
    model = {
        "_target_": "nequip.model.NequIPGNNModel",
        "seed": SEED,
        "model_dtype": "float64",
        "type_names": list(SYMBOLS),
        "r_max": 5.0,
        "num_bessels": 4,
        "num_layers": 1,
        "l_max": 1,
        "num_features": 4,
        "avg_num_neighbors": 10.0,
    }
    config = {
        "run": ["train"],
        "data": {
            "_target_": "nequip.data.datamodule.ASEDataModule",
            "seed": SEED,
            "split_dataset": {"file_path": str(folder / "frames.xyz"), "train": 2, "val": 2},
            "transforms": [
                {
                    "_target_": "nequip.data.transforms.ChemicalSpeciesToAtomTypeMapper",
                    "model_type_names": list(SYMBOLS),
                },
                {"_target_": "nequip.data.transforms.NeighborListTransform", "r_max": 5.0},
            ],
            "train_dataloader": {"_target_": "torch.utils.data.DataLoader", "batch_size": 2},
            "val_dataloader": {"_target_": "torch.utils.data.DataLoader", "batch_size": 2},
        },
        "trainer": {
            "_target_": "lightning.Trainer",
            "accelerator": "cpu",
            "max_epochs": 1,
            "logger": False,
            "enable_progress_bar": False,
            "callbacks": [
                {"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "dirpath": str(folder), "filename": "one"}
            ],
        },
        "training_module": {
            "_target_": "nequip.train.NequIPLightningModule",
            "model": model,
            "loss": {
                "_target_": "nequip.train.EnergyForceLoss",
                "coeffs": {"total_energy": 1.0, "forces": 1.0},
            },
            "val_metrics": {
                "_target_": "nequip.train.EnergyForceMetrics",
                "coeffs": {"total_energy_mae": 1.0, "forces_mae": 1.0},
            },
            "optimizer": {"_target_": "torch.optim.Adam", "lr": 1e-4},
        },
        "global_options": {"allow_tf32": False},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    scripts = Path(sys.executable).parent
    path = folder / "untrained.nequip.zip"
    for command in (
        [scripts / "nequip-train", "-cp", folder, "-cn", "config"],
        [scripts / "nequip-package", "build", folder / "one.ckpt", path],
    ):
        subprocess.run([sys.executable, *map(str, command)], cwd=folder, check=True, stdout=sys.stderr)
    return path


@maker("7net-omni")
def sevennet_omni(folder: Path) -> Path:
    """Checkpoint of several tasks, made of the configuration of one that its package has, with fewer channels."""
    import torch
    from sevenn._const import SEVENNET_MF_0
    from sevenn.checkpoint import SevenNetCheckpoint
    from sevenn.model_build import build_E3_equivariant_model

    config = SevenNetCheckpoint(SEVENNET_MF_0).config
    tasks = ["mpa", "omol25_low", "spice", "matpes_r2scan"]
    config |= {"channel": 4, "lmax": 1, "num_convolution_layer": 2}
    config |= {"_modal_map": {task: index for index, task in enumerate(tasks)}, "_number_of_modalities": len(tasks)}
    for key in ("shift", "scale"):  # one for each task and element, or for each element
        config[key] = [0.5] * config["_number_of_species"]
    config |= {"irreps_manual": False, "use_modal_wise_shift": False, "use_modal_wise_scale": False}
    model = build_E3_equivariant_model(config)
    path = folder / "untrained-7net-omni.pth"
    torch.save({"config": config, "model_state_dict": model.state_dict(), "epoch": 0, "time": "", "hash": ""}, path)
    return path


def mace_arguments() -> dict[str, object]:
    """What the MACE models have in common."""
    import numpy as np
    import torch
    from e3nn import o3
    from mace import modules

    return {
        "r_max": 4.5,
        "num_bessel": 4,
        "num_polynomial_cutoff": 5,
        "max_ell": 1,
        "interaction_cls": modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
        "interaction_cls_first": modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
        "num_interactions": 2,
        "num_elements": len(NUMBERS),
        "hidden_irreps": o3.Irreps("8x0e + 8x1o"),
        "MLP_irreps": o3.Irreps("8x0e"),
        "gate": torch.nn.functional.silu,
        "atomic_energies": np.zeros((1, len(NUMBERS))),
        "avg_num_neighbors": 10.0,
        "atomic_numbers": list(NUMBERS),
        "correlation": 2,
        "radial_type": "bessel",
        "heads": ["Default"],
    }


def saved_whole(model: object, path: Path) -> Path:
    """The model itself in a file of torch, as MACE's hub has it."""
    import torch

    torch.save(model, path)
    return path


@maker("mace-omol")
def mace_omol(folder: Path) -> Path:
    """Whole model, with embeddings of charge and multiplicity."""
    from mace import modules

    embedding = {"type": "categorical", "emb_dim": 8, "per": "graph"}
    model = modules.ScaleShiftMACE(
        **mace_arguments(),
        atomic_inter_scale=1.0,
        atomic_inter_shift=0.0,
        embedding_specs={
            "total_charge": {**embedding, "num_classes": 20, "offset": 10},
            "total_spin": {**embedding, "num_classes": 11, "offset": 0},
        },
    )
    return saved_whole(model, folder / "untrained-mace-omol.model")


@maker("mace-polar")
def mace_polar(folder: Path) -> Path:
    """Whole model, with charges and dipoles that settle in one step."""
    from mace.modules.extensions import PolarMACE

    model = PolarMACE(
        **mace_arguments(),
        atomic_multipoles_max_l=1,
        field_feature_max_l=1,
        field_feature_widths=[1.0],
        num_recursion_steps=1,
        add_local_electron_energy=True,
        field_feature_norms=[1.0] * 2,
        fixedpoint_update_config={"type": "AgnosticEmbeddedOneBodyVariableUpdate"},
        field_readout_config={"type": "OneBodyMLPFieldReadout"},
    )
    return saved_whole(model, folder / "untrained-mace-polar.model")


@maker("metatomic")
def metatomic(folder: Path) -> Path:
    """Exported model: a Gaussian of random height between any two atoms closer than 5 Å."""
    from metatomic.torch import AtomisticModel, ModelCapabilities, ModelMetadata, ModelOutput
    from untrained_metatomic import Gaussians

    capabilities = ModelCapabilities(
        outputs={"energy": ModelOutput(quantity="energy", unit="eV", per_atom=False)},
        atomic_types=list(NUMBERS),
        interaction_range=5.0,
        length_unit="angstrom",
        supported_devices=["cpu"],
        dtype="float64",
    )
    path = folder / "untrained-metatomic.pt"
    AtomisticModel(Gaussians().eval(), ModelMetadata(), capabilities).save(str(path))
    return path


def make(name: str, folder: Path) -> Path:
    """The path of a file or folder for the model ``name``, made inside ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    if name not in ("grace", "nequip-oam"):  # TensorFlow, and programs of their own
        import torch

        torch.manual_seed(SEED)
    return MAKERS[name](folder.resolve())


def main() -> None:
    """Make one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=MAKERS)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    print(make(arguments.name, arguments.folder))


if __name__ == "__main__":
    main()
