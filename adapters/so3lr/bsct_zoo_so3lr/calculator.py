"""The package's own ASE calculator, one frame at a time: what the batched numbers are held against."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from ase import Atoms
from ase.calculators.calculator import Calculator
from so3krates_torch.calculator.so3 import SO3LRCalculator

from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential
from bsct_zoo_so3lr.loader import load as load_batched
from bsct_zoo_so3lr.potential import CRYSTALS, DAMPING, MOLECULES


def load(card: ModelCard, device: str, dtype: Literal["float32", "float64"], r_max_lr: float = 0.0) -> Potential:
    """``SO3LRCalculator``; called as the adapter's loader is. It sets torch's default precision as it is made."""
    batched = load_batched(card, device, dtype, r_max_lr)
    before = torch.get_default_dtype()
    calculator = SO3LRCalculator(
        r_max_lr=r_max_lr or MOLECULES,
        dispersion_energy_cutoff_lr_damping=DAMPING,
        compute_stress=True,
        device=device,
        default_dtype=dtype,
    )
    torch.set_default_dtype(before)

    def prepare(atoms: Atoms, calculator: Calculator) -> None:
        torch.set_default_dtype(getattr(torch, dtype))
        reach = r_max_lr or (CRYSTALS if atoms.pbc.any() else MOLECULES)
        calculator.r_max_lr = calculator.models[0].r_max_lr = reach
        calculator.compute_stress = bool(atoms.pbc.any())
        atoms.info["total_spin"] = (atoms.info["spin"] - 1) / 2

    return CalculatorPotential(calculator, replace(batched.info, cost="atoms"), prepare=prepare)
