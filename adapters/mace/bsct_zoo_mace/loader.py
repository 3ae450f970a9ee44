"""Load a MACE: our own checkpoints, or a user's whole-model file."""

from __future__ import annotations

import copy
import io
import pickle
import zipfile
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.acceleration import require_equal
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.checkpoints import read_trusted
from bsct_zoo_mace.accelerated import compiled, converted
from bsct_zoo_mace.checkpoint import load as load_checkpoint
from bsct_zoo_mace.packages import pickles_allowed
from bsct_zoo_mace.potential import MacePotential


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    head: str = "",
    level_of_theory: str = "",
    accelerate: str = "",
) -> Potential:
    """The model of ``card``; with ``accelerate`` it was compared with the plain one.

    Raises:
        BadInputError: its file is missing, damaged or not a MACE, has no such head, or cannot be accelerated here.
        UntrustedFileError: the file is a pickle and it is not trusted.
    """

    def potential(model: nn.Module) -> MacePotential:
        level = level_of_theory or card.level_of_theory
        return MacePotential(model, device, dtype, level, card.licence, head or None)

    model = network(card)
    if not accelerate:
        return potential(model)
    plain = potential(copy.deepcopy(model))
    fast = potential(converted(model, accelerate, device))
    return require_equal(plain, compiled(fast) if accelerate == "compile" else fast, accelerate)


def network(card: ModelCard) -> nn.Module:
    """The module of mace-torch in the file of ``card``, on the CPU, as it was saved.

    Raises:
        BadInputError: the file is missing, damaged or not a MACE.
        UntrustedFileError: the file is a pickle and it is not trusted.
    """
    assert card.checkpoint is not None
    return _whole_model(card) if card.executes_code else load_checkpoint(Path(card.checkpoint), card.sha256)


def _whole_model(card: ModelCard) -> nn.Module:
    """A model as mace-torch saves it: a pickle, read from the very bytes that ``card.sha256`` vouches for."""
    path = card.checkpoint
    content = read_trusted(card)
    try:
        with pickles_allowed():
            model = torch.load(io.BytesIO(content), map_location="cpu", weights_only=False)
    except (pickle.UnpicklingError, RuntimeError, EOFError, zipfile.BadZipFile, AttributeError, ImportError) as error:
        raise BadInputError(f"{path} is not a model of mace-torch, or a damaged one: {_line(error)}") from error
    if isinstance(model, torch.jit.ScriptModule):
        raise BadInputError(f"{path} is compiled (for LAMMPS?); give the .model file that it was made from")
    if not isinstance(model, nn.Module) or not hasattr(model, "atomic_numbers") or not hasattr(model, "r_max"):
        raise BadInputError(f"{path} holds a {type(model).__name__}, not a MACE model")
    return model.eval()


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160]
