"""Checkpoints of fairchem-core 1.x (``.pt``), read with its own trainer: model, weights, normalisers, references.

Such a file is a pickle, which can execute code when it is read; whoever calls this has asked for trust.
"""

from __future__ import annotations

import copy
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bsct_zoo.errors import BadInputError
from bsct_zoo.potentials.precision import default_dtype
from bsct_zoo_equiformer.backbone import NAME
from bsct_zoo_equiformer.packages import OCPTrainer, update_config
from bsct_zoo_equiformer.potential import Scale

_EQUIFORMERS = ("equiformer_v2_backbone", "equiformer_v2", NAME)  # the second is that of older checkpoints
_NOT_ONE = "is not a checkpoint of fairchem-core 1.x, or a damaged one"


def load_fairchem_file(path: Path) -> tuple[nn.Module, Scale, frozenset[int]]:
    """The model at ``path`` on the CPU in float64, its units, and the elements that it has embeddings for.

    Raises:
        BadInputError: the file is missing, damaged, or not of an EquiformerV2 with energies and direct forces.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=False)
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, zipfile.BadZipFile, AttributeError, ImportError) as error:
        raise BadInputError(f"{path} {_NOT_ONE}: {_line(error)}") from error
    if not isinstance(checkpoint, dict) or not {"config", "state_dict"} <= checkpoint.keys():
        raise BadInputError(f"{path} {_NOT_ONE}: it has no config and state_dict")
    try:
        config = _updated(checkpoint["config"])
        if not {"energy", "forces"} <= config["outputs"].keys():
            raise BadInputError(f"{path} gives {', '.join(config['outputs'])}; energy and forces are needed")
        name = config["model"]["backbone"]["model"] if config["model"]["name"] == "hydra" else config["model"]["name"]
        if name not in _EQUIFORMERS:
            raise BadInputError(f"{path} holds a model '{name}' of fairchem-core; only EquiformerV2 is read here")
        trainer = _trainer(config, path, checkpoint)
    except (RuntimeError, TypeError, ValueError, KeyError, AttributeError, AssertionError) as error:
        raise BadInputError(f"{path} {_NOT_ONE}: {_line(error)}") from error
    model = trainer.model
    backbone = getattr(model, "backbone", model)
    return model.eval(), _scale(trainer), frozenset(range(1, int(backbone.max_num_elements)))


def _updated(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration in the form of fairchem-core 1.10, whatever version wrote it."""
    config = copy.deepcopy(config)
    if "model_attributes" in config:
        config["model"] = {**config["model_attributes"], "name": config["model"]}
    dataset = config.get("dataset") or {}
    config["dataset"] = dataset[0] if isinstance(dataset, list) else dataset
    updated: dict[str, Any] = update_config(config)
    return updated


def _trainer(config: dict[str, Any], path: Path, checkpoint: dict[str, Any]) -> Any:
    """Fairchem's trainer with the checkpoint read into it, for inference only."""
    with default_dtype(torch.float64):
        trainer = OCPTrainer(
            task=config.get("task", {}),
            model=config["model"],
            outputs=config["outputs"],
            dataset=[{}],
            optimizer=config.get("optim", {}),
            loss_functions=config["loss_functions"],
            evaluation_metrics=config.get("evaluation_metrics", {}),
            identifier="",
            local_rank=0,
            is_debug=True,  # no folders, no logger
            cpu=True,
            inference_only=True,
        )
        trainer.load_checkpoint(str(path), checkpoint, inference_only=True)
    return trainer


def _scale(trainer: Any) -> Scale:
    energy, forces = (trainer.normalizers.get(name) for name in ("energy", "forces"))
    if forces is not None and float(forces.mean.abs().max()) > 0:
        raise BadInputError("the checkpoint shifts forces by a constant, which no potential does")
    references = trainer.elementrefs.get("energy")
    return Scale(
        energy=1.0 if energy is None else float(energy.rmsd),
        shift=0.0 if energy is None else float(energy.mean),
        forces=1.0 if forces is None else float(forces.rmsd),
        references=None if references is None else references.element_references.double(),
    )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
