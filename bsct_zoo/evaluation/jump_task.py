"""Steps of energy and forces between the frames of a suite's scans, as a task: the model says itself where to look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from ase.data import chemical_symbols

from bsct_zoo.evaluation.scan_task import scan_item
from bsct_zoo.metrics.columns import Column
from bsct_zoo.metrics.jumps import ENERGY, FORCE, RESOLUTION, Jump, JumpSearch
from bsct_zoo.plugins.tasks import Answer, Context, Failure, Item, Outcome, Quantity, Score, Task, at_a_time
from bsct_zoo.potentials.isolation import isolated_answers
from bsct_zoo.potentials.potential import PotentialInfo
from bsct_zoo.suites.crossings import crossing
from bsct_zoo.suites.frames import path_of, systems_at
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite

_TOGETHER = 8  # scans whose searches share batches; those done are kept if the command is killed
_SOURCE = "docs/jumps.md"
COLUMNS = (
    Column(name="number", title="number", over="sum", source=_SOURCE),
    Column(name="energy", title="energy", unit="eV", over="max", source=_SOURCE),
    Column(name="force", title="force", unit="eV/Å", over="max", source=_SOURCE),
)


class JumpTask(Task):
    """How many true discontinuities the scans of a suite have, and how high they are; needs no reference.

    An answer holds the jumps of a scan: ``at`` [n] Å, ``energy`` [n] eV, ``force`` [n] and ``step`` [n, n_atoms, 3]
    eV/Å; and the model's cut-off, how many frames were asked about, and the smallest steps that stand out.
    """

    kind = "jumps"
    noun = "scan"
    columns = COLUMNS
    headline = ("number", "energy", "force")
    dtype = "float64"  # single precision hides what is looked for

    def __init__(self, suite: Suite, name: str = "jumps", settings: Mapping[str, Any] | None = None) -> None:
        """``settings`` say how ``suite`` was chosen from a larger one."""
        self.suite, self.name, self._settings = suite, name, dict(settings or {})
        self.title = f"steps of energy and forces between the frames of {suite.name}"
        self.sha256 = suite.sha256
        self.items = tuple(scan_item(scan) for scan in suite.scans)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Which scans were chosen, and how small a step may be."""
        return {**self._settings, "energy_limit": ENERGY, "force_limit": FORCE, "resolution": RESOLUTION}

    def key(self) -> Mapping[str, Any]:
        """The limits; which other scans were chosen does not matter."""
        return {"jumps": 1, "energy_limit": ENERGY, "force_limit": FORCE, "resolution": RESOLUTION}

    def skips(self, item: Item, info: PotentialInfo) -> bool:
        """Scans that strain a cell, and those of fewer than six frames."""
        return bool(item.subject.strained or item.subject.n_frames < 6)

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """A few scans at a time, small ones first; each round asks about all points that their searches want."""
        items, done = sorted(items, key=lambda item: len(item.atomic_numbers)), 0
        for some in at_a_time(items, context.potential.info, _TOGETHER):
            yield from self._some(context, some)
            done += len(some)
            context.progress(done, len(items), "scans")

    def _some(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        started = perf_counter()
        searches: dict[str, JumpSearch] = {}
        wanted = {item.id: (item, item.subject.coordinate, item.subject.positions) for item in items}
        while wanted:
            systems = [s for item, _, x in wanted.values() for s in systems_at(item.subject, x, item.subject.cell)]
            answers = isolated_answers(context.batcher, systems)
            first, asked, wanted = 0, wanted, {}
            for item, alpha, _ in asked.values():
                rows = range(first, first + len(alpha))
                first += len(alpha)
                energy, forces = answers.energy[rows], np.stack([answers.forces[row] for row in rows])
                lost = ~np.isfinite(energy) | ~np.isfinite(forces).all(axis=(1, 2))
                if lost.any():
                    frame = int(np.argmax(lost))
                    why = answers.failures.get(rows[frame], "no finite energy and forces")
                    yield item, Failure(f"{why} (at {alpha[frame]:.6g} Å)")
                    continue
                if item.id in searches:
                    searches[item.id].take(energy, forces)
                else:
                    searches[item.id] = JumpSearch(item.subject.coordinate, path_of(item.subject), energy, forces)
                search = searches[item.id]
                if len(alpha := search.wanted()):
                    wanted[item.id] = item, alpha, search.positions(alpha)
                else:
                    seconds = (perf_counter() - started) / len(items)
                    yield item, _answer(search, item.subject.n_atoms, context.potential.info.cutoff, seconds)

    def score(self, item: Item, answer: Answer) -> Score:
        """How many there are, the highest, and each with what happens there."""
        arrays, facts = answer.arrays, answer.facts
        jumps = [
            Jump(float(at), float(energy), float(force), step)
            for at, energy, force, step in zip(*(arrays[name] for name in _ARRAYS), strict=True)
        ]
        rough = "its surface is too rough to be searched to the end; there are more" if facts["gave_up"] else ""
        return Score(
            {
                "number": float(len(jumps)),
                "energy": max((abs(jump.energy) for jump in jumps), default=0.0),
                "force": max((jump.force for jump in jumps), default=0.0),
                "asked": float(facts["asked"]),
                "energy_limit": facts["energy_limit"],
                "force_limit": facts["force_limit"],
            },
            status="partial" if rough else "ok",
            message=rough,
            notes=tuple(_notes(facts)),
            quantities=tuple(_quantities(item.subject, jumps, facts["cutoff"])),
        )


_ARRAYS = ("at", "energy", "force", "step")


def _answer(search: JumpSearch, n_atoms: int, cutoff: float | None, seconds: float) -> Answer:
    jumps = search.jumps
    arrays = {
        "at": np.array([jump.at for jump in jumps]),
        "energy": np.array([jump.energy for jump in jumps]),
        "force": np.array([jump.force for jump in jumps]),
        "step": np.array([jump.step for jump in jumps]).reshape(-1, n_atoms, 3),
    }
    facts = {
        "asked": search.asked,
        "gave_up": search.gave_up,
        "energy_limit": search.energy_limit,
        "force_limit": search.force_limit,
        "cutoff": cutoff,
    }
    return Answer(arrays, facts, seconds)


def _notes(facts: Mapping[str, Any]) -> Iterator[str]:
    """Where rounding of the model hides what is looked for."""
    if facts["energy_limit"] > ENERGY:
        yield f"its energies round so that steps below {facts['energy_limit']:.1g} eV are not seen in all scans"
    if facts["force_limit"] > FORCE:
        yield f"its forces round so that steps below {facts['force_limit']:.1g} eV/Å are not seen in all scans"


def _quantities(scan: Scan, jumps: Sequence[Jump], cutoff: float | None) -> Iterator[Quantity]:
    """Each step, what happens there, and of a force on which atom it is largest."""
    path = path_of(scan) if jumps else None
    for jump in jumps:
        assert path is not None
        where = f"{jump.at:.5f} Å"
        event = crossing(scan.atomic_numbers, path(jump.at), path(jump.at, 1), cutoff)
        if jump.energy:
            yield Quantity("energy step", where, jump.energy, "eV", message=event)
        if jump.force:
            atom = int(np.linalg.norm(jump.step, axis=1).argmax())
            on = f"largest on {chemical_symbols[scan.atomic_numbers[atom]]}{atom + 1}"
            yield Quantity("force step", where, jump.force, "eV/Å", message="; ".join(filter(None, (event, on))))
