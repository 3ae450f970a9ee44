"""A small UMA with random weights, written as fairchem-core's own trainer would: real ones want an account.

``python -m bsct_zoo_fairchem.untrained inference_ckpt.pt``, in an environment with fairchem-core; it is then run as
``fairchem:inference_ckpt.pt@task=omol``. Its numbers mean nothing.
"""

from __future__ import annotations

import sys
from typing import Any

import hydra
import torch
from fairchem.core.units.mlip_unit.api.inference import MLIPInferenceCheckpoint

# eV by task and atomic number.
REFERENCES = {"omol": {1: -13.6, 6: -1029.1, 7: -1485.3, 8: -2042.6}, "omat": {1: -1.1, 6: -9.2, 8: -4.9, 14: -5.4}}


def build(**changed: Any) -> MLIPInferenceCheckpoint:
    """A UMA of two tasks and four experts as an inference checkpoint, its two weight sets random and different.

    ``changed`` are settings of its backbone.
    """
    tasks = list(REFERENCES)
    backbone = {
        "model": "fairchem.core.models.uma.escn_moe.eSCNMDMoeBackbone",
        "max_num_elements": 20,
        "sphere_channels": 16,
        "lmax": 2,
        "mmax": 2,
        "otf_graph": True,
        "max_neighbors": 300,
        "cutoff": 4.5,
        "edge_channels": 16,
        "num_distance_basis": 16,
        "num_layers": 2,
        "hidden_channels": 16,
        "direct_forces": False,
        "regress_forces": True,
        "regress_stress": True,
        "act_type": "gate",
        "ff_type": "spectral",
        "chg_spin_emb_type": "rand_emb",
        "dataset_mapping": {name: name for name in tasks},
        "always_use_pbc": False,
        "num_experts": 4,
        "use_composition_embedding": True,
        **changed,
    }
    heads = {
        "efs": {
            "module": "fairchem.core.models.uma.escn_moe.DatasetSpecificSingleHeadWrapper",
            "dataset_names": tasks,
            "head_cls": "fairchem.core.models.uma.escn_md.MLP_EFS_Head",
            "head_kwargs": {"wrap_property": False},
        }
    }
    config = {
        "_target_": "fairchem.core.models.base.HydraModel",
        "backbone": backbone,
        "heads": heads,
        "pass_through_head_outputs": True,
        "model_id": "UMA-S-1.2.1",
    }
    torch.manual_seed(7)
    model = hydra.utils.instantiate(config)
    weights = {
        name: value + 0.1 * torch.randn_like(value) if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    averaged = {f"module.{name}": value for name, value in model.state_dict().items()}
    return MLIPInferenceCheckpoint(
        model_config=config,
        model_state_dict=weights,
        ema_state_dict={"n_averaged": torch.tensor(3), **averaged},
        tasks_config=[task(name, quantity) for name in tasks for quantity in ("energy", "forces")],
    )


def task(name: str, quantity: str) -> dict[str, Any]:
    """The configuration of one output, "energy" or "forces", of the task called ``name``."""
    level, shape = {"energy": ("system", [1]), "forces": ("atom", [3])}[quantity]
    table = [REFERENCES[name].get(z, 0.0) for z in range(20)]
    return {
        "_target_": "fairchem.core.units.mlip_unit.mlip_unit.Task",
        "name": f"{name}_{quantity}",
        "level": level,
        "property": quantity,
        "out_spec": {
            "_target_": "fairchem.core.units.mlip_unit.mlip_unit.OutputSpec",
            "dim": shape,
            "dtype": "float32",
        },
        "normalizer": {
            "_target_": "fairchem.core.modules.normalization.normalizer.Normalizer",
            "mean": 0.0,
            "rmsd": 1.7,
        },
        "datasets": [name],
        "element_references": None
        if quantity != "energy"
        else {
            "_target_": "fairchem.core.modules.normalization.element_references.ElementReferences",
            "element_references": {"_target_": "torch.DoubleTensor", "_args_": [table]},
        },
    }


if __name__ == "__main__":
    torch.save(build(), sys.argv[1])
