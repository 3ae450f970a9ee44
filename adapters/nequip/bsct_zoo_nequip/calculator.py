"""The package's own ASE calculator, one frame at a time: what the batched numbers are held against."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from ase import Atoms
from nequip.integrations.ase import NequIPCalculator
from nequip.integrations.utils import basic_transforms

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential
from bsct_zoo_nequip import checkpoint
from bsct_zoo_nequip.loader import load as load_batched


class _InFloat64(NequIPCalculator):
    """As in nequip's own programs, where float64 is torch's default: otherwise it would round positions to float32."""

    def atoms_to_data(self, atoms: Atoms) -> Any:
        """See ``NequIPCalculator.atoms_to_data``."""
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            return super().atoms_to_data(atoms)
        finally:
            torch.set_default_dtype(before)


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    level_of_theory: str = "",
    accelerate: str = "",
) -> Potential:
    """``NequIPCalculator`` with the checkpoint of ``card``; called as the adapter's loader is.

    Raises:
        BadInputError: the card is that of a file of nequip's own, of which the calculator loads some kinds alone,
            or it is to be accelerated.
    """
    if accelerate:
        raise BadInputError("nequip's own calculator is not accelerated here; leave accelerate away for it")
    if card.executes_code or card.checkpoint is None:
        raise BadInputError("only checkpoints of bsct-zoo are put into nequip's calculator here")
    batched = load_batched(card, device, dtype, level_of_theory)  # also sets what nequip relies on
    model = checkpoint.load(Path(card.checkpoint), dtype, card.sha256)
    facts = model.metadata
    names = facts["type_names"].split()
    transforms = basic_transforms(facts, float(facts["r_max"]), names, {name: name for name in names})
    calculator = _InFloat64(model, device, transforms=transforms)
    return CalculatorPotential(calculator, replace(batched.info, cost="atoms"))
