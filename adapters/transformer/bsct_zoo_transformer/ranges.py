"""A function of rows, applied to one range of rows after the other, so that memory holds the insides of one range."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor


def over_ranges(function: Callable[..., Tensor], sizes: Sequence[int], *tensors: Tensor) -> Tensor:
    """``function(number, *rows of the tensors)`` of consecutive ranges, joined along the first axis.

    What a range needs for its gradient is not kept but computed again (Chen et al., arXiv:1604.06174). Gradients of any
    order go to the tensors alone, not to what ``function`` knows besides: its weights learn nothing.

    Args:
        function: gives as many rows as it gets; a row must not depend on other ranges.
        sizes: rows in each range.
        tensors: [sum of sizes, ...].
    """
    found: Tensor = _OverRanges.apply(function, sizes, *tensors)
    return found


class _OverRanges(torch.autograd.Function):
    """Results and gradients are written in place.

    Pieces to be joined later would lie scattered over the heap, which costs several times the memory that they hold.
    """

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Tensor], sizes: Sequence[int], *tensors: Tensor) -> Tensor:
        ctx.function, ctx.sizes = function, sizes
        ctx.save_for_backward(*tensors)
        out = None
        for number, rows in enumerate(_ranges(sizes)):
            found = function(number, *(tensor[rows] for tensor in tensors))
            if out is None:
                out = found.new_empty((sum(sizes), *found.shape[1:]))
            out[rows] = found
        assert out is not None
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        tensors, needed = ctx.saved_tensors, ctx.needs_input_grad[2:]
        wanted = [number for number, need in enumerate(needed) if need]
        gradients: list[Tensor | None] = [None] * len(tensors)
        if torch.is_grad_enabled():  # this gradient is to be differentiated itself
            pieces = [ctx.function(n, *(t[rows] for t in tensors)) for n, rows in enumerate(_ranges(ctx.sizes))]
            found = _gradients(torch.cat(pieces), [tensors[k] for k in wanted], gradient, again=True)
            for k, whole in zip(wanted, found, strict=True):
                gradients[k] = whole
            return None, None, *gradients
        for k in wanted:
            gradients[k] = torch.zeros_like(tensors[k])
        for number, rows in enumerate(_ranges(ctx.sizes)):
            with torch.enable_grad():
                inside = [t[rows].detach().requires_grad_(need) for t, need in zip(tensors, needed, strict=True)]
                piece = ctx.function(number, *inside)
            found = _gradients(piece, [inside[k] for k in wanted], gradient[rows])
            for k, part in zip(wanted, found, strict=True):
                if part is not None:
                    gradients[k][rows] = part  # type: ignore[index]
        return None, None, *gradients


def _gradients(
    value: Tensor, inputs: Sequence[Tensor], gradient: Tensor, again: bool = False
) -> Sequence[Tensor | None]:
    if not value.requires_grad:
        return [None] * len(inputs)
    return torch.autograd.grad(value, inputs, gradient, allow_unused=True, create_graph=again)


def _ranges(sizes: Sequence[int]) -> Iterator[slice]:
    first = 0
    for size in sizes:
        yield slice(first, first + size)
        first += size
