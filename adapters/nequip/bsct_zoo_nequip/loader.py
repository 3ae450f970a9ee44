"""Load a NequIP or Allegro model: our own checkpoints, or a user's file through nequip's loaders."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.checkpoints import trusted_copy
from bsct_zoo_nequip import checkpoint
from bsct_zoo_nequip.model import from_file, from_graph_model
from bsct_zoo_nequip.potential import NequipPotential


def load(card: ModelCard, device: str, dtype: Literal["float32", "float64"], level_of_theory: str = "") -> Potential:
    """The model of ``card``. A user's file computes in the type that it was made in, whatever ``dtype`` says.

    Raises:
        BadInputError: its file is missing, damaged or not a model of nequip, or was compiled for something else.
        UntrustedFileError: the file is one of nequip's and it is not trusted.
    """
    assert card.checkpoint is not None
    if card.executes_code:
        with trusted_copy(card) as path:  # nequip's loaders read from a path alone
            model = from_file(path, device)
    else:
        model = from_graph_model(checkpoint.load(Path(card.checkpoint), dtype, card.sha256))
    return NequipPotential(model, device, level_of_theory or card.level_of_theory, card.licence)
