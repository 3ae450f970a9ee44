"""Load a Transformer checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential
from bsct_zoo_transformer.checkpoint import load as load_model
from bsct_zoo_transformer.potential import TransformerPotential


def load(card: ModelCard, device: str, dtype: Literal["float32", "float64"]) -> Potential:
    """The model of ``card``.

    Raises:
        BadInputError: its checkpoint is missing or damaged.
    """
    assert card.checkpoint is not None
    model = load_model(Path(card.checkpoint), card.sha256)
    return TransformerPotential(model, device, dtype, card.level_of_theory, card.licence)
