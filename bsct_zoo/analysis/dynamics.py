"""Which model to simulate with, by simulations: runs that failed, then the drift of the energy."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

from bsct_zoo.evaluation.results import Evaluation, ModelResult, Results, TaskInfo

_ERRORS = 2.0  # standard errors within which two drifts are the same


def by_dynamics(results: Results, rows: Sequence[ModelResult]) -> str:
    """The best of ``rows``, as far as results hold molecular dynamics, and why; empty where they hold none.

    Runs of every check count as failures. The drift is that of the first check that has one, ``nve`` before others.
    """
    checks = [task for task in results.tasks if task.kind == "md"]
    checks.sort(key=lambda task: task.name != "nve")
    simulated = [row for row in rows if any(task.name in row.evaluations for task in checks)]
    if not simulated:
        return ""
    sound = [
        row
        for row in simulated
        if not any(row.evaluations[c.name].n_failed for c in checks if c.name in row.evaluations)
    ]
    if not sound:
        return f"none: runs of {'every candidate' if len(simulated) == len(rows) else 'all that were simulated'} failed"
    some = "" if len(simulated) == len(rows) else f" of the {len(simulated)} candidates that were simulated"
    for check in checks:
        drifts = [(row, drift) for row in sound if (drift := _drift(check, row)) is not None]
        if drifts:
            return _smallest(results, check, drifts) + some
    best = min(sound, key=lambda row: _fsd(results, row))
    return f"{best.model}, smoothest of those no run of which failed{some}; no run was long enough for a drift"


def _smallest(results: Results, check: TaskInfo, drifts: Sequence[tuple[ModelResult, tuple[float, float]]]) -> str:
    """The smallest drift; among equals within their errors the smoothest model."""
    lowest = min(drifts, key=lambda one: one[1][0])[1]
    same = [(row, drift) for row, drift in drifts if drift[0] - lowest[0] <= _ERRORS * hypot(drift[1], lowest[1])]
    same.sort(key=lambda one: _fsd(results, one[0]))
    best, (drift, _) = same[0]
    others = ", ".join(row.model for row, _ in same[1:])
    tied = (
        f"; its drift is that of {others} within {_ERRORS:g} errors, and it is the smoothest of them" if others else ""
    )
    return f"{best.model}, no run of which failed, with a drift in {check.name} of {drift:.3g} meV/atom/ps{tied}"


def _fsd(results: Results, row: ModelResult) -> float:
    fsd = results.value(row, "fsd_full")
    return float("inf") if fsd is None else fsd


def _drift(check: TaskInfo, row: ModelResult) -> tuple[float, float] | None:
    """Median |drift| of a model and its error, meV/atom/ps; None without one."""
    evaluation: Evaluation | None = row.evaluations.get(check.name)
    drift = None if evaluation is None else evaluation.values.get("drift")
    if evaluation is None or drift is None:
        return None
    return drift, evaluation.values.get("drift_error") or 0.0
