"""The package's own ASE calculator, one frame at a time: what the batched numbers are held against."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from chgnet.model import CHGNetCalculator

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential
from bsct_zoo_chgnet.loader import load as load_batched
from bsct_zoo_chgnet.loader import model_of


def load(card: ModelCard, device: str, dtype: Literal["float32", "float64"], level_of_theory: str = "") -> Potential:
    """``CHGNetCalculator`` with the checkpoint of ``card``; called as the adapter's loader is.

    Raises:
        BadInputError: float64 is asked for: this calculator has float32 alone.
    """
    if dtype != "float32":
        raise BadInputError("CHGNet's own calculator computes in float32 alone")
    batched = load_batched(card, device, dtype, level_of_theory)
    return CalculatorPotential(CHGNetCalculator(model_of(card), use_device=device), replace(batched.info, cost="atoms"))
