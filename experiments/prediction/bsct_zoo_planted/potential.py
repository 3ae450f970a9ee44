"""A potential with a fault planted onto it: a term in the distances of pairs, or a force that no energy explains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import pi
from typing import Literal

import torch
from bsct_zoo_transformer.loader import load as load_transformer
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo.potentials.potential import Potential, Prediction

_REACH = 4.0  # Å, of pairs
_PLACE = 3.0  # Å, where steps and kinks sit: neighbours but one and two, which pass it in every vibration
_HALF_WIDTH = 0.1  # Å, of the kink's triangle
_WAVELENGTH = 0.15  # Å, of the ripple, as in docs/defects.md
_NOISE = 2 * pi / 0.02  # 1/Å
# The directions along which the noise of x, y and z runs; no plane of any molecule.
_ALONG = ((0.61, 0.35, 0.71), (-0.47, 0.83, 0.29), (0.53, -0.23, 0.82))


def _window(d: Tensor) -> Tensor:
    """1 at close range, 0 with three derivatives at the reach."""
    return (1 - (d / _REACH) ** 2).clamp(min=0) ** 4


# [pairs] Å → [pairs] eV for a strength of one; their negative gradient is added to the forces.
ENERGIES: dict[str, Callable[[Tensor], Tensor]] = {
    "kink": lambda d: (_HALF_WIDTH - (d - _PLACE).abs()).clamp(min=0),
    "ripple": lambda d: torch.cos(2 * pi * d / _WAVELENGTH) * _window(d),
    "bias": lambda d: torch.exp(-0.5 * ((d - 1.5) / 0.3) ** 2) * _window(d),
    "hole": lambda d: -torch.exp(-0.5 * (d / 0.2) ** 2),
}


def load(
    card: ModelCard, device: str, dtype: Literal["float32", "float64"], *, strength: float = 0.0
) -> PlantedPotential:
    """Our Transformer with the fault that ``card`` names."""
    return PlantedPotential(load_transformer(card, device, dtype), card.name, strength)


class PlantedPotential(Potential):
    """``base`` with the fault ``kind`` of ``strength``. The fault is in float64."""

    def __init__(self, base: Potential, kind: str, strength: float) -> None:
        self.base, self.kind, self.strength = base, kind, strength
        wrong = kind in ("step", "spurious", "noise") and strength != 0
        self.info = replace(base.info, conservative=base.info.conservative and not wrong, has_stress=False)

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        answer = replace(self.base.compute(batch), stress=None)
        batch = batch.to(answer.energy.device, torch.float64)
        energy, forces = answer.energy, answer.forces.double()
        if self.kind in ENERGIES:
            fault = predict_by_gradient(self._energy, batch)
            return replace(answer, energy=energy + fault.energy, forces=forces + fault.forces)
        if self.kind == "step":
            return replace(answer, energy=energy + self._summed(batch, lambda d: (d > _PLACE).double()))
        return replace(answer, forces=forces + self.strength * _centred(batch, self._push(batch)))

    def _energy(self, batch: AtomsBatch) -> Tensor:
        return self._summed(batch, ENERGIES[self.kind])

    def _summed(self, batch: AtomsBatch, energy_of: Callable[[Tensor], Tensor]) -> Tensor:
        """[n_systems] eV, over the pairs of each."""
        pairs = pairs_within(batch, _REACH)
        each = 0.5 * self.strength * energy_of(pairs.vectors.norm(dim=1))  # every pair is there twice
        zeros = torch.zeros(batch.n_systems, dtype=torch.float64, device=batch.device)
        return zeros.index_add(0, batch.system_idx[pairs.source], each)

    def _push(self, batch: AtomsBatch) -> Tensor:
        """[n_atoms, 3] of what no energy explains, for a strength of one."""
        if self.kind == "noise":
            along = batch.positions.new_tensor(_ALONG)
            return torch.sin(_NOISE * batch.positions @ along.T)
        pairs = pairs_within(batch, _REACH)
        d = pairs.vectors.norm(dim=1)
        # An atom is pushed from its neighbours by their atomic number, not by its own: no counterforce.
        size = batch.atomic_numbers[pairs.target].double() / 6 * torch.exp(-0.5 * d**2) / d
        return torch.zeros_like(batch.positions).index_add(0, pairs.source, -size[:, None] * pairs.vectors)


def _centred(batch: AtomsBatch, forces: Tensor) -> Tensor:
    """``forces`` [n_atoms, 3] without what would push a whole system along."""
    total = forces.new_zeros((batch.n_systems, 3)).index_add(0, batch.system_idx, forces)
    return forces - (total / batch.atoms_per_system[:, None])[batch.system_idx]
