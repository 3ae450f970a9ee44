"""Forces to learn from, and frames turned in space."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.potentials.gradients import strained
from bsct_zoo_transformer.model import EdgeTransformer


def energy_and_forces(model: EdgeTransformer, batch: AtomsBatch, train: bool) -> tuple[Tensor, Tensor]:
    """Energy [n_systems] in eV and forces [n_atoms, 3] in eV/Å, its negative gradient or from a head of their own."""
    if model.force_head is not None:
        with torch.set_grad_enabled(train):
            energy, forces = model.energy_and_direct_forces(batch)
        assert forces is not None
        return energy, forces
    with torch.enable_grad():
        positions = batch.positions.detach().clone().requires_grad_()
        energy = model(batch.with_positions(positions))
        (gradient,) = torch.autograd.grad(energy.sum(), positions, create_graph=train)
    return energy, -gradient


def energy_forces_and_strain(model: EdgeTransformer, batch: AtomsBatch) -> tuple[Tensor, Tensor, Tensor]:
    """For training: energy, forces, and the derivative of the energy by strain [n_systems, 3, 3] in eV."""
    positions = batch.positions.detach().clone().requires_grad_()
    moved, strain = strained(batch.with_positions(positions))
    energy = model(moved)
    of_positions, of_strain = torch.autograd.grad(energy.sum(), [positions, strain], create_graph=True)
    return energy, -of_positions, of_strain


def turns(count: int, like: AtomsBatch, random: torch.Generator | None = None) -> Tensor:
    """[count, 3, 3] rotations, uniform over all of them, in the type and on the device of ``like``.

    A unit quaternion of Gaussian components is uniform over rotations (Shoemake, Graphics Gems III, 1992).
    """
    drawn = torch.randn(count, 4, dtype=like.dtype, generator=random)  # on the CPU: the same on every device
    w, x, y, z = F.normalize(drawn, dim=1).to(like.device).unbind(1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, 1) for row in rows], 1)


def rotated(batch: AtomsBatch, forces: Tensor, turn: Tensor) -> tuple[AtomsBatch, Tensor]:
    """Every system, its cell and its forces [n_atoms, 3] under its own rotation of ``turn`` [n_systems, 3, 3]."""
    of_atom = turn[batch.system_idx]  # [n_atoms, 3, 3]
    turned = replace(
        batch,
        positions=torch.einsum("nij,nj->ni", of_atom, batch.positions),
        cell=torch.einsum("sij,skj->ski", turn, batch.cell),
    )
    return turned, torch.einsum("nij,nj->ni", of_atom, forces)
