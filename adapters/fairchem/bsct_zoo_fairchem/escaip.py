"""A small eSCAIP of ours: what it is built from, as fairchem-core's own inference checkpoint, and its safe file.

The file holds numbers alone. Classes are named here, not in it, so that reading one runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bsct_zoo.errors import BadInputError
from bsct_zoo.runtime.checkpoints import read_facts, read_weights, save_checkpoint
from bsct_zoo.runtime.designs import design_of, require_range
from bsct_zoo_fairchem.assembly import assemble
from bsct_zoo_fairchem.files import FORMAT, VERSION
from bsct_zoo_fairchem.packages import HydraModel, MLIPInferenceCheckpoint

TASK = "molecules"
_CORE = "fairchem.core"


@dataclass(frozen=True)
class EscaipConfig:
    """What an eSCAIP (Qu and Krishnapriyan, NeurIPS 2024) with gradient forces is built from.

    Attributes:
        elements: atomic numbers.
        reference_energies: energy in eV of an atom of each element.
        scale: eV of an output of one.
        hidden_size: of node and edge features.
        num_layers: attention blocks.
        num_heads: attention heads.
        max_radius: cut-off in Å.
        knn_k: neighbours, counted softly (``knn_soft``). Fewer than twice as many have a rank below it, ties included.
        distance_basis: radial functions.
        atom_embedding: size of the elements' embedding.
        frequencies: how often each degree l of the spherical harmonics is repeated; hidden_size / num_heads in all.
    """

    elements: tuple[int, ...]
    reference_energies: tuple[float, ...]
    scale: float = 1.0
    hidden_size: int = 64
    num_layers: int = 2
    num_heads: int = 4
    max_radius: float = 5.0
    knn_k: int = 12
    distance_basis: int = 64
    atom_embedding: int = 32
    frequencies: tuple[int, ...] = (8, 4, 4)

    def __post_init__(self) -> None:
        require_range(self, max_radius=100.0)
        if sum(self.frequencies) * self.num_heads != self.hidden_size:
            raise BadInputError(
                f"frequencies {self.frequencies} must sum to hidden_size / num_heads, "
                f"{self.hidden_size} / {self.num_heads}"
            )


def inference_checkpoint(config: EscaipConfig, weights: Mapping[str, Tensor]) -> MLIPInferenceCheckpoint:
    """fairchem-core's own form of the model: what its trainer writes as ``inference_ckpt.pt``.

    ``weights`` are those of its ``HydraModel``; see ``build`` for random ones.
    """
    references = [0.0] * (max(config.elements) + 1)
    for number, energy in zip(config.elements, config.reference_energies, strict=True):
        references[number] = energy
    return MLIPInferenceCheckpoint(
        model_config=_model_config(config),
        model_state_dict=dict(weights),
        ema_state_dict={
            "n_averaged": torch.tensor(0),
            **{f"module.{name}": value for name, value in weights.items()},
        },
        tasks_config=[
            _task("energy", "system", [1], config.scale, references),
            _task("forces", "atom", [3], config.scale),
            _task("stress", "system", [1, 9], config.scale),
        ],
    )


def build(config: EscaipConfig) -> HydraModel:
    """The model with random weights, in float32."""
    import hydra

    model: HydraModel = hydra.utils.instantiate(_model_config(config))
    return model


def save(path: Path, model: HydraModel, config: EscaipConfig, card: Mapping[str, Any]) -> None:
    """Write ``path`` (.safetensors) and the JSON beside it, with ``card`` as the facts for people."""
    save_checkpoint(path, FORMAT, VERSION, asdict(config), model.state_dict(), card)


def load(path: Path, sha256: str | None = None) -> HydraModel:
    """The model at ``path`` (.safetensors, with its .json beside it), with its tasks, on the CPU.

    Raises:
        BadInputError: a file is missing, damaged, of another kind, or not the one that ``sha256`` names.
    """
    facts = read_facts(path, FORMAT, VERSION)
    weights = read_weights(path, sha256)
    try:
        config = design_of(EscaipConfig, facts["config"], weights)
        return assemble(inference_checkpoint(config, weights), torch.float32)
    except (BadInputError, RuntimeError, TypeError, ValueError, KeyError, AttributeError, AssertionError) as error:
        text = " ".join(str(error).split())[:200]
        raise BadInputError(f"{path} does not fit {path.stem}.json: {text}") from error


def _model_config(config: EscaipConfig) -> dict[str, Any]:
    backbone = {
        "model": f"{_CORE}.models.escaip.EScAIP.EScAIPBackbone",
        "regress_forces": True,
        "regress_stress": True,
        "direct_forces": False,
        "hidden_size": config.hidden_size,
        "num_layers": config.num_layers,
        "use_compile": False,
        "use_padding": False,
        "use_pbc": True,
        "max_num_elements": max(config.elements) + 1,
        "max_atoms": 1,  # this and the next are for padding, which is off
        "max_batch_size": 1,
        "max_radius": config.max_radius,
        "knn_k": config.knn_k,
        "knn_soft": True,
        "knn_sigmoid_scale": 0.2,
        "knn_lse_scale": 0.1,
        "knn_use_low_mem": True,
        "knn_pad_size": 2 * config.knn_k,
        "atten_name": "math",
        "atten_num_heads": config.num_heads,
        "atom_embedding_size": config.atom_embedding,
        "node_direction_embedding_size": config.atom_embedding,
        "edge_distance_expansion_size": config.distance_basis,
        "edge_distance_embedding_size": config.hidden_size,
        "freequency_list": list(config.frequencies),
    }
    head = {"module": f"{_CORE}.models.escaip.EScAIP.EScAIPGradientEnergyForceStressHead", "wrap_property": False}
    return {
        "_target_": f"{_CORE}.models.base.HydraModel",
        "backbone": backbone,
        "heads": {"efs": head},
        "pass_through_head_outputs": True,
        "supports_single_atoms": True,
    }


def _task(
    quantity: str, level: str, shape: list[int], scale: float, references: list[float] | None = None
) -> dict[str, Any]:
    unit = f"{_CORE}.units.mlip_unit.mlip_unit"
    normalization = f"{_CORE}.modules.normalization"
    table = {"_target_": "torch.DoubleTensor", "_args_": [references]}
    return {
        "_target_": f"{unit}.Task",
        "name": quantity,
        "level": level,
        "property": quantity,
        "out_spec": {"_target_": f"{unit}.OutputSpec", "dim": shape, "dtype": "float32"},
        "normalizer": {"_target_": f"{normalization}.normalizer.Normalizer", "mean": 0.0, "rmsd": scale},
        "datasets": [TASK],
        "element_references": references
        and {"_target_": f"{normalization}.element_references.ElementReferences", "element_references": table},
    }
