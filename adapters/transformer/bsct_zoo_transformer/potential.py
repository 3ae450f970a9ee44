"""The Transformer behind the batched interface."""

from __future__ import annotations

from importlib.metadata import version
from typing import Literal

import torch

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements
from bsct_zoo_transformer.model import EdgeTransformer
from bsct_zoo_transformer.parts import by_parts

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class TransformerPotential(Potential):
    """An ``EdgeTransformer`` as a potential."""

    def __init__(
        self,
        model: EdgeTransformer,
        device: str,
        dtype: Literal["float32", "float64"],
        level_of_theory: str,
        licence: str,
    ) -> None:
        self.dtype = _DTYPES[dtype]
        self.model = model.to(device=device, dtype=self.dtype).eval().requires_grad_(False)
        # Made anew, since what went through float32 has lost digits.
        self.model.reference = torch.tensor(model.config.reference_energies, dtype=torch.float64, device=device)
        self._by_parts = by_parts(self.model)
        self.info = PotentialInfo(
            elements=frozenset(model.config.elements),
            cutoff=model.config.r_cut,
            dtype=dtype,
            device=device,
            conservative=model.config.forces == "gradient",
            level_of_theory=level_of_theory,
            licence=licence,
            has_stress=model.config.forces == "gradient",
            cost="edges",
            supports_charge_spin=model.config.charges,
            equivariant=not model.config.directions,
            versions=(("torch", version("torch")),),
        )

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        batch = batch.to(self.info.device, self.dtype)
        if self.model.force_head is None:
            return predict_by_gradient(self._by_parts, batch)
        with torch.no_grad():
            energy, forces = self._by_parts.energy_and_direct_forces(batch)
        assert forces is not None
        return Prediction(energy, forces)
