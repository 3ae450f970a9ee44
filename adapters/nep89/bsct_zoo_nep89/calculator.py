"""The package's own ASE calculator, one frame at a time: what the batched numbers are held against."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from nep_adapters.ase import NepAseCalculator

from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential
from bsct_zoo_nep89.loader import file_of
from bsct_zoo_nep89.loader import load as load_batched


def load(card: ModelCard, device: str, dtype: Literal["float32", "float64"]) -> Potential:
    """The calculator of nep-adapters; called as the adapter's loader is."""
    info = load_batched(card, device, dtype).info
    return CalculatorPotential(NepAseCalculator(file_of(card)), replace(info, cost="atoms"))
