"""ANI-2xt as a potential: all molecules of a batch, padded, through one pass of Auto3D's network."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Literal

import torch
from ase.data import atomic_numbers, chemical_symbols
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements

_CUTOFF = 5.2  # Å, of the radial terms
_NOBODY = -1  # the species of an atom that is not there
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class ANI2xtPotential(Potential):
    """ANI-2xt (Liu et al., J. Chem. Inf. Model. 62, 5373 (2022)) behind the batched interface, for molecules.

    ``model`` is Auto3D's, with weights of ``dtype``; energies of the elements are added in float64 there.
    """

    def __init__(self, model: Any, device: str, dtype: Literal["float32", "float64"], card: ModelCard) -> None:
        self.model, self.dtype = model, _DTYPES[dtype]
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        known = sorted(atomic_numbers[symbol] for symbol in card.elements)
        self.species_of = torch.full((len(chemical_symbols),), _NOBODY, device=device)
        self.species_of[known] = torch.tensor(model.to_species(known), device=device)
        self.info = PotentialInfo(
            elements=frozenset(known),
            cutoff=_CUTOFF,
            dtype=dtype,
            device=device,
            conservative=True,
            level_of_theory=card.level_of_theory,
            licence=card.licence,
            versions=tuple((name, version(name)) for name in ("auto3d", "torchani", "torch")),
        )

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``.

        Raises:
            ModelError: a system is periodic.
        """
        check_elements(batch, self.info.elements)
        if bool(batch.pbc.any()):
            raise ModelError("the model ignores periodic images, so it computes molecules only")
        batch = batch.to(self.info.device, self.dtype)
        if not batch.n_atoms:
            return Prediction(torch.zeros(batch.n_systems, dtype=torch.float64), batch.positions)
        owner, place = batch.system_idx, _places(batch)
        shape = (batch.n_systems, int(batch.atoms_per_system.max()))
        species = self.species_of.new_full(shape, _NOBODY)
        species[owner, place] = self.species_of[batch.atomic_numbers]
        positions = batch.positions.new_zeros((*shape, 3))
        positions[owner, place] = batch.positions
        charge = positions.new_zeros(batch.n_systems)  # an argument of all of Auto3D's models; this one ignores it
        with torch.enable_grad():
            energy, forces = self.model.forward(positions, species, charge)
        return Prediction(energy.detach().double(), forces.detach()[owner, place])


def _places(batch: AtomsBatch) -> Tensor:
    """[n_atoms] which atom of its system each is."""
    counts = batch.atoms_per_system
    starts = torch.cumsum(counts, 0) - counts
    return torch.arange(batch.n_atoms, device=batch.device) - starts[batch.system_idx]
