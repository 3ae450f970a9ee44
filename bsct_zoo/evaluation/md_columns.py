"""A check's columns as metrics beside those of scans: ``nve_drift``, ``heat_failed``."""

from __future__ import annotations

from collections.abc import Iterable

from bsct_zoo.evaluation.md_results import MDRow
from bsct_zoo.metrics.table import Metric
from bsct_zoo.plugins.checks import Check


def check_metrics(checks: Iterable[Check]) -> dict[str, Metric]:
    """Every column of ``checks`` by the name that it has beside the metrics of scans."""
    return {
        f"{check.name}_{column.name}": Metric(
            name=f"{check.name}_{column.name}",
            title=f"{check.name.upper()} {column.title}",
            unit="" if column.over in ("count", "failures") else check.units.get(column.figure, ""),
            better=column.better,
            needs_reference=False,
            source="docs/dynamics.md",
        )
        for check in checks
        for column in check.shown
    }


def check_value(rows: Iterable[tuple[str, MDRow]], name: str) -> float | None:
    """Value of the metric ``name`` in ``rows``, which are pairs of a check's name and a model's row under it."""
    for check, row in rows:
        if name.startswith(f"{check}_") and name.removeprefix(f"{check}_") in row.values:
            return row.values[name.removeprefix(f"{check}_")]
    return None


def check_of(checks: Iterable[str], name: str) -> str | None:
    """Which of ``checks`` the metric ``name`` is of; None if of none."""
    return next((check for check in checks if name.startswith(f"{check}_")), None)
