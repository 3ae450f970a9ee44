"""Load the NEP89 that comes with neptrainkit."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from bsct_zoo.errors import BadInputError
from bsct_zoo.files import sha256
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential
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
    package = find_spec("NepTrainKit")
    if package is None or not package.submodule_search_locations:
        raise BadInputError("the package neptrainkit is missing")
    path = Path(package.submodule_search_locations[0]) / card.notes["file"]
    if not path.is_file() or sha256(path) != card.notes["sha256"]:
        raise BadInputError(f"{path} is not the file that its card names (sha256 differs)")
    return path
