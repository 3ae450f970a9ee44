"""Checkpoints of ours: weights as safetensors, everything else as JSON beside them. Never pickles."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from bsct_zoo.errors import BadInputError
from bsct_zoo_mace.facts import FORMAT, VERSION, read_facts
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
    )


def save(path: Path, model: torch.nn.Module, config: MaceConfig, card: dict[str, Any]) -> None:
    """Write ``path`` (.safetensors) and the JSON beside it, with ``card`` as the facts for people."""
    save_file({name: value.contiguous().clone() for name, value in model.state_dict().items()}, path)
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "config": asdict(config),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "card": card,
    }
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def load(path: Path, sha256: str | None = None) -> torch.nn.Module:
    """The model at ``path`` (.safetensors, with its .json beside it), on the CPU.

    Raises:
        BadInputError: a file is missing, damaged, of another kind, or not the one that ``sha256`` names.
    """
    facts = read_facts(path)
    foreign = sorted(set(facts["config"]) - {field.name for field in fields(MaceConfig)})
    if foreign:
        raise BadInputError(f"{path.with_suffix('.json')} has settings of a newer bsct-zoo: {', '.join(foreign)}")
    try:
        content = path.read_bytes()
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise BadInputError(f"{path} is not the file that its card names (sha256 differs); install bsct-zoo again")
        weights = load_file(path)
        config = {key: tuple(v) if isinstance(v, list) else v for key, v in facts["config"].items()}
        model = build(MaceConfig(**config))
        model.load_state_dict(weights)
    except (OSError, SafetensorError) as error:
        raise BadInputError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
    except (RuntimeError, TypeError, ValueError) as error:
        text = " ".join(str(error).split())[:200]
        raise BadInputError(f"{path} does not fit its {path.stem}.json: {text}") from error
    return model.eval()
