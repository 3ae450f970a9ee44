"""An EquiformerV2 as a potential: all systems of a batch through one graph."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements
from bsct_zoo_equiformer.edge_frames import with_deterministic_frames

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class Scale:
    """From what heads say to eV and eV/Å.

    Attributes:
        energy: eV of an energy of one.
        shift: eV added to the energy of a system.
        forces: eV/Å of a force of one.
        references: [119 or so] float64, eV of an atom by atomic number; None if there are none.
    """

    energy: float = 1.0
    shift: float = 0.0
    forces: float = 1.0
    references: Tensor | None = None


class EquiformerPotential(Potential):
    """An EquiformerV2 behind the batched interface; takes ``model`` over.

    Forces come from a head of their own and are not the gradient of the energy: the package cuts the rotations into
    the frames of the edges off the graph of derivatives, so that its energy has no gradient to take.
    """

    def __init__(
        self,
        model: nn.Module,
        scale: Scale,
        elements: frozenset[int],
        device: str,
        dtype: Literal["float32", "float64"],
        level_of_theory: str,
        licence: str,
    ) -> None:
        self.dtype = _DTYPES[dtype]
        self.model = model.to(device, self.dtype).eval()
        self.scale = scale
        backbone = with_deterministic_frames(getattr(self.model, "backbone", self.model))
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        self.info = PotentialInfo(
            elements=elements,
            cutoff=float(backbone.cutoff),
            dtype=dtype,
            device=device,
            conservative=False,
            level_of_theory=level_of_theory,
            licence=licence,
            cost="edges",
            versions=tuple((name, version(name)) for name in ("fairchem-core", "e3nn", "torch-geometric", "torch")),
            equivariant=False,
        )

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        systems = batch.to(self.info.device, self.dtype)
        energy, forces = answer(self.model, self.scale, systems)
        return Prediction(energy, forces)


def answer(model: nn.Module, scale: Scale, systems: AtomsBatch) -> tuple[Tensor, Tensor]:
    """Total energies [n_systems] in eV, float64, and forces [n_atoms, 3] in eV/Å of ``systems``, without gradients."""
    if systems.n_atoms == 0:
        return systems.cell.new_zeros(systems.n_systems, dtype=torch.float64), torch.zeros_like(systems.positions)
    with torch.no_grad():
        out = model(as_data(AtomsBatch.join([systems, _pair(systems)])))
    energy = _output(out, "energy").reshape(-1)[: systems.n_systems].double() * scale.energy + scale.shift
    forces = _output(out, "forces").reshape(-1, 3)[: systems.n_atoms] * scale.forces
    if scale.references is not None:
        references = scale.references.to(energy.device)
        energy = energy.index_add(0, systems.system_idx, references[systems.atomic_numbers])
    return energy, forces


def as_data(systems: AtomsBatch) -> Data:
    """``systems`` as a batched graph of PyTorch Geometric, under fairchem's names."""
    return Data(
        pos=systems.positions,
        atomic_numbers=systems.atomic_numbers,
        natoms=systems.atoms_per_system,
        batch=systems.system_idx,
        cell=systems.cell,
        pbc=systems.pbc,
    )


def _pair(systems: AtomsBatch) -> AtomsBatch:
    """Two atoms, 1 Å apart, of an element of ``systems``.

    The package cannot run a batch in which no atom has a neighbour. These go along with every batch, so that none is
    treated in another way.
    """
    return AtomsBatch(
        systems.positions.new_tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
        systems.atomic_numbers[:1].repeat(2),
        systems.system_idx.new_zeros(2),
        torch.zeros_like(systems.cell[:1]),
        torch.zeros_like(systems.pbc[:1]),
        torch.zeros_like(systems.charge[:1]),
        torch.ones_like(systems.spin[:1]),
    )


def _output(out: dict[str, Any], name: str) -> Tensor:
    """Output ``name`` of a model, which may stand one level down, under the name of its head."""
    value: Any = out[name]
    while isinstance(value, dict):
        value = value[name]
    tensor: Tensor = value
    return tensor
