"""The card of a TorchSim model, from its import path. Imports nothing of it."""

from __future__ import annotations

import re

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard


def file_card(path: str) -> ModelCard:
    """Card of the model class or factory at ``path``, "package.module.Class" or "package.module:Class".

    Whether it can be imported turns out where it is loaded, which may be an environment of its own. Of a package that
    is not here nobody knows the version, so that nothing that its models say is kept.

    Raises:
        BadInputError: not an import path.
    """
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*", path):
        raise BadInputError(f"'{path}' is not an import path; write torchsim:package.module.Class")
    package = path.partition(".")[0].partition(":")[0]
    return ModelCard(
        name=path,
        title=f"TorchSim model {path}",
        level_of_theory="unknown",
        licence="unknown",
        source=f"package {package}",
        packages=() if package == "torch_sim" else (package,),
    )
