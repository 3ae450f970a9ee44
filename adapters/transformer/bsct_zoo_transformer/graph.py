"""The differentiable k-nearest-neighbour graph: which edges there are, and the envelope that switches them off.

An edge's coordinate x is a soft maximum of its soft ranks at both ends and of its distance; edges with x ≥ 1 do not
exist, and everything that an edge says is weighted by exp(-x² / (1 - x²)), which vanishes with all its derivatives at
x = 1 (arXiv:2602.04861). Ranks are taken among the pairs inside the cut-off only, so the cost is linear in the number
of atoms; no array has a place for every pair of atoms. Large graphs are worked through in parts (``Graph.parts``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo_transformer.ranges import over_ranges

if TYPE_CHECKING:
    from bsct_zoo.atoms.batch import AtomsBatch
    from bsct_zoo_transformer.config import TransformerConfig

# Pairs of slots [atoms, D, D]. A block keeps some 450 bytes of each for its gradient, a rank 16.
PAIRS_AT_ONCE = 2**18  # what a graph may have that is not taken apart
PAIRS_IN_A_PART = 2**16  # small enough for a cache, large enough to keep a core busy
RANKS_AT_ONCE = 2**20  # what ranks may have that are not counted part by part
ON_A_GPU = 2**5  # times as many, which keep it busy: 4 GB for what is not taken apart


class _Gather(torch.autograd.Function):
    """Some rows of an array [R, C]; the gradient is gathered back by the inverse, which is much faster than adding up.

    Right where every row that matters is gathered once, and no gradient comes out of the others.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, there: Tensor, back: Tensor) -> Tensor:
        ctx.there, ctx.back = there, back
        return rows.index_select(0, there)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _Gather.apply(gradient, ctx.back, ctx.there), None, None


