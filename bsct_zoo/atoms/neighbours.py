"""Pairs of atoms within a cut-off, for many systems at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from ase.geometry import complete_cell
from numpy.typing import NDArray
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch

_ALL_PAIRS = 200  # atoms; all pairs of smaller molecules are listed


@dataclass(frozen=True)
class Pairs:
    """Directed pairs i→j of E neighbours, sorted by i; every pair has its reverse among them.

    Attributes:
        source, target: [E] atoms i and j.
        shift: [E, 3] lattice vectors integers, from the cell of j to the image; None if nothing is periodic.
        vectors: [E, 3] from i to j in Å, differentiable with respect to positions and cell.
        reverse: [E] index of the pair j→i.
    """

    source: Tensor
    target: Tensor
    shift: Tensor | None
    vectors: Tensor
    reverse: Tensor


def pairs_within(batch: AtomsBatch, cutoff: float) -> Pairs:
    """Directed pairs closer than ``cutoff`` Å, within each system and its periodic images."""
    counts = batch.atoms_per_system
    simple = batch.n_atoms == 0 or (not bool(batch.pbc.any()) and int(counts.max()) <= _ALL_PAIRS)
    source, target, shift = _all_pairs(batch, counts) if simple else _searched(batch, counts, cutoff)
    vectors = batch.positions.index_select(0, target) - batch.positions.index_select(0, source)
    if shift is not None:
        vectors = vectors + _translations(shift.to(vectors.dtype), batch, source)
    near = ((vectors.detach() ** 2).sum(-1) < cutoff**2).nonzero().squeeze(1)
    source, target, vectors = source[near], target[near], vectors.index_select(0, near)
    if shift is None:  # the k-th pair sorted by target, then source, is the reverse of the k-th
        return Pairs(source, target, None, vectors, torch.argsort(target * batch.n_atoms + source, stable=True))
    shift = shift[near]
    order, reverse = _paired(source, target, shift, batch.n_atoms)
    return Pairs(source[order], target[order], shift[order], vectors[order], reverse)


def _translations(shift: Tensor, batch: AtomsBatch, source: Tensor) -> Tensor:
    """[E, 3] Å of lattice vectors [E, 3]."""
    if batch.n_systems == 1:  # a large system: no copy of the cell for every pair
        return shift @ batch.cell[0]
    return torch.einsum("ei,eij->ej", shift, batch.cell[batch.system_idx[source]])


def _all_pairs(batch: AtomsBatch, counts: Tensor) -> tuple[Tensor, Tensor, None]:
    """Every ordered pair of different atoms of the same system."""
    partners = counts[batch.system_idx]  # [A]
    source = torch.repeat_interleave(torch.arange(batch.n_atoms, device=batch.device), partners)
    first = torch.cumsum(counts, 0) - counts
    start = torch.cumsum(partners, 0) - partners
    within = torch.arange(len(source), device=batch.device) - start[source]
    target = first[batch.system_idx[source]] + within
    different = source != target
    return source[different], target[different], None


def _searched(batch: AtomsBatch, counts: Tensor, cutoff: float) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of large or periodic systems from vesin's cell lists, with the lattice shift of the target."""
    from vesin import NeighborList

    search = NeighborList(cutoff=cutoff, full_list=True)
    parts = []
    first = 0
    for system, n in enumerate(counts.tolist()):
        box = batch.cell[system].detach().double().cpu().numpy()
        periodic = batch.pbc[system].cpu().numpy()
        points = _drawn_together(
            batch.positions[first : first + n].detach().double().cpu().numpy(), box, periodic, cutoff
        )
        i, j, s = search.compute(points=points, box=box, periodic=periodic, quantities="ijS", copy=True)
        parts.append((i.astype(np.int64) + first, j.astype(np.int64) + first, s.astype(np.int64)))
        first += n
    source, target, shift = (np.concatenate(column) for column in zip(*parts, strict=True))
    to = batch.device
    return torch.as_tensor(source, device=to), torch.as_tensor(target, device=to), torch.as_tensor(shift, device=to)


def _drawn_together(
    positions: NDArray[np.float64], cell: NDArray[np.float64], periodic: NDArray[np.bool_], cutoff: float
) -> NDArray[np.float64]:
    """``positions`` [n, 3] without empty stretches along open directions; pairs within ``cutoff`` stay the same.

    An atom far from all others would have cell lists of all the space between: hours, or a crash.
    """
    if periodic.all():
        return positions
    lattice = complete_cell(np.where(periodic[:, None], cell, 0.0))  # open directions: at right angles, length one
    along = positions @ np.linalg.inv(lattice)
    for axis in np.flatnonzero(~periodic):
        order = np.argsort(along[:, axis])
        gaps = np.diff(along[order, axis])
        excess = np.cumsum(np.maximum(gaps - 2 * cutoff, 0.0))
        along[order[1:], axis] -= excess
    return np.asarray(along @ lattice)


def _paired(source: Tensor, target: Tensor, shift: Tensor, n_atoms: int) -> tuple[Tensor, Tensor]:
    """Order that sorts pairs by source, and the index of each sorted pair's reverse in that order."""
    base = 2 * int(shift.abs().max()) + 1 if len(shift) else 1
    weights = torch.tensor([base**2, base, 1], device=shift.device)
    order = _lexsort(source * n_atoms + target, (shift * weights).sum(1))
    by_reverse = _lexsort(target * n_atoms + source, (-shift * weights).sum(1))
    # The k-th pair of one order is the reverse of the k-th of the other.
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    reverse = torch.empty_like(order)
    reverse[torch.arange(len(order), device=order.device)] = rank[by_reverse]
    return order, reverse


def _lexsort(major: Tensor, minor: Tensor) -> Tensor:
    order = torch.argsort(minor, stable=True)
    return order[torch.argsort(major[order], stable=True)]
