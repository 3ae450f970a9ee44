"""Import fairchem-core, which comes with all of its training, serving and logging, once and quietly."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fairchem.core.datasets.atomic_data import AtomicData
    from fairchem.core.models.base import HydraModel
    from fairchem.core.units.mlip_unit.api.inference import InferenceSettings, MLIPInferenceCheckpoint
    from fairchem.core.units.mlip_unit.mlip_unit import Task
    from fairchem.core.units.mlip_unit.utils import get_backbone_class_from_checkpoint, load_inference_model

__all__ = [
    "AtomicData",
    "HydraModel",
    "InferenceSettings",
    "MLIPInferenceCheckpoint",
    "Task",
    "get_backbone_class_from_checkpoint",
    "load_inference_model",
]
