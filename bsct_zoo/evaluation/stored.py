"""Comparisons read back from the JSON that ``compare --json`` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.comparison import SCHEMA, Comparison, Row, ScanResult
from bsct_zoo.evaluation.md_results import MDReport
from bsct_zoo.evaluation.md_stored import check_from_json, row_from_json


def read_comparison(path: Path) -> Comparison:
    """The comparison that is kept in ``path``.

    Raises:
        BadInputError: the file is missing, not JSON, or not a comparison of schema 1.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # of JSON, and of the encoding
        raise BadInputError(f"{path} is not JSON ({error}); write it with: bsct-zoo compare ... --json FILE") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = f"schema {data['schema']}" if isinstance(data, dict) and "schema" in data else "no schema"
        raise BadInputError(f"{path} has {found}; this bsct-zoo reads what 'compare --json' writes, schema {SCHEMA}")
    try:
        return comparison_from_json(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise BadInputError(f"{path} is not a comparison of schema {SCHEMA}: {what}") from error


def comparison_from_json(data: dict[str, Any]) -> Comparison:
    """Inverse of ``Comparison.to_json``.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is none.
    """
    suite = data["suite"]
    version, machine = str(data["bsct_zoo"]), dict(data["machine"])
    return Comparison(
        version=version,
        suite=str(suite["name"]),
        suite_sha256=str(suite["sha256"]),
        suite_level=suite["level_of_theory"],
        n_scans=int(suite["n_scans"]),
        machine=machine,
        rows=tuple(_row(row) for row in data["rows"]),
        settings=dict(data.get("settings", {})),
        flagged=tuple(str(scan) for scan in suite.get("flagged", ())),
        checks={
            name: MDReport(version, check_from_json(name, about), dict(about["settings"]), machine, rows=())
            for name, about in data.get("checks", {}).items()
        },
    )


def _row(data: dict[str, Any]) -> Row:
    elements = data.get("elements")
    return Row(
        model=str(data["model"]),
        card=str(data["card"]),
        checkpoint_sha256=data["checkpoint_sha256"],
        level_of_theory=str(data["level_of_theory"]),
        device=str(data["device"]),
        dtype=str(data["dtype"]),
        versions=dict(data["versions"]),
        status=data["status"],
        message=str(data["message"]),
        seconds=float(data["seconds"]),
        metrics=_numbers(data["metrics"]),
        counts={str(name): int(count) for name, count in data.get("counts", {}).items()},
        scans=tuple(_scan(scan) for scan in data["scans"]),
        licence=str(data.get("licence", "")),
        elements=None if elements is None else tuple(str(symbol) for symbol in elements),
        forces=str(data.get("forces", "")),
        parameters=None if data.get("parameters") is None else int(data["parameters"]),
        checks={name: row_from_json(found, data) for name, found in data.get("checks", {}).items()},
    )


def _scan(data: dict[str, Any]) -> ScanResult:
    name = str(data["id"])
    return ScanResult(name, name.rpartition("/")[0], data["status"], str(data["message"]), _numbers(data["metrics"]))


def _numbers(data: dict[str, Any]) -> dict[str, float | None]:
    return {str(name): None if value is None else float(value) for name, value in data.items()}
