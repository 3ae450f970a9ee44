"""Boxes around molecules, for potentials that take periodic systems only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ase.geometry import complete_cell

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.late import Late
from bsct_zoo.potentials.potential import Prediction

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")

MARGIN = 4.0  # Å beyond the cut-off, so that no image is near it
_WITHOUT_CUTOFF = 15.0  # Å between images if a potential declares no cut-off


def vacuum(cutoff: float | None) -> float:
    """Å between a molecule and its images along each direction of its box."""
    return _WITHOUT_CUTOFF if cutoff is None else cutoff + MARGIN


def boxed(batch: AtomsBatch, cutoff: float | None, molecules_too: bool = True) -> tuple[AtomsBatch, Tensor]:
    """The batch with every system periodic in all directions, and [n_systems] which ones were put into a box.

    Without ``molecules_too`` systems that are not periodic at all stay so.

    Along a direction that is not periodic the cell is made as long as the system plus ``vacuum(cutoff)``, at right
    angles to the existing lattice vectors, so that no pair within ``cutoff`` is added. Positions stay as they
    are, periodic systems too; what a system gets does not depend on the others.
    """
    open_ones = ~batch.pbc.all(1)
    molecules = open_ones & ~batch.pbc.any(1)
    if not molecules_too:
        open_ones, molecules = open_ones & ~molecules, torch.zeros_like(molecules)
    if not bool(open_ones.any()):
        return batch, open_ones
    cell = batch.cell.clone()
    if bool(molecules.any()):
        lengths = _extents(batch) + vacuum(cutoff)
        cell[molecules] = torch.diag_embed(lengths)[molecules].to(cell.dtype)
    for system in (open_ones & ~molecules).nonzero().flatten().tolist():
        positions = batch.positions[batch.system_idx == system]
        cell[system] = _closed(cell[system], batch.pbc[system], positions, vacuum(cutoff))
    return replace(batch, cell=cell, pbc=batch.pbc | open_ones[:, None]), open_ones


def without_stress(prediction: Prediction, systems: Tensor) -> Prediction:
    """``prediction`` with no stress for ``systems`` [n_systems] (bool): it is meaningless for a box of vacuum."""
    if prediction.stress is None or not bool(systems.any()):
        return prediction
    if bool(systems.all()):
        return replace(prediction, stress=None)
    systems = systems.to(prediction.stress.device)
    return replace(prediction, stress=prediction.stress.masked_fill(systems[:, None, None], torch.nan))


def _extents(batch: AtomsBatch) -> Tensor:
    """[n_systems, 3] Å from the first to the last atom along x, y and z."""
    index = batch.system_idx[:, None].expand(-1, 3)
    zeros = batch.positions.new_zeros((batch.n_systems, 3))
    positions = batch.positions.detach()
    highest = zeros.scatter_reduce(0, index, positions, "amax", include_self=False)
    lowest = zeros.scatter_reduce(0, index, positions, "amin", include_self=False)
    return highest - lowest


def _closed(cell: Tensor, pbc: Tensor, positions: Tensor, gap: float) -> Tensor:
    """[3, 3] lattice of a chain or slab, its missing vectors at right angles to the existing ones."""
    rows = torch.where(pbc[:, None], cell, 0.0).detach().cpu().double().numpy()
    unit = torch.as_tensor(complete_cell(rows), dtype=cell.dtype, device=cell.device)
    along = positions.detach() @ unit.T  # [n_atoms, 3]; of use where a vector is missing and so of length one
    lengths = along.amax(0) - along.amin(0) + gap if len(along) else torch.full_like(unit[0], gap)
    return torch.where(pbc[:, None], cell, unit * lengths[:, None])
