"""The common loss of every family.

Frames reach from thermal motion (1 eV/Å) to bonds at half their length (hundreds of eV/Å). A plain error would be
dominated by the latter. BSCT looks at log |F|², whose change under an error δ of a force is of the order |δ| / |F|: an
error matters by its size relative to the force. Below a scale F₀ a relative error means nothing any more, so that

    f_a = |F_a - F*_a| / (1 + |F*_a| / F₀)                      F₀ = 80 eV/Å, for each atom a, |·| of a vector

which is the plain error for small forces and F₀ times the relative one for large ones, and rotates with the
system. F₀ was chosen from 0.2, 1, 5, 20 and 80 by FSD and the force error on large and small molecules
(experiments/near_minimum): the few atoms at a compressed bond of a large molecule need their weight. The
corresponding error of the energy along a path is relative to the binding energy:

    e_s = |E_s - E*_s| / n_s / (1 + |C*_s| / (n_s E₀))          E₀ = 1 eV, for each system s of n_s atoms

where C = E - Σ reference energies of its atoms. Both go under a smooth absolute value, h(x) = √(x² + h₀²) - h₀ with
h₀ = 0.01, whose slope never exceeds one, so that no frame rules the others, and which is smooth at zero. The loss is

    L = w ⟨h(e_s)⟩ + ⟨h(f_a)⟩                                   w = 5, means over the systems and atoms of a batch

Crystals that have a stress σ* add ⟨h(s_s)⟩, with the derivative of the energy by strain W = V σ (V the volume):

    s_s = |W_s - W*_s| / n_s / (1 + |W*_s| / (n_s E₀))          |·| of the nine components, in eV per atom
"""

from __future__ import annotations

import torch
from torch import Tensor

ENERGY_WEIGHT = 5.0
ENERGY_SCALE = 1.0  # eV per atom
FORCE_SCALE = 80.0  # eV/Å
SMOOTHING = 0.01  # eV per atom, eV/Å

# For the cards of trained models.
STATED = {
    "loss": "bsct_zoo.training.loss",
    "energy_weight": ENERGY_WEIGHT,
    "force_weight": 1.0,
    "stress_weight": 1.0,
    "energy_scale_eV_atom": ENERGY_SCALE,
    "force_scale_eV_A": FORCE_SCALE,
    "smoothing": SMOOTHING,
}


def training_loss(
    energy: Tensor,
    forces: Tensor,
    true_energy: Tensor,
    true_forces: Tensor,
    n_atoms: Tensor,
    atoms_energy: Tensor | float = 0.0,
    force_scale: float = FORCE_SCALE,
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss L of a batch, and its two means before they are weighed: of the energies and of the forces.

    ``energy`` and ``true_energy`` [n_systems] in eV are either both total energies, with ``atoms_energy`` [n_systems]
    the sums of the atoms' reference energies (see ``atoms_energy``), or both are less that sum already, with none.
    ``forces`` and ``true_forces`` [n_atoms, 3] in eV/Å; ``n_atoms`` [n_systems]. ``force_scale`` is F₀ in eV/Å.
    """
    of_energy = energy_loss(energy, true_energy, n_atoms, atoms_energy)
    of_forces = force_loss(forces, true_forces, force_scale)
    return ENERGY_WEIGHT * of_energy + of_forces, of_energy, of_forces


def energy_loss(energy: Tensor, true_energy: Tensor, n_atoms: Tensor, atoms_energy: Tensor | float = 0.0) -> Tensor:
    """⟨h(e_s)⟩; arguments as in ``training_loss``."""
    weight = n_atoms + (true_energy - atoms_energy).abs() / ENERGY_SCALE
    return smooth_abs(((energy - true_energy) / weight) ** 2).mean()


def force_loss(forces: Tensor, true_forces: Tensor, force_scale: float = FORCE_SCALE) -> Tensor:
    """⟨h(f_a)⟩; arguments as in ``training_loss``."""
    weight = 1 + true_forces.norm(dim=1, keepdim=True) / force_scale
    return smooth_abs((((forces - true_forces) / weight) ** 2).sum(1)).mean()


def stress_loss(strain_gradient: Tensor, true: Tensor, n_atoms: Tensor) -> Tensor:
    """⟨h(s_s)⟩ over the systems that have a stress; zero where none has.

    ``strain_gradient`` and ``true`` [n_systems, 3, 3] in eV, the latter NaN where there is no stress; ``n_atoms``
    [n_systems].
    """
    known = true.isfinite().all(-1).all(-1)
    weight = n_atoms[known] + true[known].flatten(1).norm(dim=1) / ENERGY_SCALE
    error = (strain_gradient[known] - true[known]).flatten(1) / weight[:, None]
    return smooth_abs((error**2).sum(1)).sum() / max(int(known.sum()), 1)


def smooth_abs(square: Tensor) -> Tensor:
    """h(x) of x² = ``square``."""
    return torch.sqrt(square + SMOOTHING**2) - SMOOTHING


def atoms_energy(reference_table: Tensor, atomic_numbers: Tensor, system_idx: Tensor, n_systems: int) -> Tensor:
    """[n_systems] sum of the reference energies of each system's atoms, from [119] eV by atomic number."""
    zero = torch.zeros(n_systems, dtype=reference_table.dtype, device=reference_table.device)
    return zero.index_add(0, system_idx, reference_table[atomic_numbers])
