"""The package's own ASE calculator, one frame at a time: what the batched numbers are held against."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from sevenn.calculator import SevenNetCalculator

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential
from bsct_zoo_sevennet.loader import checkpoint_file
from bsct_zoo_sevennet.loader import load as load_batched


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    modal: str = "",
    level_of_theory: str = "",
    accelerate: str = "",
) -> Potential:
    """``SevenNetCalculator`` with the checkpoint of ``card``; called as the adapter's loader is.

    Raises:
        BadInputError: float64 is asked for: this calculator has float32 alone.
    """
    if dtype != "float32":
        raise BadInputError("SevenNet's own calculator computes in float32 alone")
    batched = load_batched(card, device, dtype, modal, level_of_theory)
    with checkpoint_file(card) as path:
        calculator = SevenNetCalculator(
            str(path),
            device=device,
            modal=modal or card.notes.get("modal"),
            enable_cueq=accelerate == "cueq",
            enable_oeq=accelerate == "oeq",
        )
    return CalculatorPotential(calculator, replace(batched.info, cost="atoms"))
