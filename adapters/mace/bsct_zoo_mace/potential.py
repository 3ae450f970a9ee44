"""A MACE as a potential: all frames of a batch through one graph."""

from __future__ import annotations

from importlib.metadata import version
from typing import Literal

import torch
from torch import Tensor, nn

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.errors import BadInputError
from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements
from bsct_zoo_mace.packages import modules

_DTYPES = {"float32": torch.float32, "float64": torch.float64}
_CHARGES = {"total_charge", "total_spin"}  # what a model may want to know of a system beyond its atoms


class MaceEnergy(nn.Module):
    """Total energies of a batch from a MACE, with the atoms' own energies added in float64.

    ``forward(batch)`` gives [n_systems] eV, differentiable with respect to positions and cell. The model is taken
    over: its own table of atomic energies is set to zero, since a total of -1e4 eV does not fit float32.
    """

    def __init__(self, model: nn.Module, head: str | None = None) -> None:
        super().__init__()
        if type(model) not in (modules.MACE, modules.ScaleShiftMACE):
            raise BadInputError(f"the file holds a {type(model).__name__}; only MACE and ScaleShiftMACE are read here")
        embedded = set(getattr(model, "embedding_specs", None) or ())
        foreign = sorted(embedded - _CHARGES)
        if foreign:
            raise BadInputError(f"the model wants {', '.join(foreign)} of every system, which bsct-zoo does not have")
        self.mace = model
        self.charges = bool(embedded)
        self.head = chosen_head(list(getattr(model, "heads", None) or ["Default"]), head)
        self.cutoff = float(model.r_max)
        self.n_elements = len(model.atomic_numbers)
        numbers = model.atomic_numbers.cpu()
        index = torch.full((int(numbers.max()) + 1,), -1, dtype=torch.long)
        index[numbers] = torch.arange(len(numbers))
        self.register_buffer("element_index", index, persistent=False)
        energies = model.atomic_energies_fn.atomic_energies
        own = torch.atleast_2d(energies.detach().double().cpu())[self.head].clone()
        self.register_buffer("atom_energies", own, persistent=False)
        energies.zero_()

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
                "total_charge": batch.charge.to(batch.dtype),
                "total_spin": batch.spin.to(batch.dtype),
            },
            compute_force=False,
        )
        atoms = torch.zeros(batch.n_systems, dtype=torch.float64, device=batch.device)
        atoms = atoms.index_add(0, batch.system_idx, self.atom_energies[species])
        total: Tensor = atoms + output["energy"].double()
        return total


def chosen_head(heads: list[str], wanted: str | None) -> int:
    """Which of ``heads`` is meant: the one named, or the only one, or the one called default.

    Raises:
        BadInputError: there is no such head, or one must be named. Heads differ in their level of theory.
    """
    if wanted is not None:
        if wanted not in heads:
            raise BadInputError(f"the model has no head '{wanted}'; it has {', '.join(heads)}")
        return heads.index(wanted)
    defaults = [i for i, name in enumerate(heads) if name.lower() == "default"]
    if len(heads) > 1 and not defaults:
        raise BadInputError(f"the model has several heads; say which, as in @head={heads[0]} (of {', '.join(heads)})")
    return defaults[0] if defaults else 0


class MacePotential(Potential):
    """A MACE behind the batched interface; takes ``model`` over (see ``MaceEnergy``)."""

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
        self.energy = MaceEnergy(model, head).to(device).eval()
        self.energy.mace.to(self.dtype)  # but not the atoms' own energies
        for parameter in self.energy.parameters():
            parameter.requires_grad_(False)
        self.info = PotentialInfo(
            elements=frozenset(model.atomic_numbers.tolist()),
            cutoff=self.energy.cutoff,
            dtype=dtype,
            device=device,
            conservative=True,
            level_of_theory=level_of_theory,
            licence=licence,
            has_stress=True,
            cost="edges",
            supports_charge_spin=self.energy.charges,
            versions=tuple((name, version(name)) for name in ("mace-torch", "e3nn", "torch")),
        )

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        return predict_by_gradient(self.energy, batch.to(self.info.device, self.dtype))
