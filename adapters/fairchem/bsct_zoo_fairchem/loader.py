"""Load a model of fairchem-core 2: our own checkpoints, the hub's, or a user's inference checkpoint."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.checkpoints import read_trusted
from bsct_zoo_fairchem.assembly import assemble
from bsct_zoo_fairchem.escaip import load as load_own
from bsct_zoo_fairchem.hub import REFERENCES
from bsct_zoo_fairchem.packages import HydraModel, MLIPInferenceCheckpoint
from bsct_zoo_fairchem.potential import FairchemPotential
from bsct_zoo_fairchem.pretrained import BY_TASK, LEVELS

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    task: str = "",
    level_of_theory: str = "",
) -> Potential:
    """The model of ``card``, asked for ``task``; it declares float32 where fairchem-core has nothing else for it.

    Raises:
        BadInputError: the file is missing or of another kind, or the task must be named.
        UntrustedFileError: nobody vouches for a file that can execute code.
    """
    assert card.checkpoint is not None
    path = Path(card.checkpoint)
    if path.suffix == ".safetensors":
        model = load_own(path, card.sha256)
    else:
        model = _users(path.name, read_trusted(card), _DTYPES[dtype])
    name = chosen_task(sorted(model.dataset_to_tasks), task)
    level = level_of_theory or card.level_of_theory
    return FairchemPotential(
        model,
        name,
        device,
        level_of_theory=LEVELS.get(name, "unknown") if level == BY_TASK else level,
        licence=card.licence,
        atoms=_atoms(path.with_name(REFERENCES), name),
    )


def chosen_task(tasks: list[str], wanted: str) -> str:
    """Which of ``tasks`` is meant: the one named, or the only one.

    Raises:
        BadInputError: there is no such task, or one must be named. Tasks differ in their level of theory.
    """
    if wanted:
        if wanted not in tasks:
            raise BadInputError(f"the model has no task '{wanted}'; it has {', '.join(tasks)}")
        return wanted
    if len(tasks) != 1:
        raise BadInputError(f"the model has several tasks; say which, as in @task={tasks[0]} (of {', '.join(tasks)})")
    return tasks[0]


def _users(name: str, content: bytes, dtype: torch.dtype) -> HydraModel:
    """The model of an inference checkpoint, whose bytes the user trusts."""
    broken = (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        AttributeError,
        ImportError,
        zipfile.BadZipFile,
        ValueError,
    )
    try:
        checkpoint = torch.load(io.BytesIO(content), map_location="cpu", weights_only=False)
    except (*broken, KeyError, IndexError, TypeError) as error:
        raise BadInputError(f"{name} is not a checkpoint of fairchem-core 2: {_line(error)}") from error
    if not isinstance(checkpoint, MLIPInferenceCheckpoint):
        older = isinstance(checkpoint, Mapping) and {"config", "state_dict"} <= checkpoint.keys()
        kind = "a checkpoint of fairchem-core 1" if older else f"a {type(checkpoint).__name__}"
        raise BadInputError(
            f"{name} holds {kind}; wanted is an inference checkpoint of fairchem-core 2 (inference_ckpt.pt)"
        )
    try:
        return assemble(checkpoint, dtype)
    except (*broken, KeyError, TypeError, AssertionError) as error:
        raise BadInputError(f"{name} cannot be built by this fairchem-core: {_line(error)}") from error


def _atoms(path: Path, task: str) -> Mapping[int, Any]:
    """Energies in eV of isolated atoms for ``task``, where the hub gave some beside the checkpoint."""
    if not path.is_file():
        return {}
    from omegaconf import OmegaConf

    tables: Any = OmegaConf.to_container(OmegaConf.load(path))
    by_task = {str(name).replace("_elem_refs", ""): table for name, table in tables.items()}
    found = by_task.get(task, {})
    return dict(enumerate(found)) if isinstance(found, list) else dict(found)


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
