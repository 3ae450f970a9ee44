"""A CHGNet as a potential: all frames of a batch through one graph."""

from __future__ import annotations

from importlib.metadata import version
from typing import Literal

import torch
from ase.data import atomic_numbers
from chgnet.model import CHGNet
from chgnet.model.composition_model import AtomRef
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.errors import BadInputError
from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements
from bsct_zoo_chgnet.graph import batched_graph, sharing

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class CHGNetPotential(Potential):
    """A CHGNet (Deng et al., Nat. Mach. Intell. 5, 1031 (2023)) behind the batched interface.

    ``model`` is taken over. Vectors between atoms, and the atoms' own reference energies, are in float64 whatever the
    network computes in. ``elements`` are symbols, if it knows fewer than it has weights for.
    """

    def __init__(
        self,
        model: CHGNet,
        device: str,
        dtype: Literal["float32", "float64"],
        level_of_theory: str,
        licence: str,
        elements: tuple[str, ...] = (),
    ) -> None:
        self.dtype = _DTYPES[dtype]
        self.own_energies = own_energies(model).to(device)
        known = range(1, len(self.own_energies) + 1)
        self.info = PotentialInfo(
            elements=frozenset(atomic_numbers[symbol] for symbol in elements) or frozenset(known),
            cutoff=float(model.graph_converter.atom_graph_cutoff),
            dtype=dtype,
            device=device,
            conservative=True,
            level_of_theory=level_of_theory,
            licence=licence,
            has_stress=True,
            cost="edges",
            versions=tuple((name, version(name)) for name in ("chgnet", "torch")),
            periodic_only=True,
        )
        self.model = model.to(device, self.dtype).eval()
        self.model.is_intensive = False  # totals, not energies per atom
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        self.angles_leak = angles_leak(model)

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        batch = batch.to(self.info.device, torch.float64)
        if self.angles_leak:
            bent = self._has_angles(batch)
            if bool(bent.any()) and not bool(bent.all()):
                return self._apart(batch, bent)
        return predict_by_gradient(self._energy, batch)

    def _energy(self, batch: AtomsBatch) -> Tensor:
        """[n_systems] eV, float64."""
        total = torch.zeros(batch.n_systems, dtype=torch.float64, device=batch.device)
        if batch.n_atoms == 0:
            return total
        total = total.index_add(0, batch.system_idx, self.own_energies[batch.atomic_numbers - 1])
        bonded: Tensor = self.model._compute(batched_graph(self.model, batch, self.dtype))["e"]
        return total.index_add(0, torch.arange(len(bonded), device=batch.device), bonded.double())

    def _has_angles(self, batch: AtomsBatch) -> Tensor:
        """[n_systems] whether any atom has two bonds that are short enough to make an angle."""
        pairs = pairs_within(batch, self.model.graph_converter.bond_graph_cutoff)
        first, _ = sharing(pairs.source, batch.n_atoms)
        angles = torch.bincount(batch.system_idx[pairs.source[first]], minlength=batch.n_systems)
        return angles > 0

    def _apart(self, batch: AtomsBatch, bent: Tensor) -> Prediction:
        """Systems with and without angles in a batch of their own each, see ``angles_leak``."""
        energy = torch.zeros(batch.n_systems, dtype=torch.float64, device=batch.device)
        forces = torch.zeros_like(batch.positions)
        stress = torch.full_like(batch.cell, torch.nan)
        systems = batch.split()
        for group in (bent, ~bent):
            part = AtomsBatch.join([systems[i] for i in group.nonzero().flatten().tolist()])
            found = predict_by_gradient(self._energy, part)
            energy[group], forces[group[batch.system_idx]] = found.energy, found.forces
            if found.stress is not None:
                stress[group] = found.stress
        return Prediction(energy, forces, stress if bool(batch.pbc.any()) else None)


def own_energies(model: CHGNet) -> Tensor:
    """[94] eV, float64: the reference energy of an atom of each element, which the network adds to.

    Raises:
        BadInputError: the model has a composition model of another kind.
    """
    reference = model.composition_model
    if reference is None:
        return torch.zeros(model.atom_embedding.embedding.num_embeddings, dtype=torch.float64)
    if not isinstance(reference, AtomRef) or reference.is_intensive != model.is_intensive:
        raise BadInputError(f"the model has a {type(reference).__name__} that bsct-zoo does not read; AtomRef is read")
    return reference.fc.weight.detach()[0].double()


def angles_leak(model: CHGNet) -> bool:
    """Whether a frame without any angle gets another energy where its batch holds an angle.

    The package leaves out the update of bonds where a whole batch has no angle. That changes nothing unless the update
    has a bias or a normalisation of its own, as in version 0.2.0.
    """
    layers = [layer for layer in model.bond_conv_layers if layer is not None]
    return any(
        layer.bond_norm is not None or (layer.use_mlp_out and layer.mlp_out.layers[-1].bias is not None)
        for layer in layers
    )
