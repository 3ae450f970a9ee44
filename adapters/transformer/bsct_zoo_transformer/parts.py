"""A large system by ranges of atoms, so that memory holds the insides of one range at a time.

What couples atoms is only that an edge changes places with its reverse between two blocks. Inside a block edges see
those at the same atom and no others; so a block, and all that acts on single edges, can be worked through range by
range, exactly and without a halo. What stays in memory for the gradient is an array [E, W] for each block.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace

from torch import Tensor, nn

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo_transformer.graph import Graph, for_device
from bsct_zoo_transformer.model import EdgeTransformer
from bsct_zoo_transformer.ranges import over_ranges

_ROWS = 2**13  # edges at a time, where they do not see each other


def by_parts(model: EdgeTransformer) -> EdgeTransformer:
    """The same model with the same weights, which goes through large graphs part by part; its weights get no gradient.

    A graph that is small (one part) takes the same way as without.
    """
    twin = copy(model)
    twin.__dict__["_modules"] = dict(model._modules) | {
        "embed": EmbeddingByParts(model.embed),
        "blocks": nn.ModuleList(BlockByParts(block) for block in model.blocks),
        "norm": RowsByParts(model.norm),
        "energy_head": RowsByParts(model.energy_head),
    }
    return twin


class EmbeddingByParts(nn.Module):
    """First tokens, part by part."""

    def __init__(self, embed: nn.Module) -> None:
        super().__init__()
        self.embed = embed

    def forward(self, species: Tensor, batch: AtomsBatch, graph: Graph) -> Tensor:
        """[E, W]."""
        if len(graph.parts) == 1:
            return self.embed(species, batch, graph)
        return _over_parts(graph, lambda part: self.embed(species, batch, part))


class BlockByParts(nn.Module):
    """A block, part by part."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, h: Tensor, graph: Graph) -> Tensor:
        """[E, W] → [E, W]."""
        if len(graph.parts) == 1:
            return self.block(h, graph)
        return _over_parts(graph, lambda part, h: self.block(h, part), h)


class RowsByParts(nn.Module):
    """What acts on every edge alone, some edges at a time."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, h: Tensor) -> Tensor:
        """[E, W] → [E, ...]."""
        at_once = for_device(_ROWS, h)
        if len(h) <= at_once:
            return self.module(h)
        return over_ranges(lambda _, rows: self.module(rows), [len(rows) for rows in h.split(at_once)], h)


def _over_parts(graph: Graph, function: Callable[..., Tensor], *values: Tensor) -> Tensor:
    """[E, W] of ``function(part, *values of its edges)`` over the parts of ``graph``."""

    def of_part(number: int, distance: Tensor, direction: Tensor, coordinate: Tensor, *values: Tensor) -> Tensor:
        # A new graph each time: one that had worked out its angles would keep them.
        part = replace(graph.parts[number], distance=distance, direction=direction, coordinate=coordinate)
        return function(part, *values)

    sizes = [len(part.source) for part in graph.parts]
    return over_ranges(of_part, sizes, graph.distance, graph.direction, graph.coordinate, *values)
