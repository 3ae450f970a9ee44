"""A TorchSim model for the tests: Lennard-Jones by autograd, right in slanted cells.

``faded`` takes the energy to zero over the last 1 Å before the cut-off; ``depth_by_charge`` makes it read the charge of
a system, as models with total charge do.
"""

from dataclasses import replace

import torch
from torch_sim.models.interface import ModelInterface


class Pairwise(ModelInterface):
    def __init__(
        self,
        sigma: float = 2.5,
        epsilon: float = 0.02,
        cutoff: float = 6.0,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float64,
        *,
        compute_forces: bool = True,
        compute_stress: bool = False,
        faded: bool = False,
        depth_by_charge: bool = False,
    ) -> None:
        super().__init__()
        self._device, self._dtype = device or torch.device("cpu"), dtype
        self._compute_forces, self._compute_stress = compute_forces, compute_stress
        self.sigma, self.epsilon, self.cutoff = sigma, epsilon, cutoff
        self.faded, self.depth_by_charge = faded, depth_by_charge

    def forward(self, state, **_):
        pbc = torch.as_tensor(state.pbc).broadcast_to(3)
        strain = torch.zeros_like(state.cell).requires_grad_()
        symmetric = (strain + strain.transpose(1, 2)) / 2
        start = state.positions.detach().clone().requires_grad_()
        positions = start + torch.einsum("ni,nij->nj", start, symmetric[state.system_idx])
        rows = state.cell.transpose(1, 2)
        rows = rows + rows @ symmetric
        depth = torch.full((len(rows),), self.epsilon, dtype=self.dtype)
        if self.depth_by_charge:
            depth = depth * (1 + state.charge)
        energies = []
        for system in range(len(rows)):
            here = positions[state.system_idx == system]
            images = self._images(rows[system].detach(), pbc)
            vectors = here[None, :, None] + (images @ rows[system])[None, None] - here[:, None, None]
            squares = (vectors**2).sum(-1)
            near = (squares < self.cutoff**2) & (squares > 1e-8)
            energies.append(0.5 * depth[system] * self._pair(squares[near]).sum())
        energy = torch.stack(energies)
        gradient, virial = torch.autograd.grad(energy.sum(), [start, strain])
        found = {"energy": energy.detach(), "forces": -gradient}
        if self.compute_stress:
            found["stress"] = virial / torch.linalg.det(rows).abs().detach()[:, None, None]
        return found

    def _pair(self, squares):
        six = (self.sigma**2 / squares) ** 3
        energy = 4 * (six**2 - six)
        if not self.faded:
            return energy
        t = (self.cutoff - squares.sqrt()).clamp(max=1.0)
        return energy * t**3 * (10 - 15 * t + 6 * t**2)

    def _images(self, rows, pbc):
        """[k, 3] every image that may come within the cut-off."""
        heights = 1 / torch.linalg.inv(rows).norm(dim=0)
        most = torch.where(pbc, (self.cutoff / heights).ceil() + 1, 0).int().tolist()
        return torch.cartesian_prod(*(torch.arange(-n, n + 1, dtype=self.dtype) for n in most))


class ForcesTwice(Pairwise):
    """Sums forces over both orders of a pair."""

    def forward(self, state, **_):
        found = super().forward(state)
        return {**found, "forces": 2 * found["forces"]}


class ColumnsForRows(Pairwise):
    """Repeats a crystal along the columns of what it should repeat along the rows of."""

    def forward(self, state, **_):
        return super().forward(replace(state, cell=state.cell.transpose(1, 2).contiguous()))


class HydrogenAlone(Pairwise):
    """Knows one element and fails in its own way on every other."""

    def forward(self, state, **_):
        return super().forward(replace(state, positions=state.positions + 0 * {1: 1}[int(state.atomic_numbers.max())]))


def copper(device=None, dtype=torch.float64, compute_stress=False):
    """Parameters of Halicioglu and Pound, phys. stat. sol. (a) 30, 619 (1975)."""
    return Pairwise(2.338, 0.409, 6.0, device, dtype, compute_stress=compute_stress, faded=True)


def factory(sigma=2.5):
    return Pairwise(sigma)


def not_a_model(sigma=2.5):
    return torch.nn.Linear(1, 1)


def without_forces():
    return Pairwise(compute_forces=False)


constant = 3


def calculator(sigma: float):
    """The same model as an ASE calculator, one frame at a time."""
    from bsct_zoo.potentials.potential import PotentialInfo
    from bsct_zoo.potentials.torchsim import TorchSimPotential

    info = PotentialInfo(None, 6.0, "float64", "cpu", True, "LJ", "", has_stress=True)
    return TorchSimPotential(Pairwise(sigma=sigma, compute_stress=True), info).as_calculator()
