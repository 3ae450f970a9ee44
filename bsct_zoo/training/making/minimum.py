"""The minimum of a molecule on the reference's surface and its curvature there, as a task put to the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from numpy.typing import NDArray

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.evaluation.label_task import structure_item
from bsct_zoo.plugins.tasks import Answer, Context, Item, Outcome, Score, Task
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.isolation import because
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.properties.vibrations import Vibrations, displaced, hessian_from_forces, vibrations
from bsct_zoo.suites.building.relaxing import relax
from bsct_zoo.training.making.recipe import VERSION
from bsct_zoo.training.making.sources import Molecule

STEP = 0.01  # Å, of the differences that the curvature is made of
_BROKEN = 1.35  # times the covalent length


@dataclass(frozen=True)
class Minimum:
    """A molecule at rest.

    Attributes:
        structure: the centre of the atoms at the origin; as it was given where there is no minimum, and a crystal.
        hessian: [3 n, 3 n] eV/Å²; [0, 0] if it was not asked for.
        problem: why there is none; empty if there is.
    """

    structure: Structure
    hessian: NDArray[np.float64]
    problem: str = ""

    def at(self, positions: NDArray[np.float64]) -> Atoms:
        """The molecule at other ``positions`` [n, 3] Å."""
        return replace(self.structure, positions=positions).to_atoms()

    def modes(self, masses: NDArray[np.float64]) -> Vibrations:
        """Normal modes for ``masses`` [n] u."""
        return vibrations(self.hessian, self.structure.positions, masses)


def find_minimum(structure: Structure, potential: Potential, curvature: bool = True) -> Minimum:
    """Relax ``structure`` (all forces below 0.01 eV/Å), and find its Hessian by central differences if asked.

    A crystal stays as it is. A molecule that does not arrive, or comes apart, has a ``problem``.

    Raises:
        ModelError: the potential failed.
    """
    nothing = np.zeros((0, 0))
    if structure.periodic or len(structure.numbers) == 1:
        return Minimum(structure, nothing)
    positions, problem = relax(structure, potential)
    if problem:
        return Minimum(structure, nothing, f"it does not relax with the reference: {problem}")
    relaxed = replace(structure, positions=positions - positions.mean(0))
    if _broken(relaxed):
        return Minimum(structure, nothing, "it comes apart while it relaxes")
    if not curvature:
        return Minimum(relaxed, nothing)
    moved = [replace(relaxed, positions=x) for x in displaced(relaxed.positions, STEP)]
    systems = [AtomsBatch.from_atoms(structure.to_atoms()) for structure in moved]
    prediction = Batcher(potential).compute(systems)
    forces = prediction.forces.double().cpu().numpy().reshape(len(systems), -1, 3)
    hessian = hessian_from_forces(forces, STEP)
    if not np.isfinite(hessian).all():
        why = because(prediction.failures, range(len(systems)))
        return Minimum(relaxed, nothing, f"the reference has no answer near its minimum{why}")
    return Minimum(relaxed, hessian)


class MinimumTask(Task):
    """The minimum of each molecule on the reference's surface. An answer holds what ``Minimum`` has."""

    name = "minima"
    kind = "minima"
    noun = "molecule"
    title = "minima"

    def __init__(self, molecules: Sequence[Molecule], curvature: bool) -> None:
        """``curvature``: Hessians too."""
        self.curvature = curvature
        self.items = tuple(structure_item(molecule.name, molecule.structure) for molecule in molecules)

    def key(self) -> Mapping[str, Any]:
        """The version, and whether Hessians are made."""
        return {"version": VERSION, "curvature": self.curvature}

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Each molecule by itself."""
        for item in items:
            clock = perf_counter()
            minimum = find_minimum(item.subject, context.potential, self.curvature)
            arrays = {"positions": minimum.structure.positions, "hessian": minimum.hessian}
            yield item, Answer(arrays, {"problem": minimum.problem}, perf_counter() - clock)

    def score(self, item: Item, answer: Answer) -> Score:
        """Whether there is one."""
        return Score({"found": float(not answer.facts["problem"])})


def minimum_of(answer: Answer, structure: Structure) -> Minimum:
    """What an answer of ``MinimumTask`` holds of the molecule ``structure``."""
    relaxed = replace(structure, positions=answer.arrays["positions"])
    return Minimum(relaxed, answer.arrays["hessian"], answer.facts["problem"])


def _broken(structure: Structure) -> bool:
    """Whether some bond is longer than 1.35 times its covalent length."""
    if not structure.bonds:
        return False
    i, j = np.array(structure.bonds).T
    length = np.linalg.norm(structure.positions[i] - structure.positions[j], axis=1)
    radii = covalent_radii[structure.numbers]
    return bool((length > _BROKEN * (radii[i] + radii[j])).any())
