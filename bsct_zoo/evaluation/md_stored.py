"""What checks found, read back from JSON of kind "md"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bsct_zoo.evaluation.md_results import SCHEMA, MDReport, MDRow, run_from_json
from bsct_zoo.plugins.checks import Check, Column


def report_from_json(data: Mapping[str, Any]) -> MDReport:
    """Inverse of ``MDReport.to_json``; the check can be read, not run.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    if data.get("kind") != "md" or data.get("schema") != SCHEMA:
        raise ValueError(f"it is not of kind 'md', schema {SCHEMA}")
    return MDReport(
        version=str(data["bsct_zoo"]),
        check=check_from_json(str(data["check"]), data),
        settings=dict(data["settings"]),
        machine=dict(data["machine"]),
        rows=tuple(row_from_json(row, row) for row in data["rows"]),
    )


def check_from_json(name: str, data: Mapping[str, Any]) -> Check:
    """The check called ``name`` as ``units`` and ``columns`` of ``data`` describe it."""
    columns = tuple(
        Column(key, column.get("title", key), column["figure"], column["over"], column.get("better", "lower"))
        for key, column in data["columns"].items()
    )
    return Check(name, "", dict(data["units"]), "", columns)


def row_from_json(data: Mapping[str, Any], about: Mapping[str, Any]) -> MDRow:
    """A model's row; who the model is stands in ``about``, which is ``data`` itself or the row that it is part of."""
    return MDRow(
        model=str(about["model"]),
        card=str(about["card"]),
        checkpoint_sha256=about["checkpoint_sha256"],
        level_of_theory=str(about["level_of_theory"]),
        licence=str(about.get("licence", "")),
        device=str(data["device"]),
        dtype=str(data["dtype"]),
        versions=dict(about["versions"]),
        status=data["status"],
        message=str(data["message"]),
        seconds=float(data["seconds"]),
        ns_per_day=data["ns_per_day"],
        values={name: None if value is None else float(value) for name, value in data["values"].items()},
        runs=tuple(run_from_json(run) for run in data["runs"]),
    )
