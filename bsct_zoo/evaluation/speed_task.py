"""How fast a model is: batches of few and many systems, small and large, as a task."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError
from bsct_zoo.metrics.columns import Column
from bsct_zoo.plugins.tasks import Answer, Context, Failure, Item, Outcome, Score, Task
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.runtime.memory import forget_peak, peak_mb

UNIT = "CH3CH2OH"
GAP = 2.0  # Å between molecules on a grid; with their own extent 104 Å³ each, the liquid has 97
RATTLE = 0.05  # Å
_SOURCE = "docs/bench.md"
_WHOLE = 1e12  # atoms: no batch is cut but where memory runs out
_AT_LEAST_S, _MOST = 0.3, 20  # of repeated calls, beyond the number that was asked for
COLUMNS = (
    Column(name="first_call", title="first call", unit="s", over="max", source=_SOURCE),
    Column(name="latency", title="one system", unit="ms", over="max", source=_SOURCE),
    Column(name="throughput", title="throughput", unit="atoms/s", better="higher", over="max", source=_SOURCE),
    Column(name="gain", title="gain of batches", better="higher", over="max", source=_SOURCE),
    Column(name="scaling", title="scaling exponent", over="max", source=_SOURCE),
    Column(name="memory", title="memory", unit="MB", over="max", source=_SOURCE),
)


@dataclass(frozen=True)
class Point:
    """A batch whose time is taken: ``frames`` systems of ``atoms`` atoms."""

    atoms: int
    frames: int


def droplet(n_molecules: int) -> Atoms:
    """Molecules of ethanol on a grid, filled from a corner; 9 atoms each."""
    one = molecule(UNIT)
    side = math.ceil(n_molecules ** (1 / 3) - 1e-9)
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)
    order = np.lexsort((*grid.T, grid.max(axis=1)))[:n_molecules]
    places = grid * (np.ptp(one.positions, axis=0) + GAP)
    return Atoms(np.tile(one.numbers, n_molecules), np.concatenate([one.positions + place for place in places[order]]))


class SpeedTask(Task):
    """Wall times of batches; an answer holds the time of each call in seconds.

    Answers must not be kept: they say something of a machine at a moment.
    """

    name = kind = "speed"
    noun = "run"
    columns = COLUMNS
    headline = tuple(column.name for column in COLUMNS)

    def __init__(self, atoms: Sequence[int], frames: Sequence[int], repeats: int, largest: int, seconds: float) -> None:
        """Batches of every number of ``frames`` and of ``atoms`` a system, at most ``largest`` atoms in all.

        Args:
            atoms: of a system; rounded to whole molecules.
            frames: systems in a batch; one is always among them.
            repeats: of each call at least, after one that does not count.
            largest: batches with more atoms are left out, but for single systems.
            seconds: batches that would take longer for one call are left out.
        """
        sizes = sorted({9 * max(1, round(n / 9)) for n in atoms})
        self.points = tuple(
            Point(n, count) for n in sizes for count in sorted({1, *frames}) if count == 1 or n * count <= largest
        )
        self.repeats, self.largest, self.seconds = repeats, largest, seconds
        self.title = f"speed on ethanol, {repeats} calls or more each"
        numbers = tuple(molecule(UNIT).numbers.tolist())
        self.items = tuple(
            Item(f"{p.frames} × {p.atoms} atoms", p, repr(p), numbers, group=f"{p.atoms} atoms") for p in self.points
        )

    @property
    def settings(self) -> Mapping[str, Any]:
        """What was timed."""
        return {
            "batches": [[p.frames, p.atoms] for p in self.points],
            "repeats": self.repeats,
            "seconds": self.seconds,
            "threads": os.environ.get("OMP_NUM_THREADS", ""),
        }

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """From the smallest batch to the largest, so that the first call is one of a single small system."""
        pid = int(getattr(context.potential, "pid", None) or os.getpid())
        per_atom, first = 0.0, True
        alone: dict[int, float] = {}  # seconds of a single system, by its atoms
        for done, item in enumerate(items, start=1):
            point: Point = item.subject
            if point.atoms * point.frames * per_atom > self.seconds:
                yield item, Answer(facts={"left_out": f"one call would take more than {self.seconds:g} s"})
                continue
            systems = [AtomsBatch.from_atoms(atoms) for atoms in _frames(point)]
            batcher = Batcher(context.potential, _WHOLE)
            forget_peak(pid)
            try:
                warm = _time(batcher, systems)
                times = list(_times(batcher, systems, self.repeats))
            except ModelError as error:
                yield item, Failure(str(error), error.log_tail)
                continue
            call = statistics.median(times)
            per_atom = call / (point.atoms * point.frames)
            facts = {"memory": peak_mb(pid), "halved": batcher.limit < _WHOLE, "first": first}
            if point.frames == 1:
                if alone:
                    smaller = max(alone)
                    facts["scaling"] = math.log(call / alone[smaller]) / math.log(point.atoms / smaller)
                alone[point.atoms] = call
            elif point.atoms in alone:
                facts["gain"] = alone[point.atoms] * point.frames / call
            yield item, Answer({"times": np.array(times), "first": np.array([warm])}, facts, sum(times) + warm)
            first = False
            context.progress(done, len(items), "batches")

    def score(self, item: Item, answer: Answer) -> Score:
        """Medians of the calls; see docs/bench.md."""
        point: Point = item.subject
        if why := answer.facts.get("left_out"):
            return Score({}, notes=(str(why),))
        call = float(np.median(answer.arrays["times"]))
        metrics: dict[str, float | None] = {
            "time": 1e3 * call / point.frames,
            "throughput": point.atoms * point.frames / call,
            **{name: answer.facts.get(name) for name in ("memory", "gain", "scaling")},
        }
        if answer.facts["first"]:
            metrics["first_call"] = float(answer.arrays["first"][0])
        if point == self.points[0]:
            metrics["latency"] = 1e3 * call
        notes = ("memory ran out, and the batch was cut",) if answer.facts["halved"] else ()
        return Score(metrics, notes=notes)


def _frames(point: Point) -> list[Atoms]:
    base, random = droplet(point.atoms // 9), np.random.default_rng(0)
    frames = []
    for _ in range(point.frames):
        frame = base.copy()
        frame.positions += random.normal(0, RATTLE, frame.positions.shape)
        frames.append(frame)
    return frames


def _time(batcher: Batcher, systems: Sequence[AtomsBatch]) -> float:
    clock = perf_counter()
    batcher.compute(systems)  # the answer is on the host: a GPU is done
    return perf_counter() - clock


def _times(batcher: Batcher, systems: Sequence[AtomsBatch], repeats: int) -> Iterator[float]:
    spent, n = 0.0, 0
    while n < repeats or (spent < _AT_LEAST_S and n < _MOST):
        took = _time(batcher, systems)
        yield took
        spent, n = spent + took, n + 1
