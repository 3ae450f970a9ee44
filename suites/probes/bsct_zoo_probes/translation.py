"""A molecule moved as a whole: through empty space, and along a cell vector across the boundary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from ase import Atoms

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.molecules import g2_molecule
from bsct_zoo.plugins.tasks import Answer, Context, Failure, Item, Outcome, Score, Task
from bsct_zoo.potentials.isolation import isolated_answers
from bsct_zoo_probes import TRANSLATION

MOLECULES = ("H2O", "CH3CH2OH", "C6H6", "CH3CONH2", "CH3SH", "CH3CH2Cl")
DIRECTION = np.array([1.0, 0.618, 0.414])  # along no axis of a grid
MOVED = 1.0  # Å in empty space: parts of any grid


class Translation(Task):
    """What an energy and its forces depend on where they must not; an answer holds energy [n] and forces [n, ...]."""

    name = kind = "translation"
    noun = "system"
    columns = TRANSLATION
    headline = ("energy", "force")
    dtype = "float64"

    def __init__(self, step: float = 0.1, width: float = 12.0) -> None:
        """Places ``step`` Å apart; cells of ``width`` Å."""
        self.step, self.width = step, width
        self.title = f"molecules moved by {MOVED:g} Å, and through a cell of {width:g} Å, {step:g} Å a step"
        self.items = tuple(self._item(name, periodic) for name in MOLECULES for periodic in (False, True))

    @property
    def settings(self) -> Mapping[str, Any]:
        """Step and width."""
        return {"step": self.step, "width": self.width}

    def key(self) -> Mapping[str, Any]:
        """Nothing beside what items hold."""
        return {"translation": 1}

    def _item(self, name: str, periodic: bool) -> Item:
        atoms = g2_molecule(name)
        atoms.rotate(35, "y")  # so that its atoms do not all cross a boundary at once
        if periodic:
            atoms.set_cell([self.width] * 3)
            atoms.pbc = True
            atoms.center()
        return Item(
            id=f"{name} {'in a cell' if periodic else 'in empty space'}",
            subject=atoms,
            fingerprint=repr((name, periodic, self.step, self.width)),
            atomic_numbers=tuple(atoms.numbers.tolist()),
            pbc=(periodic,) * 3,
        )

    def places(self, atoms: Atoms) -> list[Atoms]:
        """The molecule in every place; in a cell all the way to where it is the same again, its atoms wrapped."""
        periodic = bool(atoms.pbc.all())
        way = self.width if periodic else MOVED * float(np.linalg.norm(DIRECTION))
        axis = np.array([1.0, 0, 0]) if periodic else DIRECTION / np.linalg.norm(DIRECTION)
        moved = []
        for distance in np.linspace(0, way, round(way / self.step) + 1):
            copy = atoms.copy()
            copy.positions += distance * axis
            if periodic:
                copy.wrap()
            moved.append(copy)
        return moved

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """One item at a time."""
        for done, item in enumerate(items, start=1):
            started, places = perf_counter(), self.places(item.subject)
            answers = isolated_answers(context.batcher, [AtomsBatch.from_atoms(place) for place in places])
            context.progress(done, len(items), "systems")
            if answers.failures:
                yield item, Failure(next(iter(answers.failures.values())))
            else:
                arrays = {"energy": answers.energy, "forces": np.stack(answers.forces)}
                yield item, Answer(arrays, seconds=perf_counter() - started)

    def score(self, item: Item, answer: Answer) -> Score:
        """The range of the energy, and the largest difference of the force on an atom from that of the first place."""
        energy, forces = answer.arrays["energy"], answer.arrays["forces"]
        return Score(
            {
                "energy": float(np.ptp(energy)),
                "force": float(np.linalg.norm(forces - forces[0], axis=2).max()),
            }
        )