@dataclass(frozen=True)
class Graph:
    """Directed edges i→j, sorted by source, each with its reverse. A atoms, E edges, D most edges at an atom.

    Attributes:
        source, target: [E] atoms i and j.
        reverse: [E] index of the edge j→i.
        distance: [E] Å.
        direction: [E, 3] unit vector from i to j.
        coordinate: [E] x of the envelope, below 1.
        slots: [A, D] edge in each slot of an atom, E where the slot is empty.
        place: [E] where an edge stands in the flattened slots.
        n_angular: Legendre polynomials in ``pair_terms``.
    """

    source: Tensor
    target: Tensor
    reverse: Tensor
    distance: Tensor
    direction: Tensor
    coordinate: Tensor
    slots: Tensor
    place: Tensor
    n_angular: int
    _kept_rows: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def envelope(self) -> Tensor:
        """[E] exp(-x² / (1 - x²)), between 0 and 1."""
        return torch.exp(self.log_envelope)

    @cached_property
    def log_envelope(self) -> Tensor:
        """[E]."""
        return log_envelope(self.coordinate)

    @cached_property
    def pair_terms(self) -> Tensor:
        """[2 + n_angular, A D D] what there is to say of two edges e, m at an atom.

        log f_m (where e or m is an empty slot: what makes it nothing), 1, and the Legendre polynomials P_1 ... of their
        cosine.
        """
        direction = torch.cat([self.direction, self.direction.new_zeros((1, 3))])[self.slots]  # [A, D, 3]
        cosine = direction @ direction.transpose(1, 2)  # [A, D, D]
        polynomials = [torch.ones_like(cosine), cosine]
        for n in range(1, self.n_angular):
            before = polynomials[n - 1] * (-n / (n + 1))
            polynomials.append(torch.addcmul(before, cosine, polynomials[n], value=(2 * n + 1) / (n + 1)))
        nothing = cosine.new_full((1,), -1e4)
        log_envelope = torch.cat([self.log_envelope, nothing])[self.slots]  # [A, D]
        there = torch.where(self.slots < len(self.source), torch.zeros_like(nothing), nothing)  # [A, D]
        terms = [log_envelope[:, None] + there[:, :, None], *polynomials[: 1 + self.n_angular]]
        return torch.stack(terms).flatten(1)

    def to_slots(self, values: Tensor) -> Tensor:
        """Values of edges [E, H, C] in the slots of their source [H, A, D, C]; anything in empty slots.

        What empty slots are given must weigh nothing, and so must what comes out of them (``pair_terms`` sees to it).
        """
        heads = values.shape[1]
        there, back = self._rows(heads)
        return _Gather.apply(values.flatten(0, 1), there, back).view(heads, *self.slots.shape, values.shape[2])

    def from_slots(self, values: Tensor) -> Tensor:
        """Back again: [H, A, D, C] → [E, H, C]."""
        heads = values.shape[0]
        there, back = self._rows(heads)
        return _Gather.apply(values.flatten(0, 2), back, there).view(-1, heads, values.shape[3])

    @cached_property
    def atom(self) -> Tensor:
        """[E] the source as a row of ``slots``, which in a part are not all atoms."""
        return self.place // self.slots.shape[1]

    def mean_at_atoms(self, values: Tensor) -> Tensor:
        """Values of edges [E, C], weighed by the envelope, averaged at their source [A, C].

        Towards zero where an atom has no edges: Σ f values / (1 + Σ f).
        """
        total = values.new_zeros((len(self.slots), values.shape[1]))
        return total.index_add(0, self.atom, values * self.envelope[:, None]) / (1 + self.envelope_at_atoms[:, None])

    @cached_property
    def envelope_at_atoms(self) -> Tensor:
        """[A] sum over an atom's edges."""
        return self.envelope.new_zeros(len(self.slots)).index_add(0, self.atom, self.envelope)

    def swapped(self, values: Tensor) -> Tensor:
        """[E, W] what each edge's reverse has."""
        swapped: Tensor = _Gather.apply(values, self.reverse, self.reverse)
        return swapped

    def _rows(self, heads: int) -> tuple[Tensor, Tensor]:
        """Where a row of slots [H A D] stands among the rows of edges [E H], and where that of an edge in those."""
        if heads not in self._kept_rows:
            head = torch.arange(heads, device=self.slots.device)[:, None]
            edge = self.slots.clamp_max(max(len(self.source) - 1, 0)).flatten()  # [A D]
            self._kept_rows[heads] = (
                (edge * heads + head).flatten(),
                (head.T * self.slots.numel() + self.place[:, None]).flatten(),
            )
        return self._kept_rows[heads]

    @cached_property
    def parts(self) -> list[Graph]:
        """The edges of one range of atoms after the other, as graphs of their own; this one alone if it is small.

        In a part ``source`` and ``target`` still count all atoms, and ``reverse`` all edges.
        """
        n_atoms, most = self.slots.shape
        if n_atoms * most**2 <= for_device(PAIRS_AT_ONCE, self.source) or not len(self.source):
            return [self]
        at_once = max(1, for_device(PAIRS_IN_A_PART, self.source) // most**2)
        rows = self.slots.split(at_once)
        sizes = [int((part < len(self.source)).sum()) for part in rows]
        of_edges = (self.source, self.target, self.reverse, self.distance, self.direction, self.coordinate)
        parts = []
        for number, edges in enumerate(zip(*(values.split(sizes) for values in of_edges), strict=True)):
            if not sizes[number]:  # atoms alone have nothing to say
                continue
            slots, place = _slots(edges[0] - number * at_once, len(rows[number]))
            parts.append(Graph(*edges, slots, place, self.n_angular))
        return parts


def edge_graph(batch: AtomsBatch, config: TransformerConfig) -> Graph:
    """The graph of ``config`` over every system of ``batch``."""
    pairs = pairs_within(batch, config.r_cut)
    source, reverse = pairs.source, pairs.reverse
    distance = torch.sqrt((pairs.vectors**2).sum(-1) + 1e-12)  # finite slope where atoms coincide
    near = distance / config.r_cut
    if config.graph == "radius":
        x = near
    else:
        rank = soft_rank if config.graph == "soft_knn" else hard_rank
        ranks = rank(distance, *_slots(source, batch.n_atoms), config) / config.k
        x = soft_maximum(torch.stack([ranks, ranks[reverse], near]), config.softmax_width)
    if config.graph == "hard_knn":
        # The neighbour count alone decides, and the envelope knows nothing of it: the jump that the soft rank removes.
        inside, x = torch.maximum(ranks, ranks[reverse]) < 1, near
    else:
        inside = x < 1
    kept = (inside & inside[reverse]).nonzero().squeeze(1)  # both or neither, whatever the last digit says
    of_kept = distance.index_select(0, kept)
    position = torch.full_like(source, -1)
    position[kept] = torch.arange(len(kept), device=source.device)
    slots, place = _slots(source[kept], batch.n_atoms)
    return Graph(
        source=source[kept],
        target=pairs.target[kept],
        reverse=position[reverse[kept]],
        distance=of_kept,
        direction=pairs.vectors.index_select(0, kept) / of_kept[:, None],
        coordinate=x.index_select(0, kept),
        slots=slots,
        place=place,
        n_angular=config.n_angular,
    )


def soft_rank(distance: Tensor, slots: Tensor, place: Tensor, config: TransformerConfig) -> Tensor:
    """[E] how many neighbours of the source are nearer, counted softly: Σ_m sigmoid((d_ij - d_im) / s) fade(d_im).

    Without the fade an atom m that crosses the cut-off would change every rank by a step.
    """
    nothing = distance.new_zeros(1)  # what an empty slot counts for
    d = torch.cat([distance, nothing])[slots]  # [A, D]
    counted = torch.cat([fade(distance / config.r_cut), nothing])[slots]  # [A, D]

    def rank(_: int, d: Tensor, counted: Tensor) -> Tensor:
        nearer = torch.sigmoid((d[:, :, None] - d[:, None, :]) / config.rank_width)  # [A, D, D]
        return (nearer @ counted[:, :, None]).squeeze(2)

    if slots.numel() * slots.shape[1] <= for_device(RANKS_AT_ONCE, slots):
        return rank(0, d, counted).flatten()[place]
    at_once = max(1, for_device(PAIRS_IN_A_PART, slots) // slots.shape[1] ** 2)
    return over_ranges(rank, [len(part) for part in d.split(at_once)], d, counted).flatten()[place]


def hard_rank(distance: Tensor, slots: Tensor, place: Tensor, config: TransformerConfig) -> Tensor:
    """[E] how many neighbours of the source are nearer, as a whole number."""
    d = torch.cat([distance.detach(), distance.new_full((1,), torch.inf)])[slots]  # [A, D]
    nearer = torch.searchsorted(d.sort(1).values, d)  # [A, D] by bisection, so that no [A, D, D] is needed
    return nearer.flatten()[place].to(distance.dtype)


def for_device(limit: int, values: Tensor) -> int:
    """How much to do at once where ``values`` are, if it is ``limit`` on a CPU."""
    return limit if values.device.type == "cpu" else ON_A_GPU * limit


def soft_maximum(values: Tensor, width: float) -> Tensor:
    """Smooth maximum over the first axis, c logsumexp(values / c): never below the true one."""
    return width * torch.logsumexp(values / width, dim=0)


def envelope(x: Tensor) -> Tensor:
    """exp(-x² / (1 - x²)) for x < 1, else 0; all derivatives vanish at 1."""
    inside = x < 1
    nothing = torch.zeros_like(x)
    return torch.where(inside, torch.exp(log_envelope(torch.where(inside, x, nothing))), nothing)


def log_envelope(x: Tensor) -> Tensor:
    """-x² / (1 - x²) for x < 1; bounded where the envelope itself is nothing in double precision."""
    square = x**2
    return -square / (1 - square).clamp_min(1 / 700)


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
