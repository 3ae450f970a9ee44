"""Labelled frames as a data set of nequip, and batches of them, for its ``NequIPDataModule``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from ase.data import atomic_numbers
from nequip.data.dataset import AtomicDataset
from torch import Tensor
from torch.utils.data import DataLoader

from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.training.data import FrameSet, SizedBatches, read_training_data
from bsct_zoo_nequip.graph import graph_of, type_table
from bsct_zoo_nequip.packages import AtomicDataDict


class LabelledFrames(AtomicDataset):
    """One split of the training data, its neighbours found once.

    An item is the ``AtomicDataDict`` of a frame with its total energy [1, 1] in eV and forces [n_atoms, 3] in eV/Å.
    """

    def __init__(self, folder: str, split: str, r_max: float, type_names: list[str], one_state: bool = False) -> None:
        """``r_max`` in Å; ``type_names`` are chemical symbols; ``one_state`` as in ``read_training_data``."""
        super().__init__()
        frames = getattr(read_training_data(Path(folder), one_state), split)
        batch, energy, forces = frames.batch(range(len(frames)), dtype=torch.float64)
        types = type_table(tuple(atomic_numbers[name] for name in type_names))[batch.atomic_numbers]
        graph = graph_of(batch, types, r_max)
        edges = graph[AtomicDataDict.EDGE_INDEX_KEY]
        system_of_edge = batch.system_idx[edges[0]]
        edges = edges - torch.as_tensor(frames.first)[system_of_edge]
        of_atoms = frames.n_atoms.tolist()
        of_edges = torch.bincount(system_of_edge, minlength=len(frames)).tolist()
        columns: dict[str, tuple[Tensor, ...]] = {
            AtomicDataDict.POSITIONS_KEY: batch.positions.split(of_atoms),
            AtomicDataDict.ATOM_TYPE_KEY: types.split(of_atoms),
            AtomicDataDict.EDGE_INDEX_KEY: edges.split(of_edges, dim=1),
            AtomicDataDict.TOTAL_ENERGY_KEY: energy.view(-1, 1).split(1),
            AtomicDataDict.FORCE_KEY: forces.split(of_atoms),
        }
        if bool(batch.pbc.any()):  # without cells, nequip is a little faster
            columns[AtomicDataDict.CELL_KEY] = batch.cell.split(1)
            columns[AtomicDataDict.EDGE_CELL_SHIFT_KEY] = graph[AtomicDataDict.EDGE_CELL_SHIFT_KEY].split(of_edges)
        strain = frames.strain_gradients(range(len(frames)), torch.float64)
        if strain is not None:
            columns[AtomicDataDict.VIRIAL_KEY] = (-strain).split(1)
        rows = zip(*columns.values(), strict=True)
        self.items = [AtomicDataDict.with_batch_(dict(zip(columns, row, strict=True))) for row in rows]
        self.n_atoms = frames.n_atoms

    def __len__(self) -> int:
        return len(self.items)

    def _get_data_list(self, indices: Any) -> list[dict[str, Tensor]]:
        return [self.items[index] for index in indices]


class _Loader(DataLoader[Any]):
    """Batches whose number differs from epoch to epoch: it has no length, but is there, which nequip asks of it."""

    def __bool__(self) -> bool:
        return True


def mean_neighbours(frames: FrameSet, cutoff: float) -> float:
    """Mean number of neighbours of an atom within ``cutoff`` Å."""
    batch, _, _ = frames.batch(range(len(frames)), dtype=torch.float64)
    return len(pairs_within(batch, cutoff).source) / batch.n_atoms


def loader(
    dataset: LabelledFrames,
    generator: torch.Generator,
    collate_fn: Callable[[list[Any]], Any],
    batch_atoms: int,
    seed: int | None = None,
    first_epoch: int = 0,
    batch_size: int | None = None,
) -> DataLoader[Any]:
    """Batches filled by atoms, as for every family; with a ``seed`` in an order that changes with the epoch.

    ``batch_size`` frames where that is asked for: nequip's own tools want one frame of a run's data as an example.
    """
    if batch_size is not None:
        return DataLoader(dataset, batch_size=batch_size, collate_fn=collate_fn, generator=generator)
    batches = SizedBatches(dataset.n_atoms, batch_atoms, seed)
    batches.epoch = first_epoch
    return _Loader(dataset, batch_sampler=batches, collate_fn=collate_fn, generator=generator)
