"""Bridges both ways: a TorchSim model as a potential, any potential as a TorchSim model. Needs torch-sim-atomistic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import torch
from ase.data import atomic_masses
from torch import Tensor
from torch_sim.models.interface import ModelInterface
from torch_sim.state import SimState

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.boxes import boxed
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements

_DTYPES = {"float32": torch.float32, "float64": torch.float64}
# TorchSim 0.3 knows periodic systems in all directions or in none, and nothing of a system but its atoms and cell.
HAS_EXTRAS = "_system_extras" in {field.name for field in fields(SimState)}
_WHOLE_ONLY = SimState.__annotations__["pbc"] is bool


class TorchSimPotential(Potential):
    """A ``ModelInterface`` behind the batched interface. Units and the sign of stress are those of both.

    ``refuses_crystals`` is what is said to whoever asks for a periodic system; empty if the model takes them.
    """

    def __init__(self, model: ModelInterface, info: PotentialInfo, refuses_crystals: str = "") -> None:
        self.model = model.eval()
        self.info = info
        self.refuses_crystals = refuses_crystals

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        if self.refuses_crystals and bool(batch.pbc.any()):
            raise ModelError(self.refuses_crystals)
        batch = batch.to(self.info.device, _DTYPES[self.info.dtype])
        energy = torch.zeros(batch.n_systems, dtype=torch.float64, device=batch.device)
        forces = torch.zeros_like(batch.positions)
        stress = torch.full((batch.n_systems, 3, 3), torch.nan, dtype=torch.float64, device=batch.device)
        for systems in _alike(batch):
            with torch.enable_grad():  # some models take forces by autograd and rely on it
                found = self.model(self._state(_chosen(batch, systems)))
            energy[systems] = found["energy"].detach().double()
            forces[systems[batch.system_idx]] = found["forces"].detach().to(forces)
            if "stress" in found:
                stress[systems] = found["stress"].detach().double()
        periodic = batch.pbc.any(1)
        if not self.info.has_stress or not bool(periodic.any()):
            return Prediction(energy, forces)
        return Prediction(energy, forces, torch.where(periodic[:, None, None], stress, torch.nan))

    def _state(self, batch: AtomsBatch) -> SimState:
        """Systems that are periodic in the same directions."""
        pbc = batch.pbc[0].tolist()
        if _WHOLE_ONLY and any(pbc) != all(pbc):
            raise ModelError("the TorchSim here takes systems that are periodic in all directions or in none")
        cell = batch.cell
        if not all(pbc):  # models divide by the volume; what is not periodic gets a cell around it
            cell = boxed(batch, self.info.cutoff)[0].cell
        extras: dict[str, Any] = {"charge": batch.charge, "spin": batch.spin} if self.info.supports_charge_spin else {}
        masses = torch.as_tensor(atomic_masses, dtype=batch.dtype, device=batch.device)
        return SimState(
            positions=batch.positions.clone(),
            masses=masses[batch.atomic_numbers],
            cell=cell.transpose(1, 2).contiguous(),  # TorchSim keeps lattice vectors as columns
            pbc=all(pbc) if _WHOLE_ONLY else torch.tensor(pbc, device=batch.device),
            atomic_numbers=batch.atomic_numbers,
            system_idx=batch.system_idx,
            **extras,
        )


def _alike(batch: AtomsBatch) -> Iterator[Tensor]:
    """[n_systems] masks of systems with atoms that are periodic in the same directions: a state has one ``pbc``."""
    filled = batch.atoms_per_system > 0
    for pbc in torch.unique(batch.pbc[filled], dim=0):
        yield filled & (batch.pbc == pbc).all(1)


def _chosen(batch: AtomsBatch, systems: Tensor) -> AtomsBatch:
    """The systems of ``batch`` where ``systems`` [n_systems] (bool) is true, in their order."""
    atoms = systems[batch.system_idx]
    index = (torch.cumsum(systems, 0) - 1)[batch.system_idx[atoms]]
    of_systems = {name: getattr(batch, name)[systems] for name in ("cell", "pbc", "charge", "spin")}
    of_atoms = {name: getattr(batch, name)[atoms] for name in ("positions", "atomic_numbers")}
    return replace(batch, **of_atoms, **of_systems, system_idx=index)


class PotentialModel(ModelInterface):
    """Any ``Potential`` as a TorchSim model, for everything that TorchSim does with one.

    Charge and spin come from the state, where it has them; else they are 0 and 1. Without stress it is NaN for systems
    that are not periodic, as TorchSim wants a number for each.
    """

    def __init__(self, potential: Potential) -> None:
        super().__init__()
        self.potential = potential
        self._device = torch.device(potential.info.device)
        self._dtype = _DTYPES[potential.info.dtype]
        self._compute_forces, self._compute_stress = True, potential.info.has_stress
        self._memory_scales_with = "n_atoms" if potential.info.cost == "atoms" else "n_atoms_x_density"

    def forward(self, state: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Energy [n_systems] eV, forces [n_atoms, 3] eV/Å and, if it has any, stress [n_systems, 3, 3] eV/Å³.

        Raises:
            ModelError: a system has no energy; with the potential's own reason.
        """
        if not isinstance(state, SimState):
            state = SimState(masses=torch.ones_like(state["positions"][:, 0]), **state)
        cell, n = state.cell.transpose(1, 2), state.cell.shape[0]
        pbc = torch.as_tensor(state.pbc, device=state.positions.device).expand(n, 3)
        integers = {name: _integers(state, name, n, default) for name, default in (("charge", 0), ("spin", 1))}
        batch = AtomsBatch(
            positions=state.positions.detach(),
            atomic_numbers=state.atomic_numbers.long(),
            system_idx=state.system_idx.long(),
            cell=torch.where(pbc.any(1)[:, None, None], cell, torch.zeros_like(cell)).contiguous(),
            pbc=pbc.contiguous(),
            **integers,
        )
        found = self.potential.compute(batch)
        if not bool(found.energy.isfinite().all()):
            place = int((~found.energy.isfinite()).nonzero()[0])
            raise ModelError(f"system {place}: {found.failures.get(place, 'no finite energy')}")
        parts = {"energy": found.energy, "forces": found.forces}
        answer = {name: part.to(self._device, self._dtype) for name, part in parts.items()}
        if self._compute_stress:
            stress = torch.full((n, 3, 3), torch.nan) if found.stress is None else found.stress
            answer["stress"] = stress.to(self._device, self._dtype)
        return answer


def _integers(state: SimState, name: str, n: int, default: int) -> Tensor:
    value = getattr(state, name, None)
    if value is None:
        value = torch.full((n,), default, device=state.positions.device)
    return value.long()
