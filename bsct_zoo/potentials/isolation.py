"""Many systems at once; a system that fails does not affect the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError, OutOfMemoryError
from bsct_zoo.potentials.batching import Batcher, Lost
from bsct_zoo.potentials.potential import Potential, Prediction


def energy_and_forces(potential: Potential, batch: AtomsBatch) -> tuple[Tensor, Tensor]:
    """Energy [n_systems] in eV and forces [n_atoms, 3] in eV/Å, float64 on the CPU, like the states of dynamics."""
    prediction = potential.compute(batch)
    return prediction.energy.double().cpu(), prediction.forces.double().cpu()


def because(failures: Mapping[int, str], systems: Iterable[int]) -> str:
    """The first reason among those of ``systems`` behind a colon, to end a sentence with; empty if there is none."""
    return next((f": {failures[system]}" for system in systems if system in failures), "")


@dataclass(frozen=True)
class SystemAnswers:
    """Answers of a potential for systems, in their order; NaN where it has none.

    Attributes:
        energy: [n_systems] eV.
        forces: for each system [n_atoms, 3] eV/Å.
        stress: [n_systems, 3, 3] eV/Å³, ASE's sign; NaN where there is none.
        failures: reasons by system.
    """

    energy: NDArray[np.float64]
    forces: list[NDArray[np.float64]]
    stress: NDArray[np.float64]
    failures: dict[int, str]


def isolated_answers(batcher: Batcher, systems: Sequence[AtomsBatch]) -> SystemAnswers:
    """Energies, forces and stress of ``systems`` of one system each, in as few batches as fit."""
    n = len(systems)
    answers = SystemAnswers(
        np.full(n, np.nan), [np.full((s.n_atoms, 3), np.nan) for s in systems], np.full((n, 3, 3), np.nan), {}
    )
    for part in batcher.isolated(systems, range(n)):
        if isinstance(part, Lost):
            answers.failures[part.owner] = str(part.error)
            continue
        answers.failures.update(part.failures)
        answers.energy[part.indices] = part.prediction.energy.double().cpu().numpy()
        forces = part.prediction.forces.double().cpu().split([systems[i].n_atoms for i in part.indices])
        for i, force in zip(part.indices, forces, strict=True):
            answers.forces[i][:] = force.numpy()
        if part.prediction.stress is not None:
            answers.stress[part.indices] = part.prediction.stress.double().cpu().numpy()
    return answers


class IsolatedPotential(Potential):
    """A potential whose failure for one system is NaN for that system, and which halves batches that do not fit.

    Attributes:
        failures: reasons of the failures of the last batch, by system.
    """

    def __init__(self, potential: Potential, max_batch_atoms: int | None = None) -> None:
        self.potential, self.info = potential, potential.info
        self.failures: dict[int, str] = {}
        self._batcher = Batcher(potential, max_batch_atoms)

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``; never raises ``ModelError``. Without stress where the batch is cut."""
        self.failures = {}
        if batch.n_atoms <= self._batcher.limit:
            try:
                prediction = self.potential.compute(batch)
                self.failures = dict(prediction.failures)
                return prediction
            except OutOfMemoryError:
                self._batcher.limit = batch.n_atoms / 2
            except ModelError:
                pass  # by whom is found below
        answers = isolated_answers(self._batcher, batch.split())
        self.failures = answers.failures
        forces = torch.from_numpy(np.concatenate(answers.forces))
        return Prediction(torch.from_numpy(answers.energy), forces, failures=dict(answers.failures))

    def close(self) -> None:
        """See ``Potential.close``."""
        self.potential.close()
