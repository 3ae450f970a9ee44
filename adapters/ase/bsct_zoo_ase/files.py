"""The card of an ASE calculator, from its import path. Imports nothing of it."""

from __future__ import annotations

import importlib
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import CalculatorSpec, ModelCard


def file_card(path: str) -> ModelCard:
    """Card of the calculator class or factory at ``path``, "package.module.Class" or "package.module:Class".

    Modules of the current folder are found too, with or without a dot in front.

    Raises:
        BadInputError: not an import path, or the package is neither installed nor in the current folder.
    """
    if not re.fullmatch(r"\.?[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*", path):
        raise BadInputError(f"'{path}' is not an import path; write ase:package.module.Class")
    path = path.removeprefix(".")
    package = re.split(r"[.:]", path)[0]
    _see_current_folder()
    if find_spec(package) is None:
        raise BadInputError(
            f"there is no package '{package}' in this interpreter or in {Path.cwd()}; install it beside bsct-zoo, "
            "or run bsct-zoo from the folder of its file"
        )
    return ModelCard(
        name=path,
        title=f"ASE calculator {path}",
        level_of_theory="unknown",
        licence="unknown",
        source=f"package {package}",
        packages=(package,),
        calculator=CalculatorSpec(path.replace(":", ".")),
    )


def _see_current_folder() -> None:
    """Let modules of the current folder be found, after everything that is installed."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)
        importlib.invalidate_caches()
