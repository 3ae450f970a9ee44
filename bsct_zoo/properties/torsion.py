"""Barriers to rotation: the energy along a turn about a bond, everything else relaxed.

The dihedral is held by a stiff spring, whose energy is not counted. Where the energy has its highest and lowest points
there is no torque, so the spring does not shift them; between them the dihedral is off by torque over stiffness.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.dynamics.fire import fire_init, fire_step
from bsct_zoo.potentials.potential import Potential, Prediction

_STIFFNESS = 20.0  # eV/rad², that of a stiff bond angle or so: relaxations take no more steps for it
_FINE = 3600  # points that the interpolated curve is looked at


class HeldDihedrals(Potential):
    """A potential with a spring on one dihedral of each system.

    Attributes:
        systems: [n] which of all systems the next batch holds, in order.
        failures: why systems had no answer, by their number among all.
    """

    def __init__(self, potential: Potential, atoms: Tensor, targets: Tensor) -> None:
        """Args: ``atoms`` [n_systems, 4] within each system, ``targets`` [n_systems] radians."""
        self.potential, self.info = potential, potential.info
        self.atoms, self.targets = atoms, targets
        self.systems = torch.arange(len(targets))
        self.failures: dict[int, str] = {}

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``; the energy of the springs is in it."""
        found = self.potential.compute(batch)
        self.failures |= {int(self.systems[place]): why for place, why in found.failures.items()}
        first = torch.cumsum(batch.atoms_per_system, 0) - batch.atoms_per_system
        places = first[:, None] + self.atoms[self.systems]
        with torch.enable_grad():
            positions = batch.positions.detach().clone().requires_grad_()
            energy = self.spring(dihedrals(positions, places), self.targets[self.systems])
            (gradient,) = torch.autograd.grad(energy.sum(), [positions])
        total, forces = found.energy.double().cpu() + energy.detach(), found.forces.double().cpu() - gradient
        return Prediction(total, forces, failures=found.failures)

    @staticmethod
    def spring(angles: Tensor, targets: Tensor) -> Tensor:
        """[n] eV of springs at ``angles`` [n]; the shorter way round counts."""
        off = angles - targets
        return 0.5 * _STIFFNESS * torch.atan2(off.sin(), off.cos()) ** 2


def dihedrals(positions: Tensor, places: Tensor) -> Tensor:
    """[n] radians of the dihedrals of ``places`` [n, 4], IUPAC's sign."""
    i, j, k, m = (positions[places[:, column]] for column in range(4))
    axis = k - j
    left, right = torch.linalg.cross(j - i, axis), torch.linalg.cross(axis, m - k)
    along = (torch.linalg.cross(left, right) * axis).sum(1) / axis.norm(dim=1)
    return torch.atan2(along, (left * right).sum(1))


def relaxed_energies(
    potential: Potential,
    systems: Sequence[AtomsBatch],
    atoms: ArrayLike,
    targets: ArrayLike,
    *,
    max_force: float,
    max_steps: int,
) -> tuple[NDArray[np.float64], dict[int, str]]:
    """[n_systems] eV with each system relaxed at its dihedral; NaN where that did not converge.

    Also why the potential had no answer for a system, by system.

    Args:
        potential: one whose failure for a system is NaN (``IsolatedPotential``).
        systems: the starts, of one system each.
        atoms: [n_systems, 4] the dihedral within each system.
        targets: [n_systems] radians.
        max_force: eV/Å.
        max_steps: when to give up.
    """
    held = HeldDihedrals(potential, torch.as_tensor(np.asarray(atoms)), torch.as_tensor(np.asarray(targets)))
    state = fire_init(held, AtomsBatch.join(systems))
    everyone = held.systems
    for _ in range(max_steps):
        moving = state.largest_force > max_force  # not so where it is NaN: such a system is lost
        if not bool(moving.any()):
            break
        held.systems = everyone[moving]
        state = fire_step(held, state, moving)
    counts = state.batch.atoms_per_system
    places = (torch.cumsum(counts, 0) - counts)[:, None] + held.atoms
    springs = held.spring(dihedrals(state.batch.positions, places), held.targets)
    energies = torch.where(state.largest_force <= max_force, state.energy - springs, torch.nan).numpy()
    return np.asarray(energies), held.failures


def barrier_height(energies: ArrayLike) -> float:
    """Height in eV from the lowest to the highest point of ``energies`` [n] at equally spaced angles of a whole turn.

    Between the points the curve is the trigonometric polynomial through them, exact for torsions of
    less than n/2 fold.
    """
    e = np.asarray(energies, dtype=np.float64)
    waves = np.fft.rfft(e)
    if len(e) % 2 == 0:  # the highest wave stands for two, of which one half each
        waves[-1] *= 0.5
    curve = np.fft.irfft(waves, _FINE) * (_FINE / len(e))
    return float(curve.max() - curve.min())
