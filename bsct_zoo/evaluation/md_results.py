"""What a check found of models: runs in rows. JSON schema 1 of kind "md"."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from bsct_zoo.plugins.checks import Check, CheckRun, Column

SCHEMA = 1


@dataclass(frozen=True)
class MDRow:
    """One model under one check.

    Attributes:
        model: as the user named it.
        card: name of the model card.
        checkpoint_sha256: of the weights; None if the model has no file of its own.
        level_of_theory: what the model imitates.
        licence: of the weights.
        device, dtype: what it computed in.
        versions: of the packages that made the numbers.
        status: "ok", "partial" (some runs failed) or "failed" (all did, or the model never came up).
        message: why it never came up, or died; one line.
        seconds: that the runs took, whether now or before.
        ns_per_day: simulated time of all runs together over ``seconds``.
        values: figures of the model, by column; None where no run has any.
        runs: one by one.
        log_tail: last lines that the model printed, where it failed.
        cached: everything was kept from an earlier call.
        bad_input: it failed for what the user can mend.
    """

    model: str
    card: str
    checkpoint_sha256: str | None
    level_of_theory: str
    licence: str
    device: str
    dtype: str
    versions: Mapping[str, str]
    status: Literal["ok", "partial", "failed"]
    message: str
    seconds: float
    ns_per_day: float | None
    values: Mapping[str, float | None]
    runs: tuple[CheckRun, ...]
    log_tail: str = ""
    cached: bool = False
    bad_input: bool = False

    @property
    def n_failed(self) -> int:
        """Runs that failed."""
        return sum(run.status == "failed" for run in self.runs)

    def to_json(self) -> dict[str, Any]:
        """As in the JSON schema."""
        return {
            "model": self.model,
            "card": self.card,
            "checkpoint_sha256": self.checkpoint_sha256,
            "level_of_theory": self.level_of_theory,
            "licence": self.licence,
            "versions": dict(self.versions),
            **self.found_json(),
        }

    def found_json(self) -> dict[str, Any]:
        """What the check found, without who the model is."""
        return {
            "device": self.device,
            "dtype": self.dtype,
            "status": self.status,
            "message": self.message,
            "seconds": round(self.seconds, 3),
            "ns_per_day": self.ns_per_day,
            "n_runs": len(self.runs),
            "n_failed": self.n_failed,
            "values": dict(self.values),
            "runs": [run_json(run) for run in self.runs],
        }


@dataclass(frozen=True)
class MDReport:
    """Models under the same check.

    Attributes:
        version: of bsct-zoo.
        check: which.
        settings: what the user asked for.
        machine: what it ran on.
        rows: one for each model.
        problem: why nothing could be kept for a later call; empty if all is well.
    """

    version: str
    check: Check
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    rows: tuple[MDRow, ...]
    problem: str = ""
    kind: str = field(default="md", init=False)

    def to_json(self) -> dict[str, Any]:
        """As in the JSON schema; see ``docs/dynamics.md``."""
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "bsct_zoo": self.version,
            "check": self.check.name,
            **self.asked_json(),
            "machine": dict(self.machine),
            "rows": [row.to_json() for row in self.rows],
        }

    def asked_json(self) -> dict[str, Any]:
        """What the figures are, and what was asked for."""
        return {
            "units": dict(self.check.units),
            "columns": {c.name: _column_json(c) for c in self.check.shown},
            "settings": dict(self.settings),
        }


def _column_json(column: Column) -> dict[str, Any]:
    return {"figure": column.figure, "over": column.over, "title": column.title, "better": column.better}


def run_json(run: CheckRun) -> dict[str, Any]:
    """A run as in the JSON schema."""
    facts = {"system": run.system, "seed": run.seed, "status": run.status, "message": run.message}
    return {**facts, "values": dict(run.values)}


def run_from_json(data: Mapping[str, Any]) -> CheckRun:
    """Inverse of ``run_json``."""
    return CheckRun(data["system"], data["status"], data["message"], dict(data["values"]), data["seed"])


def over_runs(columns: Sequence[Column], runs: Sequence[CheckRun]) -> dict[str, float | None]:
    """Every column's figure over the runs that have it; None where none has it, but a count and a sum are 0."""
    found: dict[str, float | None] = {}
    for column in columns:
        if column.over == "failures":
            found[column.name] = float(sum(run.status == "failed" for run in runs)) if runs else None
            continue
        values = [value for run in runs if (value := run.values.get(column.figure)) is not None]
        found[column.name] = _reduced(column.over, np.array(values)) if runs else None
    return found


def _reduced(over: str, values: np.ndarray) -> float | None:
    if over == "count":
        return float(len(values))
    if over == "sum":
        return float(values.sum())
    if not len(values):
        return None
    reductions: dict[str, Callable[[np.ndarray], float]] = {
        "median": np.median,
        "median_abs": lambda x: np.median(np.abs(x)),
        "max_abs": lambda x: np.abs(x).max(),
        "max": np.max,
        "min": np.min,
    }
    return float(reductions[over](values))
