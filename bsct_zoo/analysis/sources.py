"""From rows of results to measures: of a comparison, of a check, of properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bsct_zoo.analysis.coefficients import Floats
from bsct_zoo.analysis.measures import Measure, Over
from bsct_zoo.evaluation.comparison import Row
from bsct_zoo.evaluation.md_results import MDRow
from bsct_zoo.metrics.table import METRICS
from bsct_zoo.plugins.checks import Check, CheckRun, Column

_OVER: Mapping[str, Over] = {
    "median": "median",
    "median_abs": "median_abs",
    "max_abs": "max_abs",
    "max": "max",
    "min": "min",
    "sum": "sum",
}


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


def scan_measures(suite: str, group: str, rows: Sequence[Row | None], prefix: str) -> Iterator[Measure]:
    """Every metric of scans; ``rows`` [n_models] has None for a model that was not judged on this suite."""
    ids = list(dict.fromkeys(scan.id for row in rows if row for scan in row.scans))
    tables = [{} if row is None else {scan.id: scan.metrics for scan in row.scans} for row in rows]
    seconds = _seconds([row if row and row.status != "failed" else None for row in rows])
    for metric in METRICS.values():
        values = [[_number(table.get(id_, {}).get(metric.name)) for id_ in ids] for table in tables]
        pieces = np.array(values, dtype=np.float64).reshape(len(rows), len(ids), 1)
        name = prefix + metric.name
        yield Measure(name, metric.unit, f"compare on {suite}", "scans", group, pieces, "mean", seconds)


def check_measures(check: Check, time_ps: float, group: str, rows: Sequence[MDRow | None]) -> Iterator[Measure]:
    """Every figure of a check, the share of runs that failed, and how long runs lasted.

    A run that failed counts as worse than every value, where small is better; a run that never began (an element that
    the model does not know) is none.
    """
    systems = list(dict.fromkeys(run.system for row in rows if row for run in row.runs))
    table = _Runs(systems, rows)
    seconds = _seconds([row if row and row.runs else None for row in rows])
    source = f"md {check.name}"

    def measure(name: str, unit: str, pieces: Floats, over: Over) -> Measure:
        return Measure(f"{check.name}_{name}", unit, source, "molecules", group, pieces, over, seconds)

    for column in check.shown:
        if column.over in _OVER and not column.figure.startswith("failure_"):
            pieces = table.of(lambda run, column=column: _figure(check, column, run))
            yield measure(column.name, check.units.get(column.figure, ""), pieces, _OVER[column.over])
    failed = table.of(lambda run: np.nan if _absent(check, run) else float(run.status == "failed"))
    yield measure("failed", "share of runs", failed, "mean")
    if "failure_time" in check.units:
        lasted = table.of(lambda run: np.nan if _absent(check, run) else _lasted(run, time_ps))
        yield measure("lasted", "ps", lasted, "mean")


def property_measures(data: Sequence[Mapping[str, Any] | None], group: str, units: Mapping[str, str]) -> list[Measure]:
    """Mean absolute error of each kind of quantity, imaginary modes, and the share of systems that did not relax."""
    systems = list(dict.fromkeys(s["system"] for row in data if row for s in row["systems"]))
    tables = [{} if row is None else {s["system"]: s for s in row["systems"]} for row in data]
    seconds = np.array([np.nan if row is None else float(row["seconds"]) for row in data])

    def measure(name: str, unit: str, over: Over, values: list[list[list[float]]]) -> Measure:
        width = max((len(found) for row in values for found in row), default=0)
        padded = [[found + [np.nan] * (max(width, 1) - len(found)) for found in row] for row in values]
        pieces = np.array(padded, dtype=np.float64).reshape(len(data), len(systems), max(width, 1))
        return Measure(name, unit, "properties", "systems", group, pieces, over, seconds)

    def errors(system: Mapping[str, Any] | None, kind: str) -> list[float]:
        found = system["quantities"] if system else []
        return [abs(q["error"]) for q in found if q["kind"] == kind and q["error"] is not None]

    def fact(system: Mapping[str, Any] | None, value: str) -> list[float]:
        if system is None or system["status"] == "failed":
            return [] if system is None or value == "imaginary" else [1.0]
        return [float(system["imaginary"]) if value == "imaginary" else float(not system["relaxed"])]

    def rows(get: Any, *arguments: str) -> list[list[list[float]]]:
        return [[get(table.get(system), *arguments) for system in systems] for table in tables]

    kinds = [measure(f"{kind}_mae", unit, "mean", rows(errors, kind)) for kind, unit in units.items()]
    imaginary = measure("imaginary", "modes", "sum", rows(fact, "imaginary"))
    return [*kinds, imaginary, measure("not_relaxed", "share of systems", "mean", rows(fact, "relaxed"))]


class _Runs:
    """Runs of models by system, as many of each as there are seeds."""

    def __init__(self, systems: Sequence[str], rows: Sequence[MDRow | None]) -> None:
        self.runs: list[list[list[CheckRun]]] = [
            [[run for run in row.runs if run.system == system] if row else [] for system in systems] for row in rows
        ]
        self.width = max((len(found) for row in self.runs for found in row), default=1) or 1

    def of(self, figure: Any) -> Floats:
        """[n_models, n_systems, n_seeds]."""
        pieces = np.full((len(self.runs), len(self.runs[0]), self.width), np.nan)
        for m, row in enumerate(self.runs):
            for s, found in enumerate(row):
                pieces[m, s, : len(found)] = [figure(run) for run in found]
        return pieces


def _figure(check: Check, column: Column, run: CheckRun) -> float:
    if run.status == "failed" and not _absent(check, run) and column.better == "lower":
        return np.inf  # even where there is a value: fragments that fly apart conserve their energy well
    value = run.values.get(column.figure)
    return np.nan if value is None else float(value)


def _absent(check: Check, run: CheckRun) -> bool:
    """Whether a run that counts as failed never began."""
    return run.status == "failed" and "failure_time" in check.units and run.values.get("failure_time") is None


def _lasted(run: CheckRun, time_ps: float) -> float:
    """Time to failure, or of the whole run if there was none: its mean is the restricted mean survival time."""
    failure = run.values.get("failure_time")
    return time_ps if failure is None else float(failure)


def _seconds(rows: Sequence[Any]) -> Floats:
    return np.array([np.nan if row is None or not row.seconds else float(row.seconds) for row in rows])


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
