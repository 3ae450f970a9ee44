"""nequip's own accelerations of a model that is not compiled yet: OpenEquivariance, torch.compile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

from torch import nn

from bsct_zoo.errors import BadInputError
from bsct_zoo.potentials.acceleration import require_compiler, require_package
from bsct_zoo_nequip.packages import ready


def accelerated(build: Callable[[], nn.Module], choice: str, device: str) -> nn.Module:
    """What ``build`` makes, a ``GraphModel`` of nequip, accelerated by ``choice``; plain if that is empty.

    Raises:
        BadInputError: a package or a compiler is missing, or the model has no part that could be accelerated.
    """
    from nequip.model import modify, override_model_compile_mode

    ready()
    if choice == "compile":
        require_compiler(device)
    elif choice == "oeq":
        require_package("openequivariance", "openequivariance", "oeq")
    with override_model_compile_mode("compile") if choice == "compile" else nullcontext():
        model = build()
    if choice != "oeq":
        return model
    try:
        faster: nn.Module = modify(model, [{"modifier": "enable_OpenEquivariance"}])
    except (ImportError, RuntimeError) as error:
        text = " ".join(str(error).split())[:200]
        raise BadInputError(f"nequip cannot put OpenEquivariance into this model: {text}") from error
    return faster
