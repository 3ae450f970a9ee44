"""Two bare atoms of all elements, from far to close: walls that end, wells that nobody knows of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from time import perf_counter
from typing import Any

import numpy as np
from ase.data import atomic_numbers, chemical_symbols, covalent_radii

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.charge_spin import lowest_spin
from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.tasks import Answer, Context, Failure, Item, Outcome, Quantity, Score, Task
from bsct_zoo.potentials.isolation import isolated_answers
from bsct_zoo.potentials.potential import PotentialInfo
from bsct_zoo_probes import PAIRS

RANGE = (0.25, 2.5)  # times the sum of the covalent radii
FRAMES = 120
DEEP = 0.05  # eV: shallower turns of a curve are not counted
_HEAVIEST = 86  # covalent radii and models end near there


class Pairs(Task):
    """Curves of pairs of atoms; an answer holds the energy [n_frames] in eV along ``distances``."""

    name = kind = "pairs"
    noun = "pair"
    columns = PAIRS
    headline = ("holes", "hole_at", "minima")

    def __init__(self, elements: str = "H+C+N+O+F+P+S+Cl+Br+I") -> None:
        """Pairs of ``elements``, symbols with + between them, or "all".

        Raises:
            BadInputError: one of them is no element.
        """
        chosen = chemical_symbols[1 : _HEAVIEST + 1] if elements == "all" else elements.split("+")
        foreign = [symbol for symbol in chosen if symbol not in atomic_numbers or symbol == "X"]
        if foreign:
            raise BadInputError(f"elements={elements}: '{foreign[0]}' is no element; write symbols as in H+C+N, or all")
        self._elements = list(dict.fromkeys(chosen))
        self.title = f"pairs of {len(self._elements)} elements at {RANGE[0]:g} to {RANGE[1]:g} times their bond lengths"
        pairs = combinations_with_replacement([atomic_numbers[symbol] for symbol in self._elements], 2)
        self.items = tuple(self._item(*sorted(pair)) for pair in pairs)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The elements."""
        return {"elements": "+".join(self._elements)}

    def key(self) -> Mapping[str, Any]:
        """The range; elements belong to items."""
        return {"pairs": 1, "range": RANGE, "frames": FRAMES}

    def _item(self, first: int, second: int) -> Item:
        name = f"{chemical_symbols[first]}-{chemical_symbols[second]}"
        spin = lowest_spin(np.array([first, second]), 0)
        return Item(name, (first, second), name, (first, second), group=name, multiplicity=spin)

    def skips(self, item: Item, info: PotentialInfo) -> bool:
        """Pairs of elements that the model does not claim."""
        return info.elements is not None and not set(item.atomic_numbers) <= set(info.elements)

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Thirty pairs at a time; on a CPU one, so that no answer depends on what else is asked."""
        size = 1 if context.potential.info.device.startswith("cpu") else 30
        for first in range(0, len(items), size):
            started, some = perf_counter(), items[first : first + size]
            frames = [frame for item in some for frame in self._frames(item)]
            answers = isolated_answers(context.batcher, frames)
            context.progress(min(first + size, len(items)), len(items), "pairs")
            seconds = (perf_counter() - started) / len(some)
            for place, item in enumerate(some):
                rows = range(place * FRAMES, (place + 1) * FRAMES)
                energy = answers.energy[rows]
                if np.isfinite(energy).all():
                    yield item, Answer({"energy": energy}, seconds=seconds)
                else:
                    lost = next(row for row in rows if not np.isfinite(answers.energy[row]))
                    why = answers.failures.get(lost, "no finite energy")
                    yield item, Failure(f"{why} (at {distances(*item.subject)[lost - rows[0]]:.3g} Å)")

    def _frames(self, item: Item) -> list[AtomsBatch]:
        positions = np.zeros((FRAMES, 2, 3))
        positions[:, 1, 2] = distances(*item.subject)
        return AtomsBatch.from_arrays(
            positions=positions.reshape(-1, 3),
            atomic_numbers=np.tile(item.atomic_numbers, FRAMES),
            n_atoms=np.full(FRAMES, 2),
            cell=np.zeros((FRAMES, 3, 3)),
            pbc=np.zeros((FRAMES, 3), dtype=bool),
            charge=np.zeros(FRAMES, dtype=np.int64),
            spin=np.full(FRAMES, item.multiplicity),
        ).split()

    def score(self, item: Item, answer: Answer) -> Score:
        """Where the wall ends, and minima beyond the first."""
        distance, energy = distances(*item.subject), answer.arrays["energy"]
        hole, minima = read_curve(energy)
        quantities = () if hole is None else (Quantity("hole", item.id, float(distance[hole]), "Å"),)
        return Score(
            {
                "holes": float(hole is not None),
                "hole_at": 0.0 if hole is None else float(distance[hole]),
                "minima": float(max(0, minima - 1)),
            },
            quantities=quantities,
        )


def distances(first: int, second: int) -> np.ndarray:
    """[FRAMES] Å of a pair, ascending."""
    bond = covalent_radii[first] + covalent_radii[second]
    return np.linspace(RANGE[0] * bond, RANGE[1] * bond, FRAMES)


def read_curve(energy: np.ndarray) -> tuple[int | None, int]:
    """The frame of the innermost top from which the energy falls inwards by more than ``DEEP``; and how many minima.

    A minimum counts if both sides of it rise by more than ``DEEP``; the end of the curve far out is no side.
    """
    minima, top, bottom = 0, 0, 0
    falling = False  # going outwards from the innermost frame
    hole: int | None = None
    for k, value in enumerate(energy):
        if falling:
            if value < energy[bottom]:
                bottom = k
            elif value > energy[bottom] + DEEP:
                minima, falling, top = minima + 1, False, k
        elif value > energy[top]:
            top = k
        elif value < energy[top] - DEEP:
            if minima == 0 and energy[top] - energy[: top + 1].min() > DEEP:
                hole = top
            falling, bottom = True, k
    return hole, minima
