"""Making frames as tasks put to the reference: the minimum of each molecule, then all frames of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from bsct_zoo.evaluation.label_task import structure_item
from bsct_zoo.evaluation.store import content_key
from bsct_zoo.plugins.tasks import Answer, Context, Item, Outcome, Score, Task
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.training.data import flat_arrays
from bsct_zoo.training.making.frames import Frame, Made
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
            arrays = {"positions": minimum.positions, "hessian": minimum.hessian}
            yield item, Answer(arrays, {"problem": minimum.problem}, perf_counter() - clock)

    def score(self, item: Item, answer: Answer) -> Score:
        """Whether there is one."""
        return Score({"found": float(not answer.facts["problem"])})


def minimum_of(answer: Answer) -> Minimum:
    """What an answer of ``MinimumTask`` holds."""
    return Minimum(answer.arrays["positions"], answer.arrays["hessian"], answer.facts["problem"])


@dataclass(frozen=True)
class Job:
    """Frames to be made of one molecule or pair of elements.

    Attributes:
        name: of it.
        words: everything that decides the frames beside the reference.
        make: how.
    """

    name: str
    words: tuple[Any, ...]
    make: Callable[[Potential], Made]


class FrameTask(Task):
    """All frames of molecules and of pairs of elements. An answer holds what ``Made`` has, as flat arrays."""

    name = "frames"
    kind = "frames"
    noun = "molecule and pair of elements"
    title = "labelled frames"

    def __init__(self, jobs: Sequence[Job]) -> None:
        """One item for each job."""
        self.items = tuple(Item(job.name, job, content_key([VERSION, *map(_word, job.words)]), ()) for job in jobs)

    def key(self) -> Mapping[str, Any]:
        """Nothing: each item says what decides it."""
        return {}

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Each molecule by itself."""
        for item in items:
            clock = perf_counter()
            made = item.subject.make(context.potential)
            arrays = flat(made.frames) if made.frames else {}
            yield item, Answer(arrays, {"dropped": dict(made.dropped)}, perf_counter() - clock)

    def score(self, item: Item, answer: Answer) -> Score:
        """How many frames there are."""
        return Score({"frames": float(len(answer.arrays.get("energy", ())))})


def made_of(answer: Answer) -> Made:
    """What an answer of ``FrameTask`` holds."""
    arrays, dropped = answer.arrays, Counter[str](answer.facts["dropped"])
    if "energy" not in arrays:
        return Made([], dropped)
    cuts = np.cumsum(arrays["n_atoms"])[:-1]
    numbers, positions, forces = (np.split(arrays[k], cuts) for k in ("atomic_numbers", "positions", "forces"))
    frames = []
    for k, (z, x, f) in enumerate(zip(numbers, positions, forces, strict=True)):
        atoms = Atoms(z, x, cell=arrays["cell"][k], pbc=arrays["pbc"][k])
        atoms.info.update(charge=int(arrays["charge"][k]), spin=int(arrays["spin"][k]))
        frames.append(Frame(int(arrays["kind"][k]), atoms, float(arrays["energy"][k]), f))
    return Made(frames, dropped)


def flat(frames: Sequence[Frame]) -> dict[str, NDArray[Any]]:
    """Frames as flat arrays, frame after frame, as ``training.data.FrameSet`` has them."""
    arrays = flat_arrays([f.atoms for f in frames], [f.energy for f in frames], [f.forces for f in frames])
    return arrays | {"kind": np.array([frame.kind for frame in frames], dtype=np.int8)}


def _word(word: Any) -> Any:
    """A word of a key as JSON can hold it: structures by what a reference sees of them."""
    from bsct_zoo.atoms.structure import Structure

    if isinstance(word, Structure):
        return structure_item("", word).fingerprint
    return json.loads(json.dumps(word, default=str))
