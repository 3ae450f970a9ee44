"""The differentiable k-nearest-neighbour graph: which edges there are, and the envelope that switches them off.

An edge's coordinate x is a soft maximum of its soft ranks at both ends and of its distance; edges with x ≥ 1 do not
exist, and everything that an edge says is weighted by exp(-x² / (1 - x²)), which vanishes with all its derivatives at
x = 1 (arXiv:2602.04861). Ranks are taken among the pairs inside the cut-off only, so the cost is linear in the number
of atoms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bsct_zoo.neighbours import pairs_within

if TYPE_CHECKING:
    from bsct_zoo.batch import AtomsBatch
    from bsct_zoo_transformer.model import TransformerConfig


@dataclass(frozen=True)
class Graph:
    """Directed edges i→j, sorted by source, each with its reverse. A atoms, E edges, D most edges at an atom.

    Attributes:
        source, target: [E] atoms i and j.
        reverse: [E] index of the edge j→i.
        distance: [E] Å.
        direction: [E, 3] unit vector from i to j.
        envelope: [E] between 0 and 1.
        slots: [A, D] edge in each slot of an atom, E where the slot is empty.
        place: [E] where an edge stands in the flattened slots.
        n_angular: Legendre polynomials in ``angular``.
    """

    source: Tensor
    target: Tensor
    reverse: Tensor
    distance: Tensor
    direction: Tensor
    envelope: Tensor
    slots: Tensor
    place: Tensor
    n_angular: int

    def padded(self, values: Tensor) -> Tensor:
        """Values of edges [E, ...] in the slots of their source [A, D, ...]; zero in empty slots."""
        empty = values.new_zeros((1, *values.shape[1:]))
        return torch.cat([values, empty])[self.slots]

    def flat(self, values: Tensor) -> Tensor:
        """Inverse of ``padded``: [A, D, ...] → [E, ...]."""
        return values.flatten(0, 1)[self.place]

    @cached_property
    def padded_envelope(self) -> Tensor:
        """[A, D]."""
        return self.padded(self.envelope)

    @cached_property
    def angular(self) -> Tensor:
        """[A, D, D, n_angular] Legendre polynomials P_1 ... of the cosine between two edges at an atom."""
        direction = self.padded(self.direction)  # [A, D, 3]
        cosine = direction @ direction.transpose(1, 2)  # [A, D, D]
        polynomials = [torch.ones_like(cosine), cosine]
        for n in range(1, self.n_angular):
            polynomials.append(((2 * n + 1) * cosine * polynomials[n] - n * polynomials[n - 1]) / (n + 1))
        return torch.stack(polynomials[1:], dim=-1)


def edge_graph(batch: AtomsBatch, config: TransformerConfig) -> Graph:
    """The graph of ``config`` over every system of ``batch``."""
    pairs = pairs_within(batch, config.r_cut)
    source, target, reverse, vectors = pairs.source, pairs.target, pairs.reverse, pairs.vectors
    distance = torch.sqrt((vectors**2).sum(-1) + 1e-12)  # finite slope where atoms coincide
    slots, place = _slots(source, batch.n_atoms)
    if config.graph == "radius":
        x = distance / config.r_cut
    else:
        rank = soft_rank if config.graph == "soft_knn" else hard_rank
        ranks = rank(distance, slots, place, config) / config.k
        x = soft_maximum(torch.stack([ranks, ranks[reverse], distance / config.r_cut]), config.softmax_width)
    if config.graph == "hard_knn":
        # The neighbour count alone decides, and the envelope knows nothing of it: the jump that the soft rank removes.
        ranks = torch.maximum(ranks, ranks[reverse])
        kept = (ranks < 1).nonzero().squeeze(1)
        weight = envelope(distance / config.r_cut)
    else:
        kept = (x < 1).nonzero().squeeze(1)
        weight = envelope(x)
    position = torch.full_like(source, -1)
    position[kept] = torch.arange(len(kept), device=source.device)
    slots, place = _slots(source[kept], batch.n_atoms)
    return Graph(
        source=source[kept],
        target=target[kept],
        reverse=position[reverse[kept]],
        distance=distance[kept],
        direction=vectors[kept] / distance[kept, None],
        envelope=weight[kept],
        slots=slots,
        place=place,
        n_angular=config.n_angular,
    )


def soft_rank(distance: Tensor, slots: Tensor, place: Tensor, config: TransformerConfig) -> Tensor:
    """[E] how many neighbours of the source are nearer, counted softly: Σ_m sigmoid((d_ij - d_im) / s) fade(d_im).

    Without the fade an atom m that crosses the cut-off would change every rank by a step.
    """
    d = torch.cat([distance, distance.new_zeros(1)])[slots]  # [A, D]
    there = (slots < len(distance)).to(d.dtype) * fade(d / config.r_cut)
    nearer = torch.sigmoid((d[:, :, None] - d[:, None, :]) / config.rank_width)  # [A, D, D]
    return (nearer * there[:, None, :]).sum(-1).flatten()[place]


def hard_rank(distance: Tensor, slots: Tensor, place: Tensor, config: TransformerConfig) -> Tensor:
    """[E] how many neighbours of the source are nearer, as a whole number."""
    d = torch.cat([distance, distance.new_full((1,), torch.inf)])[slots]
    return (d[:, :, None] > d[:, None, :]).sum(-1).flatten()[place].to(distance.dtype)


def soft_maximum(values: Tensor, width: float) -> Tensor:
    """Smooth maximum over the first axis, c logsumexp(values / c): never below the true one."""
    return width * torch.logsumexp(values / width, dim=0)


def envelope(x: Tensor) -> Tensor:
    """exp(-x² / (1 - x²)) for x < 1, else 0; all derivatives vanish at 1."""
    inside = x < 1
    square = torch.where(inside, x, torch.zeros_like(x)) ** 2
    return torch.where(inside, torch.exp(-square / (1 - square).clamp_min(1e-9)), torch.zeros_like(x))


def fade(t: Tensor) -> Tensor:
    """One well inside the cut-off (t < 1), and smoothly zero at it."""
    return envelope(t**4)


def _slots(source: Tensor, n_atoms: int) -> tuple[Tensor, Tensor]:
    """Slots [A, D] and places [E] of edges that are sorted by source."""
    count = torch.bincount(source, minlength=n_atoms)
    width = max(int(count.max()), 1) if n_atoms else 1
    first = torch.cumsum(count, 0) - count
    place = source * width + torch.arange(len(source), device=source.device) - first[source]
    slots = torch.full((n_atoms * width,), len(source), device=source.device)
    slots[place] = torch.arange(len(source), device=source.device)
    return slots.view(n_atoms, width), place
