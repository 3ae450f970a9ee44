"""Load a SevenNet: one that the sevenn package brings, or a user's checkpoint."""

from __future__ import annotations

import pickle
import zipfile
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import sevenn
import torch
from sevenn.checkpoint import SevenNetCheckpoint
from sevenn.nn.sequential import AtomGraphSequential

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.acceleration import require_equal, require_package
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.checkpoints import trusted_copy
from bsct_zoo_sevennet.potential import SevenNetPotential

_PACKAGES = {
    "cueq": (
        ("cuequivariance_torch", "cuequivariance-torch"),
        ("cuequivariance_ops_torch", "cuequivariance-ops-torch-cu12"),
    ),
    "oeq": (("openequivariance", "openequivariance"),),
}
_UNREADABLE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
)


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    modal: str = "",
    level_of_theory: str = "",
    accelerate: str = "",
) -> Potential:
    """The model of ``card``; with ``accelerate`` it was compared with the plain one.

    Raises:
        BadInputError: its file is missing, damaged or not a SevenNet, it has no such fidelity, or it cannot be
            accelerated here.
    """

    def potential(choice: str) -> SevenNetPotential:
        with checkpoint_file(card) as path:
            model = read_model(path, choice, dtype)
        return SevenNetPotential(
            model,
            device,
            dtype,
            level_of_theory=level_of_theory or card.level_of_theory,
            licence=card.licence,
            elements=card.elements,
            modal=chosen_modal(card, list(model.modal_map or ()), modal),
        )

    return require_equal(potential(""), potential(accelerate), accelerate) if accelerate else potential("")


def checkpoint_file(card: ModelCard) -> AbstractContextManager[Path]:
    """A private copy of the checkpoint of ``card``, whose bytes were checked: it is a pickle.

    Raises:
        UntrustedFileError: it is a user's file and it is not trusted.
        BadInputError: it is missing, or its sha256 is not that of the card.
    """
    if card.checkpoint is None:
        path = Path(sevenn.__file__).parent / "pretrained_potentials" / card.notes["file"]
        card = replace(card, checkpoint=str(path), sha256=card.notes["sha256"], executes_code=True)
    return trusted_copy(card)


def read_model(
    path: Path, accelerate: str = "", dtype: Literal["float32", "float64"] = "float32"
) -> AtomGraphSequential:
    """The network in the checkpoint at ``path``, on the CPU; the caller has asked for trust.

    Kernels of ``accelerate`` are made for ``dtype``; without it the network is as the checkpoint has it.

    Raises:
        BadInputError: it is damaged or not a checkpoint of SevenNet, or a package for ``accelerate`` is missing.
    """
    if accelerate:  # sevenn falls back to the plain model with a warning
        for module, package in _PACKAGES[accelerate]:
            require_package(module, package, accelerate)
    before = torch.get_default_dtype()
    try:
        if accelerate:
            torch.set_default_dtype(getattr(torch, dtype))
        model = SevenNetCheckpoint(path).build_model(**({f"enable_{accelerate}": True} if accelerate else {}))
    except _UNREADABLE as error:
        text = " ".join(str(error).split())[:160] or type(error).__name__
        raise BadInputError(f"{path.name} is not a checkpoint of SevenNet, or a damaged one: {text}") from error
    finally:
        torch.set_default_dtype(before)
    return model.eval()


def chosen_modal(card: ModelCard, fidelities: list[str], wanted: str) -> str | None:
    """Which of ``fidelities`` is meant; None if the model has but one.

    Raises:
        BadInputError: there is no such fidelity, or one must be named. They differ in their level of theory.
    """
    fixed = card.notes.get("modal", "")
    if wanted and (card.checkpoint is None or not fidelities):
        kind = f"always {fixed}; another card is the other fidelity" if fixed else "of one fidelity"
        raise BadInputError(f"{card.title} is {kind}; leave modal away")
    if not fidelities:
        return None
    modal = wanted or fixed
    if not modal:
        raise BadInputError(
            f"the model has several fidelities; say which, as in @modal={fidelities[0]} (of {', '.join(fidelities)})"
        )
    if modal not in fidelities:
        raise BadInputError(f"the model has no fidelity '{modal}'; it has {', '.join(fidelities)}")
    return modal
