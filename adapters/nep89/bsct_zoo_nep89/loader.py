"""Load the NEP89 that comes with neptrainkit."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.checkpoints import file_in_package
from bsct_zoo_nep89.potential import NEPPotential


def load(card: ModelCard, device: str, dtype: Literal["float32", "float64"]) -> Potential:
    """The model of ``card``, in float64 whatever ``dtype`` is.

    Raises:
        BadInputError: its file is another one.
    """
    return NEPPotential(file_of(card), device, card)


def file_of(card: ModelCard) -> Path:
    """The parameters of ``card``: a text file inside neptrainkit, whose program is not imported.

    Raises:
        BadInputError: it is missing, or another one.
    """
    return file_in_package(card, "NepTrainKit")
