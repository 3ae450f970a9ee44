"""Load the ANI-2xt that comes with Auto3D."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
from Auto3D.engines.model_factory import create_model

from bsct_zoo.errors import BadInputError
from bsct_zoo.files import sha256
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo_ani2xt.potential import ANI2xtPotential


def load(card: ModelCard, device: str, dtype: Literal["float32", "float64"]) -> ANI2xtPotential:
    """The model of ``card``.

    Raises:
        BadInputError: its package is another one, with other weights.
    """
    package = find_spec("Auto3D")
    if package is None or package.origin is None:
        raise BadInputError("the package auto3d is missing")
    path = Path(package.origin).parent / card.notes["file"]
    if not path.is_file() or sha256(path) != card.notes["sha256"]:
        raise BadInputError(f"{path} is not the file that its card names (sha256 differs)")
    # One of its own: the package would give all callers the same object.
    model = create_model(
        "ANI2xt", torch.device(device), compile_model=False, use_cache=False, double=dtype == "float64"
    )
    return ANI2xtPotential(model, device, dtype, card)
