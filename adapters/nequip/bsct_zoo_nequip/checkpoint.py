"""Checkpoints of ours: weights as safetensors, everything else as JSON beside them. Never pickles.

Only what was trained is stored. Constants (coupling coefficients, Bessel roots, energies of atoms) are made anew, so
that a model trained in float32 is symmetric to float64 when it is asked to compute in it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from ase.data import chemical_symbols

from bsct_zoo.errors import BadInputError
from bsct_zoo.runtime.checkpoints import read_facts, read_weights, save_checkpoint
from bsct_zoo.runtime.designs import design_of, require_range
from bsct_zoo_nequip.files import FORMAT, VERSION
from bsct_zoo_nequip.packages import ready


@dataclass(frozen=True)
class NequipConfig:
    """What ``nequip.model.NequIPGNNModel`` is built from; names as there where it has one.

    Attributes:
        elements: atomic numbers.
        reference_energies: energy in eV of an atom of each element.
        r_max: cut-off in Å.
        num_layers: message-passing layers.
        l_max: of the features and of the spherical harmonics.
        parity: whether features come with both parities.
        num_features: multiplicity of the features of each l.
        type_embed_num_features: of the embedding of an element.
        radial_mlp_depth: hidden layers of the radial network.
        radial_mlp_width: their width.
        num_bessels: radial functions.
        polynomial_cutoff_p: exponent of the envelope.
        avg_num_neighbors: normalisation of the messages.
        scale: eV of an output of one.
    """

    elements: tuple[int, ...]
    reference_energies: tuple[float, ...]
    r_max: float = 5.0
    num_layers: int = 3
    l_max: int = 1
    parity: bool = False
    num_features: tuple[int, ...] = (48, 40)
    type_embed_num_features: int = 16
    radial_mlp_depth: int = 1
    radial_mlp_width: int = 64
    num_bessels: int = 8
    polynomial_cutoff_p: int = 6
    avg_num_neighbors: float = 10.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        require_range(self, zero=("l_max", "radial_mlp_depth"), r_max=100.0, l_max=6, polynomial_cutoff_p=50)
        if len(self.num_features) != self.l_max + 1:
            raise BadInputError(f"num_features must be l_max + 1 = {self.l_max + 1} whole numbers, one or more each")


def builder_arguments(config: NequipConfig, dtype: Literal["float32", "float64"], seed: int = 0) -> dict[str, Any]:
    """Arguments of ``nequip.model.NequIPGNNModel``."""
    given = asdict(config)
    elements, energies, scale = (given.pop(name) for name in ("elements", "reference_energies", "scale"))
    return {
        **given,
        "num_features": list(config.num_features),
        "type_names": [chemical_symbols[number] for number in elements],
        "per_type_energy_shifts": {
            chemical_symbols[number]: energy for number, energy in zip(elements, energies, strict=True)
        },
        "per_type_energy_scales": scale,
        "model_dtype": dtype,
        "seed": seed,
    }


def build(config: NequipConfig, dtype: Literal["float32", "float64"], seed: int = 0) -> torch.nn.Module:
    """A ``GraphModel`` of nequip with random weights, computing in ``dtype``."""
    from nequip.model import NequIPGNNModel

    ready()
    model: torch.nn.Module = NequIPGNNModel(**builder_arguments(config, dtype, seed))
    return model


def save(path: Path, model: torch.nn.Module, config: NequipConfig, card: Mapping[str, Any]) -> None:
    """Write ``path`` (.safetensors) and the JSON beside it, with ``card`` as the facts for people."""
    save_checkpoint(path, FORMAT, VERSION, asdict(config), dict(model.named_parameters()), card)


def load(path: Path, dtype: Literal["float32", "float64"], sha256: str | None = None) -> torch.nn.Module:
    """The model at ``path`` (.safetensors, with its .json beside it), on the CPU, computing in ``dtype``.

    Raises:
        BadInputError: a file is missing, damaged, of another kind, or not the one that ``sha256`` names.
    """
    facts = read_facts(path, FORMAT, VERSION)
    weights = read_weights(path, sha256)
    try:
        config = design_of(NequipConfig, facts["config"], weights)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = build(config, dtype)
        names = {name for name, _ in model.named_parameters()}
        if names != weights.keys():
            raise ValueError(f"weights {', '.join(sorted(names ^ weights.keys())[:3])} are missing or too many")
        model.load_state_dict(weights, strict=False)  # constants are not in it; shapes are checked
    except (BadInputError, RuntimeError, TypeError, ValueError, AttributeError, AssertionError, IndexError) as error:
        text = " ".join(str(error).split())[:200]
        raise BadInputError(f"{path} does not fit {path.stem}.json: {text}") from error
    return model.eval()
