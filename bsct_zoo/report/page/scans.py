"""What the page knows of each scan: its curves, its molecule, the forces on every atom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.data import chemical_symbols, covalent_radii

from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.curves import decode, scan_equilibrium
from bsct_zoo.evaluation.results import Record, Results, TaskInfo
from bsct_zoo.evaluation.store import Store
from bsct_zoo.metrics.ranges import Floats
from bsct_zoo.report.page.packing import Kind, compressed, packed_arrays
from bsct_zoo.suites.library import open_suite
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite

Arrays = list[tuple[str, Kind, Floats]]


@dataclass(frozen=True)
class FrameSource:
    """Where frames and whole answers come from.

    Attributes:
        suites: by name of the task; None where the suite is not here.
        store: of answers.
    """

    suites: Mapping[str, Suite | None]
    store: Store


def find_suites(results: Results, known: Mapping[str, Suite]) -> dict[str, Suite | None]:
    """The suite of every task of scans, if it is here and is the one that was tested."""
    found: dict[str, Suite | None] = {}
    for task in results.tasks:
        if task.kind != "scans":
            continue
        suite = known.get(task.name)
        if suite is None:
            try:
                suite = open_suite(task.name)
            except (BadInputError, OSError):
                suite = None
        same = suite is not None and (suite.sha256 == task.sha256)
        found[task.name] = suite if same else None
    return found


class Packed:
    """The scans of results, each packed; forces on atoms go with the worst scans as long as there is room.

    Attributes:
        chunks: by task and id, compressed.
        with_forces: how many of ``chunks`` hold the forces of a model on every atom.
        without_molecule: how many hold no frames, since their suite is not here.
        lost: how many answers are not in the store any more.
    """

    def __init__(self, results: Results, source: FrameSource, room_beside: Callable[[int], int | None]) -> None:
        """``room_beside`` says how many characters forces on atoms may take beside curves of so many; None for any."""
        self._results, self._source = results, source
        self._scans = {
            (task, scan.id): scan for task, suite in source.suites.items() if suite is not None for scan in suite
        }
        self._records: dict[tuple[str, str], list[tuple[int, Record]]] = {}
        for place, row in enumerate(results.rows):
            for name, evaluation in row.evaluations.items():
                for record in evaluation.records:
                    self._records.setdefault((name, record.id), []).append((place, record))
        self.with_forces = self.without_molecule = self.lost = 0
        self.chunks = {key: self._packed(*key, forces=False) for key in worst_first(results)}
        self.without_molecule = sum(key not in self._scans for key in self.chunks)
        room = room_beside(sum(map(len, self.chunks.values())))
        for key, text in self.chunks.items():
            whole = self._packed(*key, forces=True)
            if room is not None and (room := room - len(whole) + len(text)) < 0:
                break
            self.chunks[key] = whole
            self.with_forces += whole != text

    def _packed(self, name: str, id: str, forces: bool) -> str:
        task, scan = self._results.task(name), self._scans.get((name, id))
        reference = {key: decode(text) for key, text in task.curves.get(id, {}).items()}
        arrays: Arrays = [
            (key, "exact" if key == "coordinate" else "curve", values) for key, values in reference.items()
        ]
        facts: dict[str, Any] = {"task": name, "id": id, "equilibrium": _equilibrium(reference)}
        for place, record in self._records.get((name, id), []):
            arrays += [(f"{place}:{key}", "curve", decode(text)) for key, text in record.curves.items()]
        if scan is not None:
            facts |= _system(scan)
            arrays.append(("positions", "position", scan.positions))
            if forces:
                arrays += self._forces(task, scan)
        return compressed(packed_arrays(facts, arrays))

    def _forces(self, task: TaskInfo, scan: Scan) -> Iterator[tuple[str, Kind, Floats]]:
        if scan.forces is not None:
            yield "forces", "force", scan.forces
        for place, record in self._records.get((task.name, scan.id), []):
            answer = self._source.store.at(record.answer) if record.answer else None
            values = None if answer is None else answer.arrays.get("forces")
            if values is not None and values.shape == scan.positions.shape:
                yield f"{place}:forces", "force", np.asarray(values, np.float64)
            else:
                self.lost += bool(record.curves)


def worst_first(results: Results) -> list[tuple[str, str]]:
    """Task and id of every scan, by its rank among the worst of any model: each model's worst before any second."""
    ranks: dict[tuple[str, str], tuple[int, float]] = {}
    for task in results.tasks:
        if task.kind != "scans":
            continue
        for key in [*task.curves, *(record.id for _, e in results.rows_under(task) for record in e.records)]:
            ranks.setdefault((task.name, key), (10**9, 0.0))
        for _, evaluation in results.rows_under(task):
            scored = [(record.metrics.get("fsd_full"), record.id) for record in evaluation.records]
            failed = {record.id for record in evaluation.records if record.status == "failed"}
            order = sorted(scored, key=lambda one: (one[1] not in failed, -(one[0] or 0.0)))
            for rank, (value, id) in enumerate(order):
                ranks[task.name, id] = min(ranks[task.name, id], (rank, -(value or 0.0)))
    return sorted(ranks, key=lambda key: ranks[key])


def _equilibrium(reference: Mapping[str, Floats]) -> int | None:
    energy = reference.get("energy")
    return None if energy is None or not np.isfinite(energy).any() else int(np.nanargmin(energy))


def _system(scan: Scan) -> dict[str, Any]:
    numbers: Sequence[int] = scan.atomic_numbers.tolist()
    return {
        "numbers": numbers,
        "symbols": [chemical_symbols[z] for z in numbers],
        "radii": [round(float(covalent_radii[z]), 3) for z in numbers],
        "atoms": list(scan.indices),
        "kind": scan.kind,
        "charge": scan.charge,
        "multiplicity": scan.spin,
        "periodic": any(scan.pbc),
        "equilibrium": scan_equilibrium(scan),
        "notes": {str(key): str(value) for key, value in scan.notes.items() if isinstance(value, str | int | float)},
    }
