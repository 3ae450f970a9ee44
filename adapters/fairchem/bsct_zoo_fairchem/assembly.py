"""From an inference checkpoint of fairchem-core to a model that computes in a given precision."""

from __future__ import annotations

from typing import Any

import torch

from bsct_zoo.potentials.precision import default_dtype
from bsct_zoo_fairchem.packages import (
    HydraModel,
    InferenceSettings,
    MLIPInferenceCheckpoint,
    get_backbone_class_from_checkpoint,
    load_inference_model,
)

_ATTENTION = ("EScAIPBackbone", "AllScAIPBackbone")


def assemble(checkpoint: MLIPInferenceCheckpoint, dtype: torch.dtype) -> HydraModel:
    """The model of ``checkpoint`` with its averaged weights and its tasks, on the CPU, for many systems at once.

    Experts are not merged and nothing is compiled or padded: both are for one system that is computed again and again.
    eSCAIP and AllScAIP, which turn their features into float32 wherever they are, are in float32 whatever ``dtype``.
    """
    backbone_class = get_backbone_class_from_checkpoint(checkpoint)
    attention = backbone_class.__name__ in _ATTENTION
    if attention:
        dtype = torch.float32
    settings = InferenceSettings(
        activation_checkpointing=False,
        external_graph_gen=False,
        internal_graph_gen_version=2,
        base_precision_dtype=dtype,
    )
    overrides: dict[str, Any] = {"use_compile": False, "use_padding": False} if attention else {}
    overrides |= backbone_class.build_inference_settings(settings)
    with default_dtype(dtype):  # constants are made in it, not cast
        wrapped, _ = load_inference_model(
            "", overrides={"backbone": overrides}, use_ema=True, preloaded_checkpoint=checkpoint
        )
        model: HydraModel = wrapped.module
        model.setup_tasks(checkpoint.tasks_config)
    model.add_tasks(model.backbone.get_default_untrained_tasks(model.tasks, settings))  # stress by gradient
    model.prepare_for_inference(None, settings)
    return model.eval().requires_grad_(False).to(dtype)
