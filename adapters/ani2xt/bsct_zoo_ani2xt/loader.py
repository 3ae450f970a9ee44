"""Load the ANI-2xt that comes with Auto3D."""

from __future__ import annotations

from typing import Literal

import torch
from Auto3D.engines.model_factory import create_model

from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.runtime.checkpoints import file_in_package
from bsct_zoo_ani2xt.potential import ANI2xtPotential


def load(card: ModelCard, device: str, dtype: Literal["float32", "float64"]) -> ANI2xtPotential:
    """The model of ``card``.

    Raises:
        BadInputError: its package is another one, with other weights.
    """
    file_in_package(card, "Auto3D")  # which create_model reads
    # One of its own: the package would give all callers the same object.
    model = create_model(
        "ANI2xt", torch.device(device), compile_model=False, use_cache=False, double=dtype == "float64"
    )
    return ANI2xtPotential(model, device, dtype, card)
