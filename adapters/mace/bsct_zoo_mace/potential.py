"""A MACE as a potential: all frames of a batch through one graph."""

from __future__ import annotations

from importlib.metadata import version
from typing import Literal

import torch
from torch import Tensor, nn

from bsct_zoo.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.gradients import predict_by_gradient
from bsct_zoo.neighbours import pairs_within
from bsct_zoo.potential import Potential, PotentialInfo, Prediction, check_elements

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class MaceEnergy(nn.Module):
    """Total energies of a batch from a MACE, with the atoms' own energies added in float64.

    ``forward(batch)`` gives [n_systems] eV, differentiable with respect to positions and cell.
    """

    def __init__(self, model: nn.Module, head: str | None = None) -> None:
        super().__init__()
        self.mace = model
        numbers = model.atomic_numbers.cpu()
        index = torch.full((int(numbers.max()) + 1,), -1, dtype=torch.long)
        index[numbers] = torch.arange(len(numbers))
        self.register_buffer("element_index", index, persistent=False)
        heads = list(getattr(model, "heads", None) or ["default"])
        if head is not None and head not in heads:
            raise BadInputError(f"the model has no head '{head}'; it has {', '.join(heads)}")
        self.head = heads.index(head) if head is not None else len(heads) - 1
        energies = model.atomic_energies_fn.atomic_energies.detach().double().cpu()
        self.register_buffer("atom_energies", torch.atleast_2d(energies)[self.head], persistent=False)
        self.cutoff = float(model.r_max)
        self.n_elements = len(numbers)

    def forward(self, batch: AtomsBatch) -> Tensor:
        """[n_systems] eV, float64."""
        pairs = pairs_within(batch, self.cutoff)
        species = self.element_index[batch.atomic_numbers]
        unit_shifts = (
            torch.zeros_like(pairs.vectors) if pairs.shift is None else pairs.shift.to(batch.dtype)
        )  # [n_pairs, 3]
        cell_of_pair = batch.cell[batch.system_idx[pairs.source]]
        ends = torch.cumsum(batch.atoms_per_system, 0)
        output = self.mace(
            {
                "positions": batch.positions,
                "node_attrs": nn.functional.one_hot(species, self.n_elements).to(batch.dtype),
                "edge_index": torch.stack([pairs.source, pairs.target]),
                "unit_shifts": unit_shifts,
                "shifts": torch.einsum("ei,eij->ej", unit_shifts, cell_of_pair),
                "cell": batch.cell.reshape(-1, 3),
                "batch": batch.system_idx,
                "ptr": torch.cat([ends.new_zeros(1), ends]),
                "head": torch.full((batch.n_systems,), self.head, device=batch.device),
            },
            compute_force=False,
        )
        if "interaction_energy" not in output:  # a plain MACE keeps them together
            energy: Tensor = output["energy"].double()
            return energy
        atoms = torch.zeros(batch.n_systems, dtype=torch.float64, device=batch.device)
        atoms = atoms.index_add(0, batch.system_idx, self.atom_energies[species])
        total: Tensor = atoms + output["interaction_energy"].double()
        return total


class MacePotential(Potential):
    """A MACE behind the batched interface."""

    def __init__(
        self,
        model: nn.Module,
        device: str,
        dtype: Literal["float32", "float64"],
        level_of_theory: str,
        licence: str,
        head: str | None = None,
    ) -> None:
        self.dtype = _DTYPES[dtype]
        self.energy = MaceEnergy(model.to(self.dtype), head).to(device).eval()
        for parameter in self.energy.parameters():
            parameter.requires_grad_(False)
        self.info = PotentialInfo(
            elements=frozenset(model.atomic_numbers.tolist()),
            cutoff=self.energy.cutoff,
            dtype=dtype,
            device=device,
            forces="gradient",
            level_of_theory=level_of_theory,
            licence=licence,
            has_stress=True,
            cost="edges",
            versions=tuple((name, version(name)) for name in ("mace-torch", "e3nn", "torch")),
        )

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        return predict_by_gradient(self.energy, batch.to(self.info.device, self.dtype))
