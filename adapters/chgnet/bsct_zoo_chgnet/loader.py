"""Load a CHGNet: one that the chgnet package brings, or a user's checkpoint."""

from __future__ import annotations

import pickle
import zipfile
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import chgnet
import torch
from chgnet.model import CHGNet

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.checkpoints import trusted_copy
from bsct_zoo_chgnet.potential import CHGNetPotential

_UNREADABLE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    AttributeError,
    EOFError,
    ImportError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


def load(card: ModelCard, device: str, dtype: Literal["float32", "float64"], level_of_theory: str = "") -> Potential:
    """The model of ``card``.

    Raises:
        BadInputError: its file is missing, damaged or not a CHGNet.
    """
    return CHGNetPotential(
        model_of(card),
        device,
        dtype,
        level_of_theory=level_of_theory or card.level_of_theory,
        licence=card.licence,
        elements=card.elements,
    )


def model_of(card: ModelCard) -> CHGNet:
    """The network of ``card``, on the CPU, in float32.

    Raises:
        UntrustedFileError: it is a user's file and it is not trusted.
        BadInputError: it is missing, damaged, not a CHGNet, or its sha256 is not that of the card.
    """
    with _checkpoint_file(card) as path:
        return read_model(path)


def read_model(path: Path) -> CHGNet:
    """The network in the checkpoint at ``path``, on the CPU; the caller has asked for trust.

    Raises:
        BadInputError: it is damaged or not a checkpoint of CHGNet.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=False)["model"]
        biased = any(name.endswith("mlp_out.layers.1.bias") for name in saved["state_dict"])
        saved["model_args"] = {**saved["model_args"], "mlp_out_bias": biased}  # the file of 0.2.0 does not tell
        model: CHGNet = CHGNet.from_dict(saved)
    except _UNREADABLE as error:
        text = " ".join(str(error).split())[:160] or type(error).__name__
        raise BadInputError(f"{path.name} is not a checkpoint of CHGNet, or a damaged one: {text}") from error
    return model.eval()


def _checkpoint_file(card: ModelCard) -> AbstractContextManager[Path]:
    """A private copy of the checkpoint of ``card``, whose bytes were checked: it is a pickle."""
    if card.checkpoint is None:
        path = Path(chgnet.__file__).parent / "pretrained" / card.notes["file"]
        card = replace(card, checkpoint=str(path), sha256=card.notes["sha256"], executes_code=True)
    return trusted_copy(card)
