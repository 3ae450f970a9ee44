"""Models of checkpoints of version 1: attention first, a gated perceptron after it, the angles in logits and values.

Nothing is trained like this any more. It stays so that old checkpoints give what they gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bsct_zoo_transformer.config import TransformerConfig
from bsct_zoo_transformer.graph import Graph
from bsct_zoo_transformer.model import EdgeTransformer


def as_today(found: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration that a checkpoint of version 1 means."""
    return {"repulsion": "none", "hidden": 2 * found["width"], "atom_hidden": 0, **found}


class SerialTransformer(EdgeTransformer):
    """An ``EdgeTransformer`` of version 1."""

    def block(self) -> nn.Module:
        """A new block, [E, W] → [E, W]."""
        return SerialBlock(self.config)


class SerialBlock(nn.Module):
    """Attention among the edges at an atom, then a gated perceptron on each edge."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.width, eps=1e-6)
        self.attention = SerialAttention(config)
        self.mlp_norm = nn.RMSNorm(config.width, eps=1e-6)
        self.gate = nn.Linear(config.width, 4 * config.width)
        self.out = nn.Linear(2 * config.width, config.width)

    def forward(self, h: Tensor, graph: Graph) -> Tensor:
        """[E, W] → [E, W]."""
        h = h + self.attention(self.attention_norm(h), graph)
        gate, value = self.gate(self.mlp_norm(h)).chunk(2, dim=-1)
        return h + self.out(F.silu(gate) * value)


class SerialAttention(nn.Module):
    """Temperature-controlled attention between the edges that share an atom.

    w_em = f_m exp(l_em) / (sink + Σ_m f_m exp(l_em)) with the envelope f and l = (cos(q_e, k_m) - 1) / τ + bias(θ_em).
    The sink keeps the weights smooth when the last neighbour leaves; the bounded logits bound how fast attention can
    switch from one neighbour to another.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        heads, width = config.heads, config.width
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.temperature = nn.Parameter(torch.zeros(heads), requires_grad=config.learn_temperature)
        self.sink = nn.Parameter(torch.zeros(heads))
        self.angular_bias = nn.Linear(config.n_angular, heads) if config.n_angular else None
        self.angular_value = nn.Linear(heads * config.n_angular, width, bias=False) if config.n_angular else None
        self.out = nn.Linear(width, width)

    def forward(self, h: Tensor, graph: Graph) -> Tensor:
        """[E, W] → [E, W]."""
        heads = self.config.heads
        q, k, v = padded(self.qkv(h), graph).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)  # [A, H, D, W/H]
        logits = self.logits(q, k)  # [A, H, D, D]
        if self.angular_bias is not None:
            angular = graph.pair_terms[2:].T.unflatten(0, logits[:, 0].shape)  # [A, D, D, L]
            bias = self.angular_bias(angular).permute(0, 3, 1, 2)
            logits = logits + 4 * torch.tanh(bias / 4)  # bounded, as the cosine is
        weights = padded(graph.envelope, graph)[:, None, None, :] * torch.exp(logits)
        weights = weights / (self.sink.exp()[:, None, None] + weights.sum(-1, keepdim=True))
        mixed = self.out(flat((weights @ v).transpose(1, 2).flatten(2), graph))  # [E, W]
        if self.angular_value is not None:
            angles = torch.einsum("ahem,aeml->aehl", weights, angular).flatten(2)  # [A, D, H L]
            mixed = mixed + self.angular_value(flat(angles, graph))
        return mixed

    def logits(self, q: Tensor, k: Tensor) -> Tensor:
        """[A, H, D, D]."""
        if self.config.attention == "dot":
            return torch.clamp(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, max=30.0)
        temperature = self.config.temperature_floor + 0.3 * F.softplus(self.temperature)  # [H]
        q, k = unit(q), unit(k)
        return (q @ k.transpose(-1, -2) - 1) / temperature[:, None, None]


def unit(x: Tensor) -> Tensor:
    """Vectors of length one along the last axis; smooth and finite at zero."""
    return x / torch.sqrt((x * x).sum(-1, keepdim=True) + 1e-6)


def padded(values: Tensor, graph: Graph) -> Tensor:
    """Values of edges [E, ...] in the slots of their source [A, D, ...]; zero in empty slots."""
    return torch.cat([values, values.new_zeros((1, *values.shape[1:]))])[graph.slots]


def flat(values: Tensor, graph: Graph) -> Tensor:
    """Inverse of ``padded``: [A, D, ...] → [E, ...]."""
    return values.flatten(0, 1)[graph.place]
