"""What a comparison changed against an earlier one, and whether that is more than noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bsct_zoo.analysis.bootstrap import DRAWS, difference, p_value, record_values, significant
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.results import Evaluation, Results
from bsct_zoo.metrics.columns import Column, reduced

ROUNDING = 1e-4  # relative: what single precision makes of another order of summation
Verdict = Literal["same", "noise", "better", "worse", "changed", "unknown"]


@dataclass(frozen=True)
class Change:
    """One metric of one model, then and now, on the scans that both results have.

    Attributes:
        model: as the user named it.
        metric: name.
        before, after: what the column makes of the common scans, mostly their mean; None if there are none.
        low, high: of a mean, interval of after minus before (95 %, bootstrap over scans).
        n_scans: how many scans are common.
        verdict: "same" (to rounding), "noise" (the interval holds zero), "better", "worse", "changed" (a metric
            of which neither is), or "unknown" (too few scans).
        significant: whether the verdict holds among all that were tested together (Holm).
    """

    model: str
    metric: str
    before: float | None
    after: float | None
    low: float | None
    high: float | None
    n_scans: int
    verdict: Verdict
    significant: bool = False


def check_comparable(baseline: Results, tasks: Mapping[str, str], models: Sequence[str]) -> None:
    """Refuse a baseline that says nothing of what is to be compared, before anything is computed.

    Args:
        baseline: earlier results.
        tasks: of the comparison, by name with the sha256 of their items.
        models: of the comparison.

    Raises:
        BadInputError: it was made on other suites, or has none of ``models``.
    """
    known = {task.name: task.sha256 for task in baseline.tasks if task.kind == "scans"}
    if not any(known.get(name) == sha256 for name, sha256 in tasks.items()):
        name, sha256 = next(iter(tasks.items()))
        said = ", ".join(f"'{other}' ({digest[:12]})" for other, digest in known.items()) or "no suite"
        raise BadInputError(
            f"the baseline was made on suite {said}, this is '{name}' ({sha256[:12]}); make the baseline again"
        )
    others = [row.model for row in baseline.rows]
    if not set(others) & set(models):
        raise BadInputError(f"the baseline has no model in common with this; it has {', '.join(others) or 'none'}")


def changes(baseline: Results, now: Results, names: Sequence[str], seed: int = 0) -> list[Change]:
    """Every column of scans among ``names`` of every model that is in both."""
    before = {row.model: row for row in baseline.rows}
    result: list[Change] = []
    pairs: list[tuple[Evaluation, Evaluation, str]] = []
    for row in now.rows:
        for name in names:
            task, column = now.columns[name]
            old = before[row.model].evaluations.get(task.name) if row.model in before else None
            if task.kind == "scans" and old is not None and task.name in row.evaluations:
                result.append(_change(row.model, name, column, old, row.evaluations[task.name], seed))
                pairs.append((old, row.evaluations[task.name], column.of))
    return _together(result, pairs, seed)


def _together(changes: list[Change], pairs: list[tuple[Evaluation, Evaluation, str]], seed: int) -> list[Change]:
    """``changes`` with their significance among all that were tested: many metrics err more often than one."""
    tested = [place for place, change in enumerate(changes) if change.verdict not in ("same", "unknown")]
    draws = max(DRAWS, 400 * len(tested))  # so that the smallest p that counts is ten draws or more
    values = {place: p_value(*pairs[place], seed, draws) for place in tested}
    known = [place for place in tested if values[place] is not None]
    verdicts = significant([p for place in known if (p := values[place]) is not None])
    sure = {place for place, holds in zip(known, verdicts, strict=True) if holds}
    return [replace(change, significant=place in sure) for place, change in enumerate(changes)]


def _change(model: str, name: str, column: Column, old: Evaluation, new: Evaluation, seed: int) -> Change:
    values = record_values([old, new], column.of)
    n = values.shape[1] if values.ndim == 2 else 0
    before, after = (reduced(column.over, line) for line in values.tolist()) if n else (None, None)
    low = high = None
    told = [[column.told(value) for value in line] for line in values.tolist()]
    if n and np.allclose(told[0], told[1], rtol=ROUNDING, atol=0):
        verdict: Verdict = "same"
    elif (result := difference(old, new, column.of, seed)) is None:
        verdict = "unknown"
    else:
        moved, low, high = result
        better: Verdict = "better" if (moved < 0) == (column.better == "lower") else "worse"
        verdict = "noise" if low <= 0 <= high else "changed" if column.better is None else better
        if column.over != "mean":  # the verdict is of means even there
            low = high = None
    return Change(model, name, before, after, low, high, n, verdict)
