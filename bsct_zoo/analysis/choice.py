"""Choose among models that were judged alike: what is required, what nothing beats, what is best for which use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from ase.data import chemical_symbols

from bsct_zoo.analysis.bootstrap import significantly_different
from bsct_zoo.analysis.common import on_common_scans
from bsct_zoo.analysis.conditions import NUMBERS, Condition, fact, primary
from bsct_zoo.analysis.dynamics import by_dynamics
from bsct_zoo.analysis.pareto import dominators
from bsct_zoo.analysis.reference import is_reference
from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.evaluation.results import ModelResult, Results, TaskInfo

OBJECTIVES = ("fsd_full", "forces_mae_full", "seconds")
_STEP = 0.005  # eV: what ``transformer``, which keeps its energy in dynamics, has on ``core`` (docs/correlation.md)
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
        notes: what the choice does not rest on.
    """

    objectives: tuple[str, ...]
    front: tuple[Candidate, ...]
    beaten: tuple[Candidate, ...]
    excluded: tuple[tuple[str, str], ...]
    advice: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


def merged(files: Sequence[Results], several_suites: bool = False) -> Results:
    """One set of results of all models; of a model that is there twice the last result of a task counts.

    Args:
        files: what is put together.
        several_suites: take files of different suites too, which nothing is chosen by.

    Raises:
        BadInputError: tasks of one name were put on different items or with different settings, or errors of
            properties are against different references.
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
            if task.curves.keys() - first.curves.keys():
                tasks[task.name] = msgspec.structs.replace(first, curves={**task.curves, **first.curves})
        for row in results.rows:
            old = rows.get(row.model)
            if old is not None and _other_model(old, row):
                old = None  # trained anew, or another one under the same label: no mixture of the two
            evaluations = {**(old.evaluations if old is not None else {}), **row.evaluations}
            rows[row.model] = msgspec.structs.replace(row, evaluations=evaluations)
    references = [results.reference for results in files if results.reference is not None]
    if len({(one.named or one.model, one.checkpoint_sha256) for one in references}) > 1:
        names = " and ".join(dict.fromkeys(one.model for one in references))
        raise BadInputError(f"errors are against {names}, which do not compare; choose files of one reference")
    if not several_suites and len({task.sha256 for task in tasks.values() if task.kind == "scans"}) > 1:
        names = " and ".join(f"{task.name} ({task.n_items} scans)" for task in tasks.values() if task.kind == "scans")
        if not any(len([t for t in results.tasks if t.kind == "scans"]) > 1 for results in files):
            raise BadInputError(f"results on different scans do not compare: {names}; choose files of one suite")
    reference = references[0] if references else None
    return msgspec.structs.replace(
        files[0], tasks=tuple(tasks.values()), rows=tuple(rows.values()), reference=reference
    )


def _other_model(one: ModelResult, other: ModelResult) -> bool:
    return (one.named, one.card, one.checkpoint_sha256) != (other.named, other.card, other.checkpoint_sha256)


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
    fit: list[ModelResult] = []
    for row in results.rows:
        reason = _unfit(results, row, require, minimise)
        if reason:
            excluded.append((row.model, reason))
        else:
            fit.append(row)
    task = primary(results)
    itself = [row for row in fit if is_reference(results, task, row, row.evaluations[task.name])]
    if len(itself) < len(fit):  # alone it has no rival
        fit = [row for row in fit if row not in itself]
        excluded += [(row.model, "it is the reference itself, so its errors say nothing") for row in itself]
    judged_on = {name: on_common_scans(results, fit, name, seed) for name in minimise}
    candidates = [
        Candidate(
            row,
            {name: common.values[place] for name, common in judged_on.items()},
            {name: span for name, common in judged_on.items() if (span := common.intervals[place]) is not None},
        )
        for place, row in enumerate(fit)
    ]
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
        (*_untested(results, require), *(common.note for common in judged_on.values() if common.note)),
    )


def _untested(results: Results, require: Sequence[Condition]) -> Iterator[str]:
    """Elements that are required and that nothing was judged on."""
    wanted = [e for c in require if c.name == "elements" and isinstance(c.value, frozenset) for e in c.value]
    for task in [primary(results), *(task for task in results.tasks if task.kind == "md")] if wanted else []:
        if task.elements is None:
            yield f"these results do not say which elements are in '{task.name}'; run it again to know"
        elif missing := [symbol for symbol in chemical_symbols if symbol in wanted and symbol not in task.elements]:
            them = "it" if len(missing) == 1 else "them"
            mend = "build a suite that does and choose by it" if task.kind == "scans" else "simulate molecules that do"
            yield f"untested with {', '.join(missing)}: no {task.noun} of '{task.name}' holds {them}; {mend}"


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
    advice = []
    if rows:
        advice.append(("molecular dynamics", by_dynamics(results, rows) or _by_smoothness(results, rows, seed)))
    if best := _best(results, rows, "forces_mae_full", seed):
        advice.append(("relaxation", f"{best}, with the smallest error of forces"))
    known = [row for row in rows if results.value(row, "energy_mae_aligned_full") is not None]
    errors = on_common_scans(results, known, "energy_mae_aligned_full", seed).values if known else ()
    good = [row for row, error in zip(known, errors, strict=True) if error <= _SLACK * min(errors)]
    if good:
        fastest = min(good, key=lambda row: _number(results, row, "seconds"))
        why = f"the fastest of those within {_SLACK:g} times the smallest error of aligned energies"
        advice.append(("screening", f"{fastest.model}, {why}"))
    return advice


def _by_smoothness(results: Results, rows: list[ModelResult], seed: int) -> str:
    conservative = [row for row in rows if row.conservative is not False]
    dynamics = [task.name for task in results.tasks if task.kind == "md"]
    fallen = [row for row in conservative if any(row.evaluations[n].n_failed for n in dynamics if n in row.evaluations)]
    sound = [row for row in conservative if row not in fallen]
    without_steps = _without_steps(results, sound, seed)
    if best := _best(results, without_steps or sound, "fsd_full", seed):
        whose = "whose energy has no step along a scan" if without_steps else "whose forces are a gradient"
        return f"{best}, smoothest of the models {whose}"
    return "none: every candidate predicts its forces directly" if not conservative else "none: no candidate has an FSD"


def _without_steps(results: Results, rows: list[ModelResult], seed: int) -> list[ModelResult]:
    """Those whose path residual, which goes with the drift of dynamics, is small; none if not all have it."""
    if not rows or any(results.value(row, "path_residual") is None for row in rows):
        return []
    residuals = on_common_scans(results, rows, "path_residual", seed).values
    return [row for row, residual in zip(rows, residuals, strict=True) if residual <= max(_STEP, min(residuals))]


def _best(results: Results, rows: list[ModelResult], name: str, seed: int) -> str:
    known = [row for row in rows if results.value(row, name) is not None]
    if not known:
        return ""
    task, column = results.columns[name]
    values = on_common_scans(results, known, name, seed).values
    best = known[int(np.argmin([_sign(results, name) * value for value in values]))]
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
