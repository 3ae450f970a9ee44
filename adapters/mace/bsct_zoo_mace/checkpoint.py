"""Checkpoints of ours: weights as safetensors, everything else as JSON beside them. Never pickles.

Only what was trained is stored. Constants (coupling coefficients, atomic energies) are made anew in float64, so that
a model trained in float32 is symmetric to float64 when it is asked to compute in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bsct_zoo.errors import BadInputError
from bsct_zoo.runtime.checkpoints import read_facts, read_weights, save_checkpoint
from bsct_zoo.runtime.designs import design_of, require_irreps, require_range
from bsct_zoo_mace.files import FORMAT, VERSION
from bsct_zoo_mace.packages import modules, o3


@dataclass(frozen=True)
class MaceConfig:
    """What a small MACE (Batatia et al., NeurIPS 2022) is built from; names as in mace-torch.

    Attributes:
        elements: atomic numbers.
        reference_energies: energy in eV of an atom of each element.
        r_max: cut-off in Å.
        hidden_irreps: of the messages, e.g. "32x0e + 32x1o".
        max_ell: of the spherical harmonics.
        correlation: body order minus one of the products.
        num_interactions: layers.
        num_bessel: radial functions.
        mlp_irreps: of the last readout.
        radial_mlp: layers of the radial network.
        avg_num_neighbors: normalisation of the messages.
        scale: eV of an output of one.
    """

    elements: tuple[int, ...]
    reference_energies: tuple[float, ...]
    r_max: float = 5.0
    hidden_irreps: str = "32x0e + 32x1o"
    max_ell: int = 2
    correlation: int = 2
    num_interactions: int = 2
    num_bessel: int = 8
    mlp_irreps: str = "16x0e"
    radial_mlp: tuple[int, ...] = (64, 64, 64)
    avg_num_neighbors: float = 10.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        require_range(self, zero=("max_ell",), r_max=100.0, max_ell=6, correlation=4)
        require_irreps("hidden_irreps", self.hidden_irreps)
        require_irreps("mlp_irreps", self.mlp_irreps)


def build(config: MaceConfig) -> torch.nn.Module:
    """A ``ScaleShiftMACE`` with random weights."""
    return modules.ScaleShiftMACE(
        r_max=config.r_max,
        num_bessel=config.num_bessel,
        num_polynomial_cutoff=5,
        max_ell=config.max_ell,
        interaction_cls=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
        interaction_cls_first=modules.interaction_classes["RealAgnosticInteractionBlock"],
        num_interactions=config.num_interactions,
        num_elements=len(config.elements),
        hidden_irreps=o3.Irreps(config.hidden_irreps),
        MLP_irreps=o3.Irreps(config.mlp_irreps),
        atomic_energies=np.array(config.reference_energies),
        avg_num_neighbors=config.avg_num_neighbors,
        atomic_numbers=list(config.elements),
        correlation=config.correlation,
        gate=torch.nn.functional.silu,
        radial_MLP=list(config.radial_mlp),
        atomic_inter_scale=config.scale,
        atomic_inter_shift=0.0,
        use_reduced_cg=False,  # else the shapes of the weights depend on whether cuequivariance is installed
    )


def save(path: Path, model: torch.nn.Module, config: MaceConfig, card: Mapping[str, Any]) -> None:
    """Write ``path`` (.safetensors) and the JSON beside it, with ``card`` as the facts for people."""
    save_checkpoint(path, FORMAT, VERSION, asdict(config), dict(model.named_parameters()), card)


def load(path: Path, sha256: str | None = None) -> torch.nn.Module:
    """The model at ``path`` (.safetensors, with its .json beside it), on the CPU, in float64.

    Raises:
        BadInputError: a file is missing, damaged, of another kind, or not the one that ``sha256`` names.
    """
    facts = read_facts(path, FORMAT, VERSION)
    weights = read_weights(path, sha256)
    try:
        config = design_of(MaceConfig, facts["config"], weights)
        with float64_by_default():
            model = build(config)
        names = {name for name, _ in model.named_parameters()}
        if names != weights.keys():
            raise ValueError(f"weights {', '.join(sorted(names ^ weights.keys())[:3])} are missing or too many")
        model.load_state_dict(weights, strict=False)  # constants are not in it; shapes are checked
    except (BadInputError, RuntimeError, TypeError, ValueError, AttributeError, AssertionError) as error:
        text = " ".join(str(error).split())[:200]
        raise BadInputError(f"{path} does not fit {path.stem}.json: {text}") from error
    return model.eval()


@contextmanager
def float64_by_default() -> Iterator[None]:
    """Make tensors in float64 where no type is given, only inside this block."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
