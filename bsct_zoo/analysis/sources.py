"""From evaluations to measures: of scans, of molecular dynamics, of properties."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

import numpy as np

from bsct_zoo.analysis.coefficients import Floats
from bsct_zoo.analysis.measures import Measure, Over
from bsct_zoo.evaluation.results import Evaluation, Record, TaskInfo
from bsct_zoo.metrics.columns import Column

_OVER: Mapping[str, Over] = {over: over for over in get_args(Over) if over != "mean"}


@dataclass(frozen=True, order=True)
class ModelKey:
    """What tells a model from others, in whatever result it stands.

    Attributes:
        family: what stands before the colon on the command line.
        options: what stands behind the @.
        card: name of the model card.
        checkpoint: sha256 of the weights; empty if they come with the model's own package.
    """

    family: str
    options: str
    card: str
    checkpoint: str

    @staticmethod
    def of(model: str, card: str, checkpoint: str | None) -> ModelKey:
        """The key of a model as a row of a result names it."""
        head, _, options = model.partition("@")
        return ModelKey(head.partition(":")[0], options, card, checkpoint or "")


Rows = Sequence[Evaluation | None]


def scan_measures(task: TaskInfo, group: str, rows: Rows, prefix: str) -> Iterator[Measure]:
    """Every metric of scans; ``rows`` [n_models] has None for a model that was not judged on this suite."""
    ids = list(dict.fromkeys(record.id for row in rows if row for record in row.records))
    tables = [{} if row is None else {record.id: record.metrics for record in row.records} for row in rows]
    seconds = _seconds([row if row and row.status != "failed" else None for row in rows])
    for column in task.columns:
        values = [[_number(table.get(id_, {}).get(column.of)) for id_ in ids] for table in tables]
        pieces = np.array(values, dtype=np.float64).reshape(len(rows), len(ids), 1)
        source = f"compare on {task.name}"
        yield Measure(prefix + column.name, column.unit, source, "scans", group, pieces, "mean", seconds)


def md_measures(task: TaskInfo, rows: Rows) -> Iterator[Measure]:
    """Every figure of molecular dynamics, the share of runs that failed, and how long runs lasted.

    A run that failed counts as worse than every value, where small is better; a run that never began (an element that
    the model does not know) is none.
    """
    systems = list(dict.fromkeys(record.group for row in rows if row for record in row.records))
    table = _Runs(systems, rows)
    timed = any("failure_time" in record.metrics for row in rows if row for record in row.records)
    seconds = _seconds([row if row and row.seconds else None for row in rows])
    source = f"md {task.name}"

    def measure(name: str, unit: str, pieces: Floats, over: Over) -> Measure:
        return Measure(f"{task.name}_{name}", unit, source, "molecules", source, pieces, over, seconds)

    for column in task.columns:
        if column.over in _OVER and not column.of.startswith("failure_"):
            pieces = table.of(partial(_figure, column, timed))
            yield measure(column.name, column.unit, pieces, _OVER[column.over])
    failed = table.of(lambda run: np.nan if _absent(run, timed) else float(run.status == "failed"))
    yield measure("failed", "share of runs", failed, "mean")
    if timed:
        time_ps = float(task.settings["time_ps"])
        lasted = table.of(lambda run: np.nan if _absent(run, timed) else _lasted(run, time_ps))
        yield measure("lasted", "ps", lasted, "mean")


def property_measures(task: TaskInfo, rows: Rows) -> Iterator[Measure]:
    """Mean absolute error of each kind of quantity, imaginary modes, and the share of systems that did not relax."""
    systems = list(dict.fromkeys(record.id for row in rows if row for record in row.records))
    tables = [{} if row is None else {record.id: record for record in row.records} for row in rows]
    seconds = np.array([np.nan if row is None else float(row.seconds) for row in rows])

    def measure(name: str, unit: str, over: Over, values: Callable[[Record | None], list[float]]) -> Measure:
        lists = [[values(table.get(system)) for system in systems] for table in tables]
        width = max((len(one) for row in lists for one in row), default=0)
        padded = [[one + [np.nan] * (max(width, 1) - len(one)) for one in row] for row in lists]
        pieces = np.array(padded, dtype=np.float64).reshape(len(rows), len(systems), max(width, 1))
        return Measure(name, unit, "properties", "systems", "properties", pieces, over, seconds)

    def errors(kind: str, record: Record | None) -> list[float]:
        quantities = record.quantities if record else ()
        return [abs(q.error) for q in quantities if q.kind == kind and q.error is not None]

    def imaginary(record: Record | None) -> list[float]:
        given = record is not None and record.status != "failed"
        return [_number(record.metrics.get("imaginary"))] if given and record is not None else []

    def not_relaxed(record: Record | None) -> list[float]:
        if record is None:
            return []
        return [1.0 if record.status == "failed" else _number(record.metrics.get("not_relaxed"))]

    for column in task.columns:
        if column.over == "mae":
            yield measure(column.name, column.unit, "mean", partial(errors, column.of))
    yield measure("imaginary", "modes", "sum", imaginary)
    yield measure("not_relaxed", "share of systems", "mean", not_relaxed)


class _Runs:
    """Runs of models by system, as many of each as there are seeds."""

    def __init__(self, systems: Sequence[str], rows: Rows) -> None:
        self.runs: list[list[list[Record]]] = [
            [[run for run in row.records if run.group == system] if row else [] for system in systems] for row in rows
        ]
        self.width = max((len(runs) for row in self.runs for runs in row), default=1) or 1

    def of(self, figure: Callable[[Record], float]) -> Floats:
        """[n_models, n_systems, n_seeds]."""
        pieces = np.full((len(self.runs), len(self.runs[0]), self.width), np.nan)
        for m, row in enumerate(self.runs):
            for s, runs in enumerate(row):
                pieces[m, s, : len(runs)] = [figure(run) for run in runs]
        return pieces


def _figure(column: Column, timed: bool, run: Record) -> float:
    if run.status == "failed" and not _absent(run, timed) and column.better == "lower":
        return np.inf  # even where there is a value: fragments that fly apart conserve their energy well
    return _number(run.metrics.get(column.of))


def _absent(run: Record, timed: bool) -> bool:
    """Whether a run that counts as failed never began."""
    return run.status == "failed" and timed and run.metrics.get("failure_time") is None


def _lasted(run: Record, time_ps: float) -> float:
    """Time to failure, or of the whole run if there was none: its mean is the restricted mean survival time."""
    failure = run.metrics.get("failure_time")
    return time_ps if failure is None else float(failure)


def _seconds(rows: Rows) -> Floats:
    return np.array([np.nan if row is None or not row.seconds else float(row.seconds) for row in rows])


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
