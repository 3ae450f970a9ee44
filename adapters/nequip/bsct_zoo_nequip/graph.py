"""A batch of systems as nequip's own batched graph."""

from __future__ import annotations

import torch
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo_nequip.packages import AtomicDataDict


def graph_of(batch: AtomsBatch, types: Tensor, cutoff: float) -> dict[str, Tensor]:
    """An ``AtomicDataDict`` of all systems at once.

    ``types`` [n_atoms] int64 is each atom's type in the model. Edge k runs from ``edge_index[0, k]``, which receives
    the message, to ``edge_index[1, k]``, moved by ``edge_cell_shift[k]`` lattice vectors.
    """
    pairs = pairs_within(batch, cutoff)
    shift = torch.zeros_like(pairs.vectors) if pairs.shift is None else pairs.shift.to(batch.dtype)
    return {
        AtomicDataDict.POSITIONS_KEY: batch.positions,
        AtomicDataDict.ATOM_TYPE_KEY: types,
        AtomicDataDict.EDGE_INDEX_KEY: torch.stack([pairs.source, pairs.target]),
        AtomicDataDict.EDGE_CELL_SHIFT_KEY: shift,
        AtomicDataDict.CELL_KEY: batch.cell,
        AtomicDataDict.BATCH_KEY: batch.system_idx,
        AtomicDataDict.NUM_NODES_KEY: batch.atoms_per_system,
    }


def type_table(elements: tuple[int, ...]) -> Tensor:
    """[119] type of each atomic number in a model whose types are ``elements``, -1 where there is none."""
    table = torch.full((119,), -1, dtype=torch.long)
    table[list(elements)] = torch.arange(len(elements))
    return table
