"""Whether forces have an energy at all: the Jacobian ∂F_i/∂x_j of a gradient is symmetric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from ase import Atoms

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.molecules import MOLECULES, g2_molecule
from bsct_zoo.plugins.tasks import Answer, Context, Failure, Item, Outcome, Score, Task
from bsct_zoo.potentials.isolation import isolated_answers
from bsct_zoo_probes import JACOBIAN

RATTLE = 0.1  # Å, as far from the minimum as at some hundred kelvin
SEED = 7


class Jacobian(Task):
    """The relative antisymmetric part of the force Jacobian; an answer holds the Jacobian [3 n, 3 n] in eV/Å²."""

    name = kind = "jacobian"
    noun = "molecule"
    columns = JACOBIAN
    headline = ("asymmetry", "asymmetry_worst")
    dtype = "float64"

    def __init__(self, displacement: float = 0.001) -> None:
        """Central differences of ``displacement`` Å."""
        self.displacement = displacement
        self.title = f"molecules rattled by {RATTLE:g} Å, differences of ±{displacement:g} Å"
        self.items = tuple(self._item(name) for name in MOLECULES)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The displacement."""
        return {"displacement": self.displacement}

    def key(self) -> Mapping[str, Any]:
        """Nothing beside what items hold."""
        return {"jacobian": 1}

    def _item(self, name: str) -> Item:
        atoms = g2_molecule(name)
        atoms.rattle(RATTLE, seed=SEED)
        return Item(name, atoms, repr((name, RATTLE, SEED, self.displacement)), tuple(atoms.numbers.tolist()))

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """One molecule at a time, 6 n frames each."""
        for done, item in enumerate(items, start=1):
            started = perf_counter()
            frames = [AtomsBatch.from_atoms(atoms) for atoms in self.displaced(item.subject)]
            answers = isolated_answers(context.batcher, frames)
            context.progress(done, len(items), "molecules")
            if answers.failures:
                yield item, Failure(next(iter(answers.failures.values())))
                continue
            forces = np.stack(answers.forces).reshape(-1, 2, 3 * len(item.subject))
            jacobian = (forces[:, 0] - forces[:, 1]) / (2 * self.displacement)
            yield item, Answer({"jacobian": jacobian}, seconds=perf_counter() - started)

    def displaced(self, atoms: Atoms) -> Iterator[Atoms]:
        """Every coordinate up, then down."""
        for atom in range(len(atoms)):
            for axis in range(3):
                for sign in (1, -1):
                    copy = atoms.copy()
                    copy.positions[atom, axis] += sign * self.displacement
                    yield copy

    def score(self, item: Item, answer: Answer) -> Score:
        """‖J - Jᵀ‖ / ‖J + Jᵀ‖ in the Frobenius norm: 0 for a gradient, 1 for a force that only turns."""
        jacobian = answer.arrays["jacobian"]
        symmetric = float(np.linalg.norm(jacobian + jacobian.T))
        if symmetric == 0:
            return Score({"asymmetry": None}, missing={"asymmetry": "all forces are constant"})
        return Score({"asymmetry": float(np.linalg.norm(jacobian - jacobian.T)) / symmetric})
