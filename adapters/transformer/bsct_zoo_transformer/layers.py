"""Small parts that blocks are made of: norms and perceptrons. W width."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Norm(nn.Module):
    """Tokens of length √W, times a gain for each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, h: Tensor) -> Tensor:
        """[E, W] → [E, W]."""
        return normed(h) * self.weight


def normed(h: Tensor) -> Tensor:
    """Tokens [E, W] divided by their root mean square (arXiv:1910.07467); smooth at zero."""
    return h * torch.rsqrt(sum_of_squares(h) / h.shape[1] + 1e-6)


def mlp(n_in: int, n_hidden: int, n_out: int) -> nn.Sequential:
    """Two layers with a smooth activation between."""
    return nn.Sequential(nn.Linear(n_in, n_hidden), nn.SiLU(), nn.Linear(n_hidden, n_out))


def sum_of_squares(x: Tensor) -> Tensor:
    """[..., C] → [..., 1]."""
    found: Tensor = _SumOfSquares.apply(x)
    return found


class _SumOfSquares(torch.autograd.Function):
    """Σ x² over the last axis, which is kept; its gradient in one pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.square().sum(-1, keepdim=True)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        found: Tensor = x * (2 * gradient)
        return found
