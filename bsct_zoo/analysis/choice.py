"""Choose among models that were judged alike: what is required, what nothing beats, what is best for which use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from bsct_zoo.analysis.bootstrap import mean_interval, significantly_different
from bsct_zoo.analysis.conditions import NUMBERS, Condition, fact, primary
from bsct_zoo.analysis.pareto import dominators
from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.evaluation.results import ModelResult, Results, TaskInfo

OBJECTIVES = ("fsd_full", "forces_mae_full", "seconds")
_SLACK = 1.5  # for screening: how much larger than the smallest an error may be for the sake of speed


@dataclass(frozen=True)
class Candidate:
    """A model that meets every requirement.

    Attributes:
        row: its result.
        values: of each objective.
        intervals: of those that are means over scans (95 %, bootstrap over scans).
        beaten_by: models that are no worse in any objective and better in one; none if it is on the front.
    """

    row: ModelResult
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    beaten_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """What is left to choose from.

    Attributes:
        objectives: names, each to be minimised (maximised where a metric is better high).
        front: candidates that nothing beats, by the first objective.
        beaten: the other candidates.
        excluded: models with the reason why they are none.
        advice: one sentence for each use.
    """

    objectives: tuple[str, ...]
    front: tuple[Candidate, ...]
    beaten: tuple[Candidate, ...]
    excluded: tuple[tuple[str, str], ...]
    advice: tuple[tuple[str, str], ...]


def merged(files: Sequence[Results]) -> Results:
    """One set of results of all models; of a model that is there twice the last result of a task counts.

    Raises:
        BadInputError: tasks of one name were put on different items or with different settings.
    """
    tasks: dict[str, TaskInfo] = {}
    rows: dict[str, ModelResult] = {}
    for results in files:
        for task in results.tasks:
            first = tasks.setdefault(task.name, task)
            if task.kind == "scans" and (task.sha256, task.n_items) != (first.sha256, first.n_items):
                raise BadInputError(
                    f"results on different scans do not compare: {first.name} ({first.n_items} scans) and {task.name} "
                    f"({task.n_items} scans); choose files of one suite"
                )
            if task.kind != "scans" and task.settings != first.settings:
                raise BadInputError(f"results of '{task.name}' with different settings do not compare; run it alike")
        for row in results.rows:
            old = rows.get(row.model)
            evaluations = {**(old.evaluations if old is not None else {}), **row.evaluations}
            rows[row.model] = msgspec.structs.replace(row, evaluations=evaluations)
    if len({task.sha256 for task in tasks.values() if task.kind == "scans"}) > 1:
        names = " and ".join(f"{task.name} ({task.n_items} scans)" for task in tasks.values() if task.kind == "scans")
        if not any(len([t for t in results.tasks if t.kind == "scans"]) > 1 for results in files):
            raise BadInputError(f"results on different scans do not compare: {names}; choose files of one suite")
    return msgspec.structs.replace(files[0], tasks=tuple(tasks.values()), rows=tuple(rows.values()))


def select(
    results: Results, require: Sequence[Condition], minimise: Sequence[str] = OBJECTIVES, seed: int = 0
) -> Selection:
    """Candidates, front and advice.

    Raises:
        UnknownNameError: an objective is neither a column nor a number that a row has.
    """
    for name in minimise:
        if name not in results.columns and name not in NUMBERS:
            raise UnknownNameError("objective", name, [*results.columns, *NUMBERS])
    excluded: list[tuple[str, str]] = []
    candidates: list[Candidate] = []
    for row in results.rows:
        reason = _unfit(results, row, require, minimise)
        if reason:
            excluded.append((row.model, reason))
            continue
        values = {name: _number(results, row, name) for name in minimise}
        intervals = {name: span for name in minimise if (span := _interval(results, row, name, seed)) is not None}
        candidates.append(Candidate(row, values, intervals))
    costs = np.array([[_sign(results, name) * c.values[name] for name in minimise] for c in candidates])
    beaten_by = dominators(costs.reshape(len(candidates), len(minimise)))
    judged = [
        replace(c, beaten_by=tuple(candidates[i].row.model for i in by))
        for c, by in zip(candidates, beaten_by, strict=True)
    ]
    judged.sort(key=lambda c: _sign(results, minimise[0]) * c.values[minimise[0]])
    return Selection(
        tuple(minimise),
        tuple(c for c in judged if not c.beaten_by),
        tuple(c for c in judged if c.beaten_by),
        tuple(excluded),
        tuple(_advice(results, [c.row for c in judged], seed)),
    )


def _interval(results: Results, row: ModelResult, name: str, seed: int) -> tuple[float, float] | None:
    """Interval of a mean over scans; None of anything else."""
    if name not in results.columns or results.columns[name][0].kind != "scans":
        return None
    task, column = results.columns[name]
    return mean_interval(row.evaluations[task.name], column.of, seed)


def _unfit(results: Results, row: ModelResult, require: Sequence[Condition], minimise: Sequence[str]) -> str:
    """Why ``row`` is no candidate; empty if it is one."""
    evaluation = row.evaluations.get(primary(results).name)
    if evaluation is None or evaluation.status == "failed":
        return f"it failed: {evaluation.message if evaluation else 'it was not tested on these scans'}"
    broken = [c.text for c in require if c.holds(results, row) is False]
    if broken:
        return "does not meet " + ", ".join(f"'{text}'" for text in broken)
    silent = [c.text for c in require if c.holds(results, row) is None]
    if silent:
        return "does not say whether it meets " + ", ".join(f"'{text}'" for text in silent)
    missing = [name for name in minimise if fact(results, row, name) is None]
    return f"has no {', '.join(missing)}" if missing else ""


def _advice(results: Results, rows: list[ModelResult], seed: int) -> list[tuple[str, str]]:
    """One sentence for each use; ties within the noise of the scans are called ties."""
    dynamics = [task.name for task in results.tasks if task.kind == "md"]
    conservative = [row for row in rows if row.conservative is not False]
    sound = [
        row for row in conservative if not any(row.evaluations[n].n_failed for n in dynamics if n in row.evaluations)
    ]
    simulated = " and no run of which failed" if any(n in row.evaluations for row in sound for n in dynamics) else ""
    advice = []
    if best := _best(results, sound, "fsd_full", seed):
        advice.append(("molecular dynamics", f"{best}, smoothest of the models whose forces are a gradient{simulated}"))
    elif rows:
        why = "runs of every candidate failed" if conservative else "every candidate predicts its forces directly"
        advice.append(("molecular dynamics", f"none: {why}"))
    if best := _best(results, rows, "forces_mae_full", seed):
        advice.append(("relaxation", f"{best}, with the smallest error of forces"))
    errors = {row.model: v for row in rows if (v := results.value(row, "energy_mae_aligned_full")) is not None}
    good = [row for row in rows if row.model in errors and errors[row.model] <= _SLACK * min(errors.values())]
    if good:
        fastest = min(good, key=lambda row: _number(results, row, "seconds"))
        why = f"the fastest of those within {_SLACK:g} times the smallest error of aligned energies"
        advice.append(("screening", f"{fastest.model}, {why}"))
    return advice


def _best(results: Results, rows: list[ModelResult], name: str, seed: int) -> str:
    known = [row for row in rows if results.value(row, name) is not None]
    if not known:
        return ""
    task, column = results.columns[name]
    best = min(known, key=lambda row: _sign(results, name) * _number(results, row, name))
    evaluation = best.evaluations[task.name]
    ties = [
        row.model
        for row in known
        if row is not best and not significantly_different(evaluation, row.evaluations[task.name], column.of, seed)
    ]
    return best.model + (f" (tied with {', '.join(ties)} on these scans)" if ties else "")


def _number(results: Results, row: ModelResult, name: str) -> float:
    value = fact(results, row, name)
    assert isinstance(value, float)
    return value


def _sign(results: Results, name: str) -> float:
    return -1.0 if name in results.columns and results.columns[name][1].better == "higher" else 1.0
