"""Load a SevenNet: one that the sevenn package brings, or a user's checkpoint."""

from __future__ import annotations

import pickle
import zipfile
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import sevenn
from sevenn.checkpoint import SevenNetCheckpoint
from sevenn.nn.sequential import AtomGraphSequential

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.checkpoints import trusted_copy
from bsct_zoo_sevennet.potential import SevenNetPotential

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
) -> Potential:
    """The model of ``card``.

    Raises:
        BadInputError: its file is missing, damaged or not a SevenNet, or it has no such fidelity.
    """
    with checkpoint_file(card) as path:
        model = read_model(path)
    return SevenNetPotential(
        model,
        device,
        dtype,
        level_of_theory=level_of_theory or card.level_of_theory,
        licence=card.licence,
        elements=card.elements,
        modal=chosen_modal(card, list(model.modal_map or ()), modal),
    )


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


def read_model(path: Path) -> AtomGraphSequential:
    """The network in the checkpoint at ``path``, on the CPU; the caller has asked for trust.

    Raises:
        BadInputError: it is damaged or not a checkpoint of SevenNet.
    """
    try:
        model = SevenNetCheckpoint(path).build_model()
    except _UNREADABLE as error:
        text = " ".join(str(error).split())[:160] or type(error).__name__
        raise BadInputError(f"{path.name} is not a checkpoint of SevenNet, or a damaged one: {text}") from error
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
