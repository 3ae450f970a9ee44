"""Fill batches by cost, halve them on out-of-memory, return results in the requested order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError, OutOfMemoryError
from bsct_zoo.late import Late
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction

if TYPE_CHECKING:
    import torch
else:
    torch = Late("torch")

# Default number of atoms in a batch, from benchmarks/batch_size.py: on an H200 MACE gains a seventh
# beyond, and smaller GPUs halve it when memory runs out.
DEFAULT_ATOMS = {"cpu": 512, "cuda": 16384}


def default_atoms(device: str) -> int:
    """How many atoms fill a batch on ``device``."""
    return DEFAULT_ATOMS.get(device.split(":")[0], DEFAULT_ATOMS["cpu"])


def cost(system: AtomsBatch, info: PotentialInfo) -> float:
    """What one system adds to a batch, in atoms.

    A model that is filled by edges counts an atom for every 32 directed pairs within its cut-off, which is what an
    atom of a dense molecule has within 5 Å or so.
    """
    if info.cost == "atoms" or info.cutoff is None:
        return float(system.n_atoms)
    return max(float(system.n_atoms), _directed_pairs(system, info.cutoff) / 32)


def _directed_pairs(system: AtomsBatch, cutoff: float) -> float:
    """Pairs within ``cutoff``: counted for molecules, from the mean density for periodic systems."""
    if bool(system.pbc.any()):
        volume = float(torch.linalg.det(system.cell[0].double()).abs())
        return system.n_atoms**2 * 4 / 3 * math.pi * cutoff**3 / max(volume, 1.0)
    if system.n_atoms > 2000:
        return system.n_atoms * 4 / 3 * math.pi * cutoff**3 * 0.1  # 0.1 atoms per Å³: condensed organic matter
    close = torch.cdist(system.positions.double(), system.positions.double()) < cutoff
    return float(close.sum()) - system.n_atoms


def fill(costs: Sequence[float], limit: float) -> list[list[int]]:
    """Indices of systems, cut into batches whose cost stays within ``limit`` (one system may exceed it alone).

    Systems of similar size go together, which wastes least if a model pads.
    """
    batches: list[list[int]] = []
    filled = math.inf
    for index in sorted(range(len(costs)), key=lambda i: costs[i]):
        if filled + costs[index] > limit:
            batches.append([])
            filled = 0.0
        batches[-1].append(index)
        filled += costs[index]
    return batches


@dataclass(frozen=True)
class Part:
    """Some of the requested systems.

    Attributes:
        indices: into the systems.
        prediction: for those, in that order.
        seconds: time of this part.
    """

    indices: list[int]
    prediction: Prediction
    seconds: float

    @property
    def failures(self) -> dict[int, str]:
        """Why systems have no answer, by their number among all requested ones."""
        return {self.indices[place]: why for place, why in self.prediction.failures.items()}


@dataclass(frozen=True)
class Lost:
    """An owner of systems that have no prediction, and why."""

    owner: int
    error: ModelError


class Batcher:
    """Runs a potential over many systems and remembers the batch size that worked.

    Attributes:
        limit: cost that fills a batch, in atoms; halved whenever memory runs out.
    """

    def __init__(self, potential: Potential, limit: float | None = None) -> None:
        self.potential = potential
        self.limit = float(limit or default_atoms(potential.info.device))

    def stream(self, systems: Sequence[AtomsBatch]) -> Iterator[Part]:
        """Predictions as they come.

        Raises:
            OutOfMemoryError: not even one system fits.
            ModelError: the potential failed.
        """
        for part in self._parts(systems, None):
            assert isinstance(part, Part)
            yield part

    def isolated(
        self, systems: Sequence[AtomsBatch], owners: Sequence[int], apart: bool = False
    ) -> Iterator[Part | Lost]:
        """Predictions as they come, and failures: a system that fails fails its owner only.

        A batch that fails is halved until the system that cannot be computed is found; the other systems of its owner
        are not computed then.

        Args:
            systems: of one system each.
            owners: [n_systems] owner of each system, such as the scan of a frame.
            apart: on a CPU no batch holds systems of two owners. Sums of another order differ in their last digits,
                and an answer must not depend on what else is asked, or was kept before a kill. It costs 3 % of the
                time of the Transformer.
        """
        return self._parts(systems, owners, apart)

    def _parts(
        self, systems: Sequence[AtomsBatch], owners: Sequence[int] | None, apart: bool = False
    ) -> Iterator[Part | Lost]:
        costs = [cost(system, self.potential.info) for system in systems]
        queue = self._batches(costs, owners if apart else None)[::-1]
        lost: set[int] = set()
        while queue:
            indices = [i for i in queue.pop() if owners is None or owners[i] not in lost]
            if not indices:
                continue
            if len(indices) > 1 and sum(costs[i] for i in indices) > self.limit:
                queue += [[indices[i] for i in part] for part in fill([costs[i] for i in indices], self.limit)][::-1]
                continue
            clock = perf_counter()
            try:
                prediction = self.potential.compute(AtomsBatch.join([systems[i] for i in indices]))
            except ModelError as error:
                if len(indices) > 1 and isinstance(error, OutOfMemoryError):
                    self.limit = sum(costs[i] for i in indices) / 2
                    queue.append(indices)
                elif owners is None:
                    raise
                elif len(indices) > 1:
                    half = len(indices) // 2
                    queue += [indices[half:], indices[:half]]
                else:
                    lost.add(owners[indices[0]])
                    yield Lost(owners[indices[0]], error)
                continue
            yield Part(indices, prediction, perf_counter() - clock)

    def _batches(self, costs: Sequence[float], owners: Sequence[int] | None) -> list[list[int]]:
        """Indices of systems by batch; on a CPU none holds systems of two ``owners``, if there are any."""
        if owners is None or not self.potential.info.device.startswith("cpu"):
            return fill(costs, self.limit)
        own: dict[int, list[int]] = {}
        for index, owner in enumerate(owners):
            own.setdefault(owner, []).append(index)
        parts = [(indices, fill([costs[i] for i in indices], self.limit)) for indices in own.values()]
        return [[indices[place] for place in batch] for indices, batches in parts for batch in batches]

    def compute(self, systems: Sequence[AtomsBatch]) -> Prediction:
        """One prediction for all systems, in the order given."""
        if not systems:
            empty = torch.zeros(0, dtype=torch.float64)
            return Prediction(empty, torch.zeros((0, 3), dtype=torch.float64), None)
        energies: list[torch.Tensor | None] = [None] * len(systems)
        forces, stresses = list(energies), list(energies)
        failures: dict[int, str] = {}
        for part in self.stream(systems):
            indices, prediction = part.indices, part.prediction
            failures |= part.failures
            sizes = [systems[i].n_atoms for i in indices]
            for k, (i, force) in enumerate(zip(indices, prediction.forces.split(sizes), strict=True)):
                energies[i], forces[i] = prediction.energy[k], force
                stresses[i] = None if prediction.stress is None else prediction.stress[k]
        stress = None if any(s is None for s in stresses) else torch.stack([s for s in stresses if s is not None])
        return Prediction(
            torch.stack([e for e in energies if e is not None]),
            torch.cat([f for f in forces if f is not None]),
            stress,
            failures,
        )
