"""A NEP as a potential: all frames of a batch in one call of nep-adapters."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from ase.data import atomic_numbers, chemical_symbols
from nep_adapters import NEPCalculator
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements

_CUTOFF = 6.0  # Å, the longer of the two of NEP89


class NEPPotential(Potential):
    """NEP89 (Liang et al., arXiv:2504.21286) behind the batched interface, for periodic systems."""

    def __init__(self, file: Path, device: str, card: ModelCard) -> None:
        on_gpu = device.startswith("cuda")
        self.calculator = NEPCalculator(file, backend="cuda" if on_gpu else "cpu")
        known = frozenset(atomic_numbers[symbol] for symbol in self.calculator.element_list)
        self.type_of = torch.full((len(chemical_symbols),), -1, dtype=torch.int32)
        for symbol, kind in self.calculator.type_dict.items():
            self.type_of[atomic_numbers[symbol]] = kind
        self.info = PotentialInfo(
            elements=known,
            cutoff=_CUTOFF,
            dtype="float64",
            device=device if on_gpu else "cpu",
            conservative=True,
            level_of_theory=card.level_of_theory,
            licence=card.licence,
            has_stress=True,
            versions=tuple((name, version(name)) for name in ("nep-adapters", "neptrainkit", "numpy")),
            periodic_only=True,
        )

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        batch = batch.to("cpu", torch.float64)
        counts = batch.atoms_per_system
        filled = counts > 0
        energy = torch.zeros(batch.n_systems, dtype=torch.float64)
        stress = torch.zeros((batch.n_systems, 3, 3), dtype=torch.float64)
        if not bool(filled.any()):
            return Prediction(energy, torch.zeros((0, 3), dtype=torch.float64), stress)
        cells = batch.cell[filled]
        answer = self.calculator.predict_arrays(
            self.type_of[batch.atomic_numbers].numpy(),
            batch.positions.detach().numpy(),
            cells.transpose(1, 2).reshape(-1, 9).numpy(),  # lattice vectors are columns there
            counts[filled].to(torch.int32).numpy(),
            batch.pbc[filled].to(torch.int32).numpy(),
        )
        energy[filled] = _tensor(answer.energy)
        # A virial per atom, averaged; positive where a system pushes outwards, while ASE's stress is negative there.
        virial = _tensor(answer.structure_virials).view(-1, 3, 3) * counts[filled][:, None, None]
        volume = torch.linalg.det(cells).abs()[:, None, None]
        stress[filled] = -0.5 * (virial + virial.transpose(1, 2)) / volume
        return Prediction(energy, _tensor(answer.forces), stress)


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float64))
