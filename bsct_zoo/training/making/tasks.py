"""Making frames as tasks put to the reference: the minimum of each molecule, then all frames of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from bsct_zoo.atoms.structure import Structure
from bsct_zoo.evaluation.label_task import structure_item
from bsct_zoo.evaluation.store import content_key
from bsct_zoo.plugins.tasks import Answer, Context, Item, Outcome, Score, Task
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.training.making.minimum import Minimum, find_minimum
from bsct_zoo.training.making.sources import Molecule

VERSION = 1  # of how frames are made; another one makes them all again


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


class FrameTask(Task):
    """All frames of molecules and of pairs of elements, an item each, see ``frame_item`` and ``molecule_frames``."""

    name = "frames"
    kind = "frames"
    noun = "molecule and pair of elements"
    title = "labelled frames"

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = tuple(items)

    def key(self) -> Mapping[str, Any]:
        """Nothing: each item says what decides it."""
        return {}

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Each molecule by itself."""
        for item in items:
            clock = perf_counter()
            yield item, replace(item.subject(context.potential), seconds=perf_counter() - clock)

    def score(self, item: Item, answer: Answer) -> Score:
        """How many frames there are."""
        return Score({"frames": float(len(answer.arrays.get("energy", ())))})


def frame_item(name: str, words: Sequence[Any], make: Callable[[Potential], Answer]) -> Item:
    """What ``make`` makes of a molecule or pair of elements; ``words`` decide the frames beside the reference."""
    return Item(name, make, content_key([VERSION, *map(_word, words)]), ())


def _word(word: Any) -> Any:
    """A word of a key as JSON can hold it: structures by what a reference sees of them."""
    if isinstance(word, Structure):
        return structure_item("", word).fingerprint
    return json.loads(json.dumps(word, default=str))
