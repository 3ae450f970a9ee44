"""mace-torch's own accelerations of a model: cuEquivariance, OpenEquivariance, torch.compile."""

from __future__ import annotations

import torch
from torch import nn

from bsct_zoo.errors import BadInputError
from bsct_zoo.potentials.acceleration import require_compiler, require_package
from bsct_zoo_mace.checkpoint import float64_by_default
from bsct_zoo_mace.potential import MacePotential

ARGUMENTS = {"cueq": {"enable_cueq": True}, "oeq": {"enable_oeq": True}, "compile": {"compile_mode": "default"}}


def converted(model: nn.Module, choice: str, device: str) -> nn.Module:
    """``model`` in the layout of ``choice``, in float64.

    Raises:
        BadInputError: a package or a compiler is missing, or mace-torch cannot convert this model.
    """
    if choice == "cueq":
        require_package("cuequivariance_torch", "cuequivariance-torch", "cueq")
        if device.startswith("cuda"):
            require_package("cuequivariance_ops_torch", "cuequivariance-ops-torch-cu12", "cueq")
    elif choice == "oeq":
        require_package("openequivariance", "openequivariance", "oeq")
    else:
        require_compiler(device)
    try:
        with float64_by_default():
            return _rebuilt(model.double(), choice, device)
    except (ImportError, RuntimeError, ValueError, KeyError, IndexError, NotImplementedError, AttributeError) as error:
        text = " ".join(str(error).split())[:200]
        raise BadInputError(f"mace-torch cannot convert this model for accelerate={choice}: {text}") from error


def compiled(potential: MacePotential) -> MacePotential:
    """``potential`` with its network compiled, for batches of any size, when it is first called."""
    potential.energy.mace = torch.compile(potential.energy.mace, dynamic=True)
    return potential


def _rebuilt(model: nn.Module, choice: str, device: str) -> nn.Module:
    rebuilt: nn.Module
    if choice == "cueq":
        from mace.cli.convert_e3nn_cueq import run as to_cueq

        rebuilt = to_cueq(model, device=device)
    elif choice == "oeq":
        from mace.cli.convert_e3nn_oeq import run as to_oeq

        rebuilt = to_oeq(model, device=device)
    else:
        from mace.tools.compile import prepare
        from mace.tools.scripts_utils import extract_model

        rebuilt = prepare(extract_model)(model=model, map_location=device)
    return rebuilt.eval()
