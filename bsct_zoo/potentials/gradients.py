"""Forces and stress as gradients of an energy, for conservative torch models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.potentials.potential import Prediction


def predict_by_gradient(energy_of: Callable[[AtomsBatch], Tensor], batch: AtomsBatch) -> Prediction:
    """Energy, forces and, for periodic systems, stress from ``energy_of(batch) -> [n_systems]`` eV."""
    if batch.n_systems == 0:  # few models support it
        return Prediction(batch.positions.new_zeros(0, dtype=torch.float64), batch.positions.new_zeros((0, 3)))
    with torch.enable_grad():
        positions = batch.positions.detach().clone().requires_grad_()
        moved = batch.with_positions(positions)
        strain = None
        if bool(batch.pbc.any()):
            moved, strain = strained(moved)
        energy = energy_of(moved)
        wanted = [positions] if strain is None else [positions, strain]
        gradients = [torch.zeros_like(tensor) for tensor in wanted]
        if energy.requires_grad:  # not so where no atom has a neighbour
            gradients = list(torch.autograd.grad(energy.sum(), wanted, allow_unused=True, materialize_grads=True))
    stress = None
    if strain is not None:
        volume = torch.linalg.det(batch.cell.double()).abs()
        periodic = batch.pbc.any(1) & (volume > 0)
        per_volume = gradients[1].double() / torch.where(periodic, volume, torch.ones_like(volume))[:, None, None]
        stress = torch.where(periodic[:, None, None], per_volume, torch.nan)
    return Prediction(energy.detach().double(), -gradients[0], stress)


def strained(batch: AtomsBatch) -> tuple[AtomsBatch, Tensor]:
    """The batch under a symmetric strain that is zero but carries gradients, and that strain [n_systems, 3, 3].

    Stress is dE/dstrain / volume, ASE's sign (Knuth et al., Comput. Phys. Commun. 190, 33 (2015)).
    """
    strain = torch.zeros_like(batch.cell).requires_grad_()
    symmetric = 0.5 * (strain + strain.transpose(1, 2))
    positions = batch.positions + torch.einsum("ni,nij->nj", batch.positions, symmetric[batch.system_idx])
    return replace(batch, positions=positions, cell=batch.cell + batch.cell @ symmetric), strain
