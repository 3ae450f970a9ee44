"""Load a NequIP or Allegro model: our own checkpoints, or a user's file through nequip's loaders."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.acceleration import require_equal
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.checkpoints import trusted_copy
from bsct_zoo_nequip import checkpoint
from bsct_zoo_nequip.accelerated import accelerated
from bsct_zoo_nequip.model import NequipModel, from_file, from_graph_model
from bsct_zoo_nequip.potential import NequipPotential


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    level_of_theory: str = "",
    accelerate: str = "",
) -> Potential:
    """The model of ``card``. A user's file computes in the type that it was made in, whatever ``dtype`` says.

    With ``accelerate`` it was compared with the plain one.

    Raises:
        BadInputError: its file is missing, damaged or not a model of nequip, was compiled for something else, or
            cannot be accelerated here.
        UntrustedFileError: the file is one of nequip's and it is not trusted.
    """

    def potential(choice: str) -> NequipPotential:
        level = level_of_theory or card.level_of_theory
        return NequipPotential(_model(card, device, dtype, choice), device, level, card.licence)

    return require_equal(potential(""), potential(accelerate), accelerate) if accelerate else potential("")


def _model(card: ModelCard, device: str, dtype: Literal["float32", "float64"], accelerate: str) -> NequipModel:
    assert card.checkpoint is not None
    if card.executes_code:
        with trusted_copy(card) as path:  # nequip's loaders read from a path alone
            return from_file(path, device, accelerate)
    file = Path(card.checkpoint)
    return from_graph_model(accelerated(lambda: checkpoint.load(file, dtype, card.sha256), accelerate, device))
