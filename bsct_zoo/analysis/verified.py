"""Whether results hold: what follows from their records, and a sample of their items computed again.

Two questions of a file that somebody else made. Do its means follow from its records? That needs no model, and finds a
mean that was changed alone. Do its records come out again? That is asked of a sample, which the file cannot foresee.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bsct_zoo.analysis.repeated import apart
from bsct_zoo.evaluation.records import status_of
from bsct_zoo.evaluation.results import Evaluation, ModelResult, Record, Results, TaskInfo
from bsct_zoo.metrics.columns import Column, aggregate

# Sums of doubles in another order differ by less.
_ROUNDING = 1e-14
# How far numbers may be apart that are not made to the bit: largest relative difference that was seen, and some room.
DYNAMICS, OTHER_SINGLE, OTHER_DOUBLE, OTHER_DYNAMICS = 1e-4, 1e-3, 1e-4, 0.1
# What is said of a model and of a task beside numbers.
_OF_A_MODEL = ("card", "checkpoint_sha256", "level_of_theory", "licence", "elements", "conservative", "parameters")
_OF_A_TASK = ("kind", "noun", "columns", "level_of_theory", "sha256")


@dataclass(frozen=True)
class Checked:
    """One item of one model, as the file has it and as it is now.

    Attributes:
        model, task, item: which.
        n: numbers that were compared.
        difference: the largest one, relative to the number or to what is usual for its metric; infinite if one is none.
        where: name of the number that is furthest off; empty if none is off at all.
        before, now: that number, or status, in the file and now.
        tolerance: that ``difference`` may have.
    """

    model: str
    task: str
    item: str
    n: int
    difference: float = 0.0
    where: str = ""
    before: float | str | None = None
    now: float | str | None = None
    tolerance: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether it is what the file says."""
        return self.difference <= self.tolerance


def unsupported(results: Results) -> Iterator[str]:
    """What of ``results`` does not follow from its records, a line each; times of the clock are not looked at."""
    for row in results.all_rows:
        for name, evaluation in row.evaluations.items():
            task, place = results.task(name), f"{row.model}, {name}"
            if evaluation.status != status_of(evaluation.records):
                yield f"{place}: the status is {evaluation.status}, that of its records {status_of(evaluation.records)}"
            if len(evaluation.records) > task.n_items:
                yield f"{place}: {len(evaluation.records)} records of {task.n_items} {task.noun}s"
            for column in task.columns:
                if reason := _does_not_follow(column, evaluation):
                    yield f"{place}, {column.name}: {reason}"


def _does_not_follow(column: Column, evaluation: Evaluation) -> str:
    """Why the number of ``column`` is none that the records give; empty if it is."""
    said, count = evaluation.values.get(column.name), evaluation.counts.get(column.name)
    if column.over == "ns_per_day" or (said is None and evaluation.status == "failed"):
        return ""
    value, n = aggregate(column, evaluation.records, evaluation.seconds)
    if said is None or value is None:
        return "" if said == value else f"{said} in the file, {value} by its records"
    sizes = [abs(x) for record in evaluation.records if (x := record.metrics.get(column.of)) is not None]
    if abs(said - value) > _ROUNDING * max([abs(value), *sizes]):
        return f"{said} in the file, {value} by its records"
    return "" if count in (None, n) else f"over {count} records in the file, {n} have it"


def sampled(results: Results, n: int, seed: int) -> dict[str, frozenset[str]]:
    """Ids of ``n`` items of every task, drawn from all that any model has a record of; all where there are no more."""
    chosen = {}
    for task in results.tasks:
        evaluations = [row.evaluations[task.name] for row in results.all_rows if task.name in row.evaluations]
        ids = sorted({record.id for evaluation in evaluations for record in evaluation.records})
        chosen[task.name] = frozenset(random.Random(f"{seed}/{task.name}").sample(ids, min(n, len(ids))))
    return chosen


def checked(
    before: Results, now: Results, sample: Mapping[str, frozenset[str]], tolerance: float | None = None
) -> tuple[Checked, ...]:
    """Every item of ``sample`` of every model; ``tolerance`` is relative, None for what ``usual_tolerance`` says."""
    rows = {row.model: row for row in now.all_rows}
    return tuple(
        _checked(before, row, rows.get(row.model), task, id, tolerance)
        for row in before.all_rows
        for task in before.tasks
        if task.name in row.evaluations
        for id in sorted(sample[task.name])
    )


