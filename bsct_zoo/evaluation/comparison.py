"""What a comparison found: rows of models, scans in rows, metrics in scans. JSON schema 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bsct_zoo.evaluation.md_columns import check_metrics, check_value
from bsct_zoo.evaluation.md_results import MDReport, MDRow
from bsct_zoo.metrics.table import METRICS, Metric

SCHEMA = 1
Status = Literal["ok", "partial", "failed"]


@dataclass(frozen=True)
class ScanResult:
    """One scan judged with one model.

    Attributes:
        id: of the scan.
        group: of the scan, e.g. the bond type.
        status: "ok" or "failed".
        message: why it failed; empty otherwise.
        metrics: value of each metric, None where the scan or a range of it does not allow one.
    """

    id: str
    group: str
    status: Literal["ok", "failed"]
    message: str
    metrics: Mapping[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """As in the JSON schema."""
        return {"id": self.id, "status": self.status, "message": self.message, "metrics": dict(self.metrics)}


@dataclass(frozen=True)
class Row:
    """One model judged on one suite.

    Attributes:
        model: as the user named it.
        card: name of the model card.
        checkpoint_sha256: of the weights; None if the model has no file of its own.
        level_of_theory: what the model imitates.
        device: "cpu", "cuda:0".
        dtype: "float32" or "float64".
        versions: of the packages that made the numbers.
        status: "ok", "partial" (some scans failed) or "failed" (all did, or the model never came up).
        message: why; one line.
        seconds: the model's own time for the predictions, whether made now or kept from before.
        metrics: mean over scans, None where no scan has the metric.
        counts: over how many scans each mean was taken.
        scans: one by one.
        log_tail: last lines that the model printed, where it failed; shown with ``--debug``.
        notes: for footnotes.
        cached: every prediction was kept from an earlier run.
        bad_input: it failed for what the user can mend: a damaged file, no network for its environment.
        licence: of the weights.
        elements: symbols that it knows, empty if it takes any; None if it did not say.
        forces: "gradient" or "direct"; empty if it did not say.
        parameters: how many numbers were trained; None if unknown.
        checks: what checks beside the suite found, by their names.
    """

    model: str
    card: str
    checkpoint_sha256: str | None
    level_of_theory: str
    device: str
    dtype: str
    versions: Mapping[str, str]
    status: Status
    message: str
    seconds: float
    metrics: Mapping[str, float | None]
    counts: Mapping[str, int]
    scans: tuple[ScanResult, ...]
    log_tail: str = ""
    notes: tuple[str, ...] = ()
    cached: bool = False
    bad_input: bool = False
    licence: str = ""
    elements: tuple[str, ...] | None = None
    forces: str = ""
    parameters: int | None = None
    checks: Mapping[str, MDRow] = field(default_factory=dict)

    def value(self, metric: str) -> float | None:
        """Mean over scans of ``metric``, or the figure of a check that it names; None if there is none."""
        return self.metrics[metric] if metric in self.metrics else check_value(self.checks.items(), metric)

    @property
    def n_scans(self) -> int:
        """Scans asked for."""
        return len(self.scans)

    @property
    def n_failed(self) -> int:
        """Scans without an answer."""
        return sum(scan.status == "failed" for scan in self.scans)

    def to_json(self) -> dict[str, Any]:
        """As in the JSON schema."""
        return {
            "model": self.model,
            "card": self.card,
            "checkpoint_sha256": self.checkpoint_sha256,
            "level_of_theory": self.level_of_theory,
            "device": self.device,
            "dtype": self.dtype,
            "licence": self.licence,
            "elements": None if self.elements is None else list(self.elements),
            "forces": self.forces,
            "parameters": self.parameters,
            "versions": dict(self.versions),
            "status": self.status,
            "message": self.message,
            "seconds": round(self.seconds, 3),
            "n_scans": self.n_scans,
            "n_failed": self.n_failed,
            "notes": list(self.notes),
            "metrics": dict(self.metrics),
            "counts": dict(self.counts),
            "scans": [scan.to_json() for scan in self.scans],
            **({"checks": {name: row.found_json() for name, row in self.checks.items()}} if self.checks else {}),
        }


@dataclass(frozen=True)
class Comparison:
    """Models judged on the same scans.

    Attributes:
        version: of bsct-zoo.
        suite: name of the suite.
        suite_sha256: of its file.
        suite_level: its reference's level of theory; None without a reference.
        n_scans: how many of its scans were asked for.
        machine: what it ran on.
        settings: what the user asked for: device, dtype, only, limit, seed, metrics.
        rows: one for each model.
        checks: what else the models went through, by name, without rows of their own: these stand in ``rows``.
        flagged: ids of the scans whose reference is itself at fault, as the suite says: no model is to blame there.
    """

    version: str
    suite: str
    suite_sha256: str
    suite_level: str | None
    n_scans: int
    machine: Mapping[str, Any]
    rows: tuple[Row, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    checks: Mapping[str, MDReport] = field(default_factory=dict)
    flagged: tuple[str, ...] = ()

    @property
    def known(self) -> dict[str, Metric]:
        """Every metric that a row may have, by name: those of scans, and those of its checks."""
        return {**METRICS, **check_metrics(report.check for report in self.checks.values())}

    def with_check(self, report: MDReport) -> Comparison:
        """The same with what ``report``, whose rows are in the same order, found of each model."""
        name = report.check.name
        rows = [replace(row, checks={**row.checks, name: m}) for row, m in zip(self.rows, report.rows, strict=True)]
        return replace(self, rows=tuple(rows), checks={**self.checks, name: replace(report, rows=())})

    def to_json(self) -> dict[str, Any]:
        """As in the JSON schema; see ``docs/json.md``."""
        return {
            "schema": SCHEMA,
            "bsct_zoo": self.version,
            "suite": {
                "name": self.suite,
                "sha256": self.suite_sha256,
                "level_of_theory": self.suite_level,
                "n_scans": self.n_scans,
                "flagged": list(self.flagged),
            },
            "machine": dict(self.machine),
            "settings": dict(self.settings),
            **({"checks": {name: report.asked_json() for name, report in self.checks.items()}} if self.checks else {}),
            "rows": [row.to_json() for row in self.rows],
        }
