"""Columns: what a number of a result is (unit, direction), and how the metrics of many records become one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Over = Literal["mean", "median", "median_abs", "max_abs", "max", "min", "sum", "count", "failures", "mae", "ns_per_day"]
Comparable = Literal["always", "same level", "never"]
Better = Literal["lower", "higher"]
BSCT = "arXiv:2602.04861"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A number of a model, made of one metric of its records.

    Attributes:
        name: as in results.
        title: for a table's header.
        unit: empty if it has none.
        better: "lower" or "higher"; None if neither is.
        metric: of the records; ``name`` if empty.
        over: "mean", "median", "sum", "max" or "min" over the records that have the metric; "median_abs" or "max_abs"
            of |x|; "count" of the records that have it; "failures": records that failed, whatever the metric says;
            "mae": mean absolute error over the quantities of kind ``metric`` of all records; "ns_per_day": sum over
            records of a time in ps, as ns for each day that the evaluation took.
        needs_reference: whether an item must have a reference for it.
        source: where it is defined.
        comparable: between which models: "same level" of theory as the reference for absolute energies, whose zero
            depends on it; "never" for those that models which ignore spin get wrong, too.
        negligible: values up to it are equal: rounding, or less than the metric can tell.
    """

    name: str
    title: str
    unit: str = ""
    better: Better | None = "lower"
    metric: str = ""
    over: Over = "mean"
    needs_reference: bool = False
    source: str = BSCT
    comparable: Comparable = "always"
    negligible: float = 0.0

    def told(self, value: float) -> float:
        """``value`` as far as it tells something: what is negligible is all one."""
        return max(value, self.negligible) if self.negligible else value

    @property
    def of(self) -> str:
        """Name of the metric of records."""
        return self.metric or self.name


def aggregate(column: Column, records: Sequence[Any], seconds: float = 0.0) -> tuple[float | None, int]:
    """Value of ``column`` over ``records``, and over how many of them (quantities for "mae") it is; (None, 0) if none.

    Args:
        column: which.
        records: with ``status``, ``metrics`` and ``quantities`` each.
        seconds: that the evaluation took.
    """
    if not records:
        return None, 0
    if column.over == "failures":
        return float(sum(record.status == "failed" for record in records)), len(records)
    if column.over == "mae":
        errors = [q.error for record in records for q in record.quantities if q.kind == column.of]
        values = [abs(error) for error in errors if error is not None]
        return (sum(values) / len(values) if values else None), len(values)
    values = [value for record in records if (value := record.metrics.get(column.of)) is not None]
    if column.over == "count":
        return float(len(values)), len(records)
    if column.over == "sum" and not values:
        return 0.0, 0
    if not values or (column.over == "ns_per_day" and not seconds):
        return None, 0
    value = reduced(column.over, values)
    return (value * 1e-3 * 86400 / seconds if column.over == "ns_per_day" else value), len(values)


def reduced(over: Over, values: Sequence[float]) -> float:
    """One number of those of records."""
    import numpy as np  # imported late: plugins declare columns at every start of the command line

    x = np.array(values)
    if over in ("median_abs", "max_abs"):
        x, over = np.abs(x), "median" if over == "median_abs" else "max"
    reduced = np.sum(x) if over in ("sum", "ns_per_day") else getattr(np, over)(x)  # mean, median, max or min
    return float(reduced)
