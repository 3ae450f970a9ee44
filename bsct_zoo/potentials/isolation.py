"""What integrators ask of a potential, and how one system's failure stays its own."""

from __future__ import annotations

import torch
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError, OutOfMemoryError
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.potential import Potential, Prediction


def answer(potential: Potential, batch: AtomsBatch) -> tuple[Tensor, Tensor]:
    """Energy [n_systems] in eV and forces [n_atoms, 3] in eV/Å, float64 on the CPU, where the state lives."""
    prediction = potential.compute(batch)
    return prediction.energy.double().cpu(), prediction.forces.double().cpu()


def chosen(batch: AtomsBatch, systems: Tensor) -> AtomsBatch:
    """The ``systems`` [n_systems] (bool) of ``batch``, as a batch."""
    atoms = systems[batch.system_idx]
    place = torch.cumsum(systems.long(), 0) - 1
    return AtomsBatch(
        positions=batch.positions[atoms],
        atomic_numbers=batch.atomic_numbers[atoms],
        system_idx=place[batch.system_idx[atoms]],
        cell=batch.cell[systems],
        pbc=batch.pbc[systems],
        charge=batch.charge[systems],
        spin=batch.spin[systems],
    )


class IsolatedPotential(Potential):
    """A potential whose failure for one system is that system's NaN, and which halves what does not fit its memory.

    Where a batch fails it is halved until the systems that cannot be computed are found.

    Attributes:
        failures: reasons of the failures of the last batch, by system.
    """

    def __init__(self, potential: Potential, max_batch_atoms: int | None = None) -> None:
        self.potential, self.info = potential, potential.info
        self.failures: dict[int, str] = {}
        self._batcher = Batcher(potential, max_batch_atoms)

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``; never raises ``ModelError``."""
        self.failures = {}
        try:
            return self._at_once(batch)
        except ModelError:
            return self._in_parts(batch)

    def _at_once(self, batch: AtomsBatch) -> Prediction:
        if batch.n_atoms <= self._batcher.limit:
            try:
                return self.potential.compute(batch)
            except OutOfMemoryError:
                self._batcher.limit = batch.n_atoms / 2
        return self._batcher.compute(batch.split())

    def _in_parts(self, batch: AtomsBatch) -> Prediction:
        energy = torch.full((batch.n_systems,), torch.nan, dtype=torch.float64)
        forces = torch.full((batch.n_atoms, 3), torch.nan, dtype=torch.float64)
        queue = [list(range(batch.n_systems))]
        while queue:
            part = queue.pop()
            systems = torch.zeros(batch.n_systems, dtype=torch.bool)
            systems[part] = True
            try:
                prediction = self._at_once(chosen(batch, systems))
            except ModelError as error:
                if len(part) == 1:
                    self.failures[part[0]] = str(error)
                else:
                    queue += [part[: len(part) // 2], part[len(part) // 2 :]]
                continue
            energy[systems] = prediction.energy.double().cpu()
            forces[systems[batch.system_idx]] = prediction.forces.double().cpu()
        return Prediction(energy, forces)

    def close(self) -> None:
        """See ``Potential.close``."""
        self.potential.close()
