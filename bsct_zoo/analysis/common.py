"""Means over the scans that all models have: a mean over other scans does not compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bsct_zoo.analysis.bootstrap import Interval, interval, record_values, resampled_means
from bsct_zoo.analysis.conditions import fact
from bsct_zoo.evaluation.results import ModelResult, Results
from bsct_zoo.metrics.columns import reduced


@dataclass(frozen=True)
class Common:
    """One column of several models.

    Attributes:
        values: of each model, as far as possible over the scans that all of them have.
        intervals: of means over two scans or more (95 %, bootstrap over scans); None of what is no mean.
        note: on which scans, where these are not all; else empty.
    """

    values: tuple[float, ...]
    intervals: tuple[Interval | None, ...]
    note: str = ""


def on_common_scans(results: Results, rows: Sequence[ModelResult], name: str, seed: int = 0) -> Common:
    """The column or number ``name`` of ``rows``, all of which have it."""
    own = tuple(_number(results, row, name) for row in rows)
    task, column = results.columns.get(name, (None, None))
    if task is None or column is None or task.kind != "scans" or not rows:
        return Common(own, (None,) * len(rows))
    evaluations = [row.evaluations[task.name] for row in rows]
    values = record_values(evaluations, column.of)  # [n_rows, n_common]
    n, counts = values.shape[1], [evaluation.counts.get(column.name, 0) for evaluation in evaluations]
    note = ""
    if n < max(counts):
        fewest = rows[counts.index(min(counts))].model
        note = (
            f"{name} is over the {n} scans that every candidate has, of up to {max(counts)} ({fewest} has the fewest)"
        )
    if not n:
        return Common(own, (None,) * len(rows), f"no scan has {name} for every candidate, so its values do not compare")
    draws = resampled_means(values, seed) if n > 1 and column.over == "mean" else None
    spans = (None,) * len(rows) if draws is None else tuple(interval(draws[:, place]) for place in range(len(rows)))
    return Common(tuple(reduced(column.over, line) for line in values.tolist()) if note else own, spans, note)


def _number(results: Results, row: ModelResult, name: str) -> float:
    value = fact(results, row, name)
    assert isinstance(value, float)
    return value
