"""Between batches of bsct-zoo and those of fairchem-core."""

from __future__ import annotations

from dataclasses import replace

import torch
from ase.geometry import complete_cell
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo_fairchem.packages import AtomicData


def chosen(batch: AtomsBatch, systems: Tensor) -> AtomsBatch:
    """The systems of ``batch`` where ``systems`` [n_systems] (bool) is true, in their order."""
    if bool(systems.all()):
        return batch
    atoms = systems[batch.system_idx]
    index = torch.cumsum(systems, 0) - 1
    return AtomsBatch(
        batch.positions[atoms],
        batch.atomic_numbers[atoms],
        index[batch.system_idx[atoms]],
        batch.cell[systems],
        batch.pbc[systems],
        batch.charge[systems],
        batch.spin[systems],
    )


def wrapped(batch: AtomsBatch) -> AtomsBatch:
    """The batch with whole cells, and every atom inside its cell along the periodic directions.

    fairchem-core's graphs look for images from there, and divide by the volume of every cell.
    """
    flat = (batch.cell == 0).all(2).any(1)
    cell = batch.cell
    if bool(flat.any()):
        cell = cell.clone()
        for system in flat.nonzero().flatten().tolist():
            cell[system] = torch.as_tensor(complete_cell(cell[system].cpu().numpy())).to(cell)
    batch = replace(batch, cell=cell)
    if not bool(batch.pbc.any()):
        return batch
    fractions = torch.einsum("ni,nij->nj", batch.positions, torch.linalg.inv(cell)[batch.system_idx])
    turns = torch.floor(fractions) * batch.pbc[batch.system_idx]
    return batch.with_positions(batch.positions - torch.einsum("ni,nij->nj", turns, cell[batch.system_idx]))


def atomic_data(batch: AtomsBatch, task: str, charges: bool) -> AtomicData:
    """The batch as fairchem-core's, every system under ``task``, without edges: models make their own.

    Where charge and spin mean nothing to a task, fairchem-core has 0 for both. Positions and cells are copies: models
    take gradients by them.
    """
    nothing = torch.zeros(batch.n_atoms, dtype=torch.long, device=batch.device)
    zeros = torch.zeros(batch.n_systems, dtype=torch.long, device=batch.device)
    counts = batch.atoms_per_system
    data = AtomicData(
        pos=batch.positions.clone(),
        atomic_numbers=batch.atomic_numbers,
        cell=batch.cell.clone(),
        pbc=batch.pbc,
        natoms=counts,
        edge_index=nothing.new_empty((2, 0)),
        cell_offsets=batch.positions.new_empty((0, 3)),
        nedges=zeros,
        charge=batch.charge if charges else zeros,
        spin=batch.spin if charges else zeros,
        fixed=nothing,
        tags=nothing,
        batch=batch.system_idx,
        sid=[""] * batch.n_systems,
        dataset=[task] * batch.n_systems,
    )
    # AllScAIP cuts positions by these, and takes a batch that lacks them for one system.
    starts = torch.cat([counts.new_zeros(1), torch.cumsum(counts, 0)])
    data.assign_batch_stats({"pos": starts}, {}, {}, counts.tolist())
    return data