def usual_tolerance(before: Results, task: TaskInfo, old: Evaluation, new: Evaluation) -> float:
    """Largest relative difference that tells of nothing.

    Scans come out to the bit where processor, device, precision, threads, size of batches and versions are the same, on
    a CPU. Dynamics and properties compute all their systems as one batch, whose last digits depend on what is in it,
    and which dynamics amplifies. Elsewhere processors round otherwise. docs/leaderboard.md has what was measured.
    """
    same = (old.device, old.dtype, old.versions) == (new.device, new.dtype, new.versions) and old.device == "cpu"
    for then, now in ((old.threads, new.threads), (old.batch_atoms, new.batch_atoms)):
        same = same and then in ((), now)  # results of versions that did not say had those of the machine
    if not same or not _same_machine(before):
        if task.kind == "md":
            return OTHER_DYNAMICS
        return OTHER_DOUBLE if old.dtype == "float64" else OTHER_SINGLE
    return 0.0 if task.kind == "scans" else DYNAMICS


def _same_machine(results: Results) -> bool:
    from bsct_zoo.evaluation.machine import machine

    here = machine("cpu")
    return all(results.machine.get(key) == here[key] for key in ("processor", "cores", "python"))


def unlike(before: Results, now: Results) -> Iterator[str]:
    """What the file says of its models and tasks and is not so here, a line each."""
    rows = {row.model: row for row in now.all_rows}
    pairs = [(row.model, row, rows[row.model], _OF_A_MODEL) for row in before.all_rows if row.model in rows]
    tasks = {task.name: task for task in now.tasks}
    known = [(task.name, task, tasks[task.name], _OF_A_TASK) for task in before.tasks if task.name in tasks]
    for name, old, new, facts in [*pairs, *known]:
        for fact in facts:
            if getattr(old, fact) != getattr(new, fact):
                yield f"{name}: {fact} is {getattr(old, fact)} in the file, {getattr(new, fact)} here"


def _checked(
    before: Results, row: ModelResult, other: ModelResult | None, task: TaskInfo, id: str, tolerance: float | None
) -> Checked:
    old = row.evaluations[task.name]
    new = None if other is None else other.evaluations.get(task.name)
    was = next((record for record in old.records if record.id == id), None)
    found = None if new is None else next((record for record in new.records if record.id == id), None)
    about: dict[str, Any] = {"model": row.model, "task": task.name, "item": id}
    if was is None or found is None or new is None:
        status = ["none" if one is None else one.status for one in (was, found)]
        difference = 0.0 if was is found is None else float("inf")
        return Checked(**about, n=1, difference=difference, where="record", before=status[0], now=status[1])
    allowed = usual_tolerance(before, task, old, new) if tolerance is None else tolerance
    first, second = dict(_numbers(was)), dict(_numbers(found))
    scales = _scales(old.records)
    off = {
        name: apart(first.get(name), second.get(name), scales.get(name, 0.0))
        for name in dict.fromkeys([*first, *second])
    }
    where = max(off, key=lambda name: off[name])
    if not off[where]:
        return Checked(**about, n=len(first), tolerance=allowed)
    return Checked(
        **about,
        n=len(first),
        difference=off[where],
        where=where,
        before=first.get(where),
        now=second.get(where),
        tolerance=allowed,
    )


def _numbers(record: Record) -> Iterator[tuple[str, float | str | None]]:
    yield "status", record.status
    yield from record.metrics.items()
    for quantity in record.quantities:
        yield f"{quantity.kind} {quantity.name}", quantity.value
        yield f"error of {quantity.kind} {quantity.name}", quantity.error


def _scales(records: Sequence[Record]) -> dict[str, float]:
    """What is usual for each metric: the median size. A number near to zero is compared with that."""
    sizes: dict[str, list[float]] = {}
    for record in records:
        for name, value in _numbers(record):
            if isinstance(value, float | int):
                sizes.setdefault(name, []).append(abs(value))
    return {name: median(values) for name, values in sizes.items()}
