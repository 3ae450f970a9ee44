"""SO3LR as a potential: all frames of a batch through one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Literal

import torch
from ase import Atoms
from ase.data import atomic_numbers
from so3krates_torch.data.atomic_data import AtomicData
from so3krates_torch.data.utils import KeySpecification, config_from_atoms
from so3krates_torch.tools import torch_geometric
from so3krates_torch.tools.utils import AtomicNumberTable

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements
from bsct_zoo.potentials.precision import default_dtype

_DTYPES = {"float32": torch.float32, "float64": torch.float64}
DAMPING = 2.0  # Å over which dispersion fades at its cut-off, as the authors have it
MOLECULES, CRYSTALS = 1000.0, 12.0  # Å, long-range cut-offs: the authors' for the gas phase, and the package's own
_ELEMENTS = AtomicNumberTable(list(range(1, 119)))


class SO3LRPotential(Potential):
    """SO3LR (Kabylda, Frank et al., J. Am. Chem. Soc. 147, 33723 (2025)) behind the batched interface.

    ``model`` is taken over. With ``r_max_lr`` 0 the long range ends at 1000 Å for molecules, and at 12 Å for what has
    periodic images, of which there would be millions within the other.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        device: str,
        dtype: Literal["float32", "float64"],
        card: ModelCard,
        r_max_lr: float = 0.0,
    ) -> None:
        self.dtype, self.r_max_lr = _DTYPES[dtype], r_max_lr
        # Hundreds of eV an atom, which are added in float64.
        self.shifts = model.atomic_energy_output_block.energy_shifts.detach().double().cpu()
        model.atomic_energy_output_block.energy_shifts.data.zero_()
        self.model = model.to(device, self.dtype).eval()
        self.model.dispersion_energy_cutoff_lr_damping = DAMPING
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        self.info = PotentialInfo(
            elements=frozenset(atomic_numbers[symbol] for symbol in card.elements),
            cutoff=None,
            dtype=dtype,
            device=device,
            conservative=True,
            level_of_theory=card.level_of_theory,
            licence=card.licence,
            has_stress=True,
            versions=tuple((name, version(name)) for name in ("so3krates-torch", "torch", "matscipy")),
            supports_charge_spin=True,
        )

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        energy = torch.zeros(batch.n_systems, dtype=torch.float64)
        forces = torch.zeros((batch.n_atoms, 3), dtype=self.dtype)
        stress = torch.full((batch.n_systems, 3, 3), torch.nan, dtype=torch.float64)
        frames, owner = batch.to_atoms(), batch.system_idx.cpu()
        periodic = batch.pbc.any(1).tolist()
        for images in (False, True):
            chosen = [i for i, atoms in enumerate(frames) if len(atoms) and periodic[i] == images]
            if not chosen:
                continue
            answer = self._answer([frames[i] for i in chosen], images)
            atoms_of = torch.isin(owner, torch.tensor(chosen))
            atomic = answer["node_energy"].detach().cpu().double().flatten()
            atomic += self.shifts[batch.atomic_numbers.cpu()[atoms_of] - 1]
            energy.index_add_(0, owner[atoms_of], atomic)
            forces[atoms_of] = answer["forces"].detach().cpu()
            if images:
                stress[chosen] = answer["stress"].detach().cpu().double().view(-1, 3, 3)
        return Prediction(energy, forces, stress if any(periodic) else None)

    def _answer(self, frames: Sequence[Atoms], images: bool) -> dict[str, Any]:
        """Energies of atoms without shifts [n_atoms] and forces [n_atoms, 3]; with ``images``, stress [n, 3, 3]."""
        reach = self.r_max_lr or (CRYSTALS if images else MOLECULES)
        self.model.r_max_lr = reach
        with default_dtype(self.dtype), torch.enable_grad():
            data = [self._data(atoms, reach) for atoms in frames]
            # What its DataLoader does, without drawing a random number.
            together = torch_geometric.dataloader.Collater([], [])(data).to(self.info.device)
            answer: dict[str, Any] = self.model(together.to_dict(), compute_stress=images)
        return answer

    def _data(self, atoms: Atoms, reach: float) -> Any:
        """One frame as the package has it: its spin is S, half the number of unpaired electrons."""
        atoms.info["total_spin"] = (atoms.info["spin"] - 1) / 2
        keys = KeySpecification(info_keys={"total_charge": "charge", "total_spin": "total_spin"}, arrays_keys={})
        config = config_from_atoms(atoms, key_specification=keys)
        return AtomicData.from_config(config, z_table=_ELEMENTS, cutoff=float(self.model.r_max), cutoff_lr=reach)
