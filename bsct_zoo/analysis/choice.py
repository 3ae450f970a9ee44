"""Choose among models that were judged alike: what is required, what nothing beats, what is best for which use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bsct_zoo.analysis.bootstrap import mean_interval, significantly_different
from bsct_zoo.analysis.conditions import NUMBERS, Condition, fact
from bsct_zoo.analysis.pareto import dominators
from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.evaluation.comparison import Comparison, Row
from bsct_zoo.evaluation.md_results import MDReport
from bsct_zoo.metrics.table import METRICS, Metric

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

    row: Row
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


def merged(comparisons: Sequence[Comparison]) -> Comparison:
    """One comparison of all models; of a model that is there twice the last result counts.

    Raises:
        BadInputError: they were made on different suites or scans, or checked differently.
    """
    first = comparisons[0]
    checks: dict[str, MDReport] = {}
    for other in comparisons:
        for name, report in other.checks.items():
            if checks.setdefault(name, report).settings != report.settings:
                raise BadInputError(f"results of check '{name}' with different settings do not compare; run it alike")
        if (other.suite_sha256, other.n_scans) != (first.suite_sha256, first.n_scans):
            raise BadInputError(
                f"results on different scans do not compare: {first.suite} ({first.n_scans} scans) and {other.suite} "
                f"({other.n_scans} scans); choose files of one suite"
            )
    rows = {row.model: row for comparison in comparisons for row in comparison.rows}
    return replace(first, rows=tuple(rows.values()), checks=checks)


def select(
    comparison: Comparison, require: Sequence[Condition], minimise: Sequence[str] = OBJECTIVES, seed: int = 0
) -> Selection:
    """Candidates, front and advice.

    Raises:
        UnknownNameError: an objective is neither a metric nor a number that a row has.
    """
    known = comparison.known
    for name in minimise:
        if name not in known and name not in NUMBERS:
            raise UnknownNameError("objective", name, [*known, *NUMBERS])
    excluded: list[tuple[str, str]] = []
    candidates: list[Candidate] = []
    for row in comparison.rows:
        reason = _unfit(row, require, minimise)
        if reason:
            excluded.append((row.model, reason))
            continue
        values = {name: _number(row, name) for name in minimise}
        intervals = {n: found for n in minimise if n in METRICS and (found := mean_interval(row, n, seed)) is not None}
        candidates.append(Candidate(row, values, intervals))
    costs = np.array([[_sign(name, known) * c.values[name] for name in minimise] for c in candidates])
    beaten_by = dominators(costs.reshape(len(candidates), len(minimise)))
    judged = [
        Candidate(c.row, c.values, c.intervals, tuple(candidates[i].row.model for i in by))
        for c, by in zip(candidates, beaten_by, strict=True)
    ]
    judged.sort(key=lambda c: _sign(minimise[0], known) * c.values[minimise[0]])
    return Selection(
        tuple(minimise),
        tuple(c for c in judged if not c.beaten_by),
        tuple(c for c in judged if c.beaten_by),
        tuple(excluded),
        tuple(_advice([c.row for c in judged], seed)),
    )


def _unfit(row: Row, require: Sequence[Condition], minimise: Sequence[str]) -> str:
    """Why ``row`` is no candidate; empty if it is one."""
    if row.status == "failed":
        return f"it failed: {row.message}"
    broken = [c.text for c in require if c.holds(row) is False]
    if broken:
        return "does not meet " + ", ".join(f"'{text}'" for text in broken)
    silent = [c.text for c in require if c.holds(row) is None]
    if silent:
        return "does not say whether it meets " + ", ".join(f"'{text}'" for text in silent)
    missing = [name for name in minimise if fact(row, name) is None]
    return f"has no {', '.join(missing)}" if missing else ""


def _advice(rows: list[Row], seed: int) -> list[tuple[str, str]]:
    """One sentence for each use; ties within the noise of the scans are called ties."""
    conservative = [row for row in rows if row.forces != "direct"]
    sound = [row for row in conservative if not any(found.n_failed for found in row.checks.values())]
    simulated = " and no run of which failed" if any(row.checks for row in sound) else ""
    advice = []
    if found := _best(sound, "fsd_full", seed):
        advice.append(
            ("molecular dynamics", f"{found}, smoothest of the models whose forces are a gradient{simulated}")
        )
    elif rows:
        why = "runs of every candidate failed" if conservative else "every candidate predicts its forces directly"
        advice.append(("molecular dynamics", f"none: {why}"))
    if found := _best(rows, "forces_mae_full", seed):
        advice.append(("relaxation", f"{found}, with the smallest error of forces"))
    errors = {row.model: value for row in rows if (value := row.metrics.get("energy_mae_aligned_full")) is not None}
    good = [row for row in rows if row.model in errors and errors[row.model] <= _SLACK * min(errors.values())]
    if good:
        fastest = min(good, key=lambda row: row.seconds)
        why = f"the fastest of those within {_SLACK:g} times the smallest error of aligned energies"
        advice.append(("screening", f"{fastest.model}, {why}"))
    return advice


def _best(rows: list[Row], metric: str, seed: int) -> str:
    there = [row for row in rows if row.metrics.get(metric) is not None]
    if not there:
        return ""
    best = min(there, key=lambda row: _sign(metric, METRICS) * _number(row, metric))
    ties = [row.model for row in there if row is not best and not significantly_different(best, row, metric, seed)]
    return best.model + (f" (tied with {', '.join(ties)} on these scans)" if ties else "")


def _number(row: Row, name: str) -> float:
    found = fact(row, name)
    assert isinstance(found, float)
    return found


def _sign(name: str, known: Mapping[str, Metric]) -> float:
    return -1.0 if name in known and known[name].better == "higher" else 1.0
