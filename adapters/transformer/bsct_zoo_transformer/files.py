"""Cards of checkpoints. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.runtime.checkpoints import checkpoint_card, shipped_cards

FORMAT = "bsct-zoo-transformer"
VERSION = 2


def file_card(path: str) -> ModelCard:
    """Card of a user's own checkpoint.

    Raises:
        BadInputError: it is missing or not a checkpoint of this Transformer.
    """
    if not path.endswith(".safetensors"):
        raise BadInputError(f"'{path}' is not a .safetensors file, the only format of this model")
    return checkpoint_card(Path(path), FORMAT, VERSION)


def shipped() -> tuple[ModelCard, ...]:
    """Cards of the checkpoints that come with this package."""
    return shipped_cards(Path(__file__).with_name("checkpoints"), FORMAT, VERSION)
