"""The card of an ASE calculator, from its import path. Imports nothing of it."""

from __future__ import annotations

import re
from importlib.util import find_spec

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard


def file_card(path: str) -> ModelCard:
    """Card of the calculator class or factory at ``path``, "package.module.Class" or "package.module:Class".

    Raises:
        BadInputError: not an import path, or the package is not installed here.
    """
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*", path):
        raise BadInputError(f"'{path}' is not an import path; write ase:package.module.Class")
    package = path.partition(".")[0].partition(":")[0]
    if find_spec(package) is None:
        raise BadInputError(f"there is no package '{package}' in this interpreter; install it beside bsct-zoo")
    return ModelCard(
        name=path,
        title=f"ASE calculator {path}",
        level_of_theory="unknown",
        licence="unknown",
        source=f"package {package}",
        packages=(package,),
    )
