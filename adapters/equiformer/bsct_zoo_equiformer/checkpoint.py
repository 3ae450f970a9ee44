"""Our checkpoints of EquiformerV2: the trained weights as safetensors, how to build it as JSON beside them. No pickles.

Only what was trained is stored. Constants (grids, coupling coefficients) are made anew in float64, so that a model
trained in float32 can be asked to compute in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bsct_zoo.errors import BadInputError
from bsct_zoo.potentials.precision import default_dtype
from bsct_zoo.runtime.checkpoints import read_facts, read_weights, save_checkpoint
from bsct_zoo.runtime.designs import design_of, require_range
from bsct_zoo_equiformer.backbone import NAME
from bsct_zoo_equiformer.files import FORMAT, VERSION
from bsct_zoo_equiformer.packages import HydraModel


@dataclass(frozen=True)
class EquiformerConfig:
    """What a small EquiformerV2 (Liao et al., ICLR 2024) is built from; names as in fairchem-core where it has them.

    Attributes:
        elements: atomic numbers.
        reference_energies: energy in eV of an atom of each element; the model's energy is what comes on top.
        max_radius: cut-off in Å.
        max_neighbors: of an atom, the nearest; more than there are within the cut-off, or the surface has steps.
        num_layers: transformer blocks.
        sphere_channels: channels of an atom's features.
        lmax: largest degree of the spherical harmonics.
        mmax: largest order within an edge's frame.
        attn_hidden_channels: of the messages.
        num_heads: of the attention.
        attn_alpha_channels: of a head, for its weights.
        attn_value_channels: of a head, for its values.
        ffn_hidden_channels: of the feed-forward networks.
        edge_channels: of the radial networks.
        num_distance_basis: Gaussians of the distance, their input; each is as wide as two spacings.
        use_gate_act: gates in place of activations on a grid of the sphere.
        use_grid_mlp: feed-forward networks on that grid.
        avg_degree: mean number of neighbours, to normalise the first sum over them.
        forces_scale: eV/Å of a force of one.
    """

    elements: tuple[int, ...]
    reference_energies: tuple[float, ...]
    max_radius: float = 5.0
    max_neighbors: int = 500
    num_layers: int = 2
    sphere_channels: int = 24
    lmax: int = 2
    mmax: int = 2
    attn_hidden_channels: int = 16
    num_heads: int = 4
    attn_alpha_channels: int = 8
    attn_value_channels: int = 4
    ffn_hidden_channels: int = 48
    edge_channels: int = 32
    num_distance_basis: int = 64
    use_gate_act: bool = False
    use_grid_mlp: bool = True
    avg_degree: float = 11.0
    forces_scale: float = 5.0

    def __post_init__(self) -> None:
        require_range(self, max_radius=100.0)
        if not self.mmax <= self.lmax <= 6:
            raise BadInputError(f"lmax={self.lmax} must be from mmax={self.mmax} to 6")

    def hydra(self) -> dict[str, Any]:
        """The same as the model section of a configuration of fairchem-core."""
        alike = asdict(self)
        for ours in ("elements", "reference_energies", "lmax", "mmax", "forces_scale"):
            del alike[ours]
        return {
            "name": "hydra",
            "pass_through_head_outputs": True,
            "otf_graph": True,
            "backbone": {
                "model": NAME,
                "use_pbc": True,
                "lmax_list": [self.lmax],
                "mmax_list": [self.mmax],
                "max_num_elements": max(self.elements) + 1,
                "share_atom_edge_embedding": True,
                "avg_num_nodes": 1.0,  # the energy of a system is the plain sum over its atoms
                "alpha_drop": 0.0,
                "drop_path_rate": 0.0,
                "proj_drop": 0.0,
                **alike,
            },
            "heads": {
                "energy": {"module": "equiformerV2_scalar_head"},
                "forces": {"module": "equiformerV2_vector_head"},
            },
        }


def build(config: EquiformerConfig) -> nn.Module:
    """A ``HydraModel`` of an EquiformerV2 with random weights, one head for energies and one for forces."""
    section = config.hydra()
    del section["name"]
    model: nn.Module = HydraModel(**section)
    return model


def save(path: Path, model: nn.Module, config: EquiformerConfig, card: Mapping[str, Any]) -> None:
    """Write ``path`` (.safetensors) and the JSON beside it, with ``card`` as the facts for people."""
    save_checkpoint(path, FORMAT, VERSION, asdict(config), dict(model.named_parameters()), card)


def load(path: Path, sha256: str | None = None) -> tuple[nn.Module, EquiformerConfig]:
    """The model at ``path`` (.safetensors, with its .json beside it), on the CPU, in float64; and its configuration.

    Raises:
        BadInputError: a file is missing, damaged, of another kind, or not the one that ``sha256`` names.
    """
    facts = read_facts(path, FORMAT, VERSION)
    weights = read_weights(path, sha256)
    try:
        config = design_of(EquiformerConfig, facts["config"], weights)
        with default_dtype(torch.float64):
            model = build(config)
        names = {name for name, _ in model.named_parameters()}
        if names != weights.keys():
            raise ValueError(f"weights {', '.join(sorted(names ^ weights.keys())[:3])} are missing or too many")
        model.load_state_dict(weights, strict=False)  # constants are not in it; shapes are checked
    except (BadInputError, RuntimeError, TypeError, ValueError, AttributeError, AssertionError) as error:
        text = " ".join(str(error).split())[:200]
        raise BadInputError(f"{path} does not fit {path.stem}.json: {text}") from error
    return model.eval(), config
