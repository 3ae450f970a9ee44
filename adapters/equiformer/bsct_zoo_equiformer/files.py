"""Cards of checkpoints. Imports nothing heavy, and opens nothing that can execute code."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.runtime.checkpoints import checkpoint_card, shipped_cards

FORMAT = "bsct-zoo-equiformer"
VERSION = 1


def file_card(path: str) -> ModelCard:
    """Card of a user's own checkpoint: a ``.pt`` file of fairchem-core 1.x, or ours (.safetensors and .json).

    Raises:
        BadInputError: it is missing or of another kind.
    """
    file = Path(path)
    if file.suffix == ".safetensors":
        return checkpoint_card(file, FORMAT, VERSION)
    if file.suffix not in (".pt", ".pth"):
        raise BadInputError(f"'{path}' is neither a .pt checkpoint of fairchem-core 1.x nor a .safetensors of bsct-zoo")
    if not file.is_file():
        raise BadInputError(f"there is no file {path}")
    return ModelCard(
        name=file.name,
        title=f"EquiformerV2 from {file.name}",
        level_of_theory="unknown",
        licence="unknown",
        source="a user's file",
        checkpoint=str(file.resolve()),
        executes_code=True,
    )


def shipped() -> tuple[ModelCard, ...]:
    """Cards of the checkpoints that come with this package."""
    return shipped_cards(Path(__file__).with_name("checkpoints"), FORMAT, VERSION)
