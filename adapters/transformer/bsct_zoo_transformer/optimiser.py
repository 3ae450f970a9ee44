"""Muon for the matrices of the blocks, AdamW for everything else, as one optimiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from bsct_zoo.training.settings import Optimiser
from bsct_zoo_transformer.model import EdgeTransformer

MUON = 3.0  # its rate in units of AdamW's; the size of its steps is matched to AdamW's (arXiv:2502.16982 §2.2)


def optimiser_for(model: EdgeTransformer, chosen: Optimiser) -> MuonWithAdamW:
    """Muon (K. Jordan et al., 2024) turns the step of a matrix into an orthogonal one; AdamW (amsgrad) does the rest.

    Matrices that embed or read out, biases and temperatures belong to the rest. Every group knows its largest rate as
    ``initial_lr``.
    """
    named = dict(model.named_parameters())
    hidden = {
        name for name in named if name.startswith("blocks.") and name.endswith(".weight") and named[name].ndim == 2
    }
    parts = [
        torch.optim.Muon(
            [named[name] for name in named if name in hidden],
            lr=MUON * chosen.lr,
            weight_decay=chosen.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(
            [named[name] for name in named if name not in hidden],
            lr=chosen.lr,
            weight_decay=chosen.weight_decay,
            amsgrad=True,
            fused=True,
        ),
    ]
    return MuonWithAdamW(parts)


class MuonWithAdamW(torch.optim.Optimizer):
    """Optimisers of different parameters that step together."""

    def __init__(self, parts: list[torch.optim.Optimizer]) -> None:
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})
        for group in self.param_groups:  # the very ones of the parts, so that a rate set here is theirs
            group["initial_lr"] = group["lr"]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """One step of each."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The states of the parts."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from ``state_dict``."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]
