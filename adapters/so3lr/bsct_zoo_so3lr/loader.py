"""Load the SO3LR that comes with so3krates-torch."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.checkpoints import trusted_copy
from bsct_zoo_so3lr.potential import SO3LRPotential


def load(card: ModelCard, device: str, dtype: Literal["float32", "float64"], r_max_lr: float = 0.0) -> Potential:
    """The model of ``card``; ``r_max_lr`` in Å is the reach of electrostatics and dispersion, 0 for the usual one.

    Raises:
        BadInputError: its package is another one, with other weights.
    """
    with trusted_copy(_with_file(card)) as path:
        model = torch.load(path, map_location=device, weights_only=False)
    return SO3LRPotential(model, device, dtype, card, r_max_lr)


def _with_file(card: ModelCard) -> ModelCard:
    package = find_spec("so3krates_torch")
    if package is None or package.origin is None:
        raise BadInputError("the package so3krates-torch is missing")
    path = Path(package.origin).parent / card.notes["file"]
    return replace(card, checkpoint=str(path), sha256=card.notes["sha256"], executes_code=True)
