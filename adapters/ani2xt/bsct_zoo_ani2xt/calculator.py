"""The package's own ASE calculator, one frame at a time: what the batched numbers are held against."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from Auto3D.entry.ASE.thermo.calculator import Calculator

from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential
from bsct_zoo_ani2xt.loader import load as load_batched


def load(card: ModelCard, device: str, dtype: Literal["float32", "float64"]) -> Potential:
    """Auto3D's ``Calculator``; called as the adapter's loader is."""
    batched = load_batched(card, device, dtype)
    return CalculatorPotential(Calculator(batched.model), replace(batched.info, cost="atoms"))
