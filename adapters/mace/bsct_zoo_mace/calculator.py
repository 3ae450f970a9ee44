"""The package's own ASE calculator, one frame at a time: what the batched numbers are held against."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch

from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential
from bsct_zoo_mace.accelerated import ARGUMENTS
from bsct_zoo_mace.loader import load as load_batched
from bsct_zoo_mace.loader import network


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    head: str = "",
    level_of_theory: str = "",
    accelerate: str = "",
) -> Potential:
    """``MACECalculator`` with the checkpoint of ``card``; called as the adapter's loader is.

    It makes ``dtype`` the default of torch, which is put back; it does not rely on it after that.
    """
    from mace.calculators import MACECalculator  # after ``packages`` has imported e3nn

    batched = load_batched(card, device, dtype, head, level_of_theory)
    named = {"head": head} if head else {}
    before = torch.get_default_dtype()
    try:
        calculator = MACECalculator(
            models=[network(card)], device=device, default_dtype=dtype, **named, **ARGUMENTS.get(accelerate, {})
        )
    finally:
        torch.set_default_dtype(before)
    return CalculatorPotential(calculator, replace(batched.info, cost="atoms"))
