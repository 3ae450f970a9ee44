"""What is asked of a potential: many systems at once, where one that it cannot answer for costs itself alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.batching import Batcher


@dataclass(frozen=True)
class Answers:
    """What a potential said of systems, in their order; NaN where it has no answer.

    Attributes:
        energy: [n_systems] eV.
        forces: for each system [n_atoms, 3] eV/Å.
        stress: [n_systems, 3, 3] eV/Å³, ASE's sign; NaN where there is none.
        failures: reasons by system, where the potential gave one.
    """

    energy: NDArray[np.float64]
    forces: list[NDArray[np.float64]]
    stress: NDArray[np.float64]
    failures: dict[int, str]


def answers(batcher: Batcher, systems: Sequence[AtomsBatch]) -> Answers:
    """Energies, forces and stress of ``systems`` of one system each, in as few batches as fit.

    Where a batch fails it is halved until the systems that cannot be computed are found.
    """
    n = len(systems)
    found = Answers(
        np.full(n, np.nan), [np.full((s.n_atoms, 3), np.nan) for s in systems], np.full((n, 3, 3), np.nan), {}
    )
    queue = [list(range(n))] if n else []
    while queue:
        part = queue.pop()
        try:
            prediction = batcher.compute([systems[i] for i in part])
        except ModelError as error:
            if len(part) == 1:
                found.failures[part[0]] = str(error)
            else:
                queue += [part[: len(part) // 2], part[len(part) // 2 :]]
            continue
        found.energy[part] = prediction.energy.double().cpu().numpy()
        forces = prediction.forces.double().cpu().split([systems[i].n_atoms for i in part])
        for i, force in zip(part, forces, strict=True):
            found.forces[i][:] = force.numpy()
        if prediction.stress is not None:
            found.stress[part] = prediction.stress.double().cpu().numpy()
    return found
