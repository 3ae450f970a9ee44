"""Repulsion of two atoms at short range: energy and slope from the two elements and the distance."""

from __future__ import annotations

import math

import torch
from ase.units import Bohr, Hartree
from torch import Tensor, nn

COULOMB = Hartree * Bohr  # e² in eV Å
# (c, b) of Σ c exp(-b d/a).
ZBL_SCREENING = ((0.18175, 3.1998), (0.50986, 0.94229), (0.28022, 0.4029), (0.028171, 0.20162))


class LearnedRepulsion(nn.Module):
    """Repulsion of two atoms, of one form for all elements, with a charge and a decay learned for each.

        V = e² Z_i Z_j / d exp(-√(a_i a_j) d^p)

    A Yukawa potential to begin with (p = 1); p is learned too. Tight binding repels like that (with p = 3/2 in
    S. Grimme et al., J. Chem. Theory Comput. 13, 1989 (2017), eq. 13).
    """

    def __init__(self, elements: tuple[int, ...]) -> None:
        super().__init__()
        self.log_charge = nn.Parameter(0.9 * torch.log(torch.tensor(elements, dtype=torch.float32)))
        self.log_decay = nn.Parameter(torch.full((len(elements),), math.log(3.0)))  # of Å^-p
        self.power = nn.Parameter(torch.ones(()))

    def forward(self, i: Tensor, j: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
        """Energy [E] in eV and its slope [E] in eV/Å for elements ``i`` and ``j`` [E] by index at ``distance`` in Å."""
        charge, decay = self.log_charge.exp(), (self.log_decay / 2).exp()
        scaled = decay[i] * decay[j] * distance**self.power
        energy = COULOMB * charge[i] * charge[j] / distance * torch.exp(-scaled)
        return energy, -energy * (1 + self.power * scaled) / distance


class Nuclei(nn.Module):
    """Screened repulsion of bare nuclei: the universal potential of Ziegler, Biersack and Littmark (1985).

    e² z_i z_j / d times a screening function of d/a with a = 0.8854 a₀ / (z_i^0.23 + z_j^0.23).
    """

    def __init__(self, elements: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("numbers", torch.tensor(elements), persistent=False)

    def forward(self, i: Tensor, j: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
        """As in ``LearnedRepulsion``."""
        z_i, z_j = self.numbers[i].to(distance.dtype), self.numbers[j].to(distance.dtype)
        coulomb = COULOMB * z_i * z_j / distance
        inverse = (z_i**0.23 + z_j**0.23) / (0.8854 * Bohr)
        terms = [(c * torch.exp(-b * inverse * distance), b) for c, b in ZBL_SCREENING]
        screening = sum(term for term, _ in terms)
        slope = -sum(term * b for term, b in terms) * inverse
        return coulomb * screening, coulomb * (slope - screening / distance)


class NoRepulsion(nn.Module):
    """None."""

    def __init__(self, elements: tuple[int, ...]) -> None:
        super().__init__()

    def forward(self, i: Tensor, j: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
        """As in ``LearnedRepulsion``."""
        return torch.zeros_like(distance), torch.zeros_like(distance)


REPULSIONS: dict[str, type[nn.Module]] = {"learned": LearnedRepulsion, "zbl": Nuclei, "none": NoRepulsion}
