"""Findings as text and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from bsct_zoo.conformance.finding import Finding

_ORDER = ("passed", "failed", "reported", "skipped")


def number(value: float | None) -> str:
    """Three significant digits; empty for None."""
    if value is None:
        return ""
    return f"{value:.3g}" if math.isfinite(value) else "∞"


def line(finding: Finding) -> str:
    """One line with everything that matters: property, figure, limit, reason."""
    figure = f"{number(finding.figure)} {finding.unit}".strip()
    if finding.limit is not None:
        figure += f" (limit {number(finding.limit)})"
    return ": ".join(filter(None, (finding.name, figure, finding.message)))


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """Number of findings of each status."""
    counter = Counter(finding.status for finding in findings)
    return {status: counter[status] for status in _ORDER}  # type: ignore[index]


def as_json(finding: Finding) -> dict[str, Any]:
    """A finding as JSON; null where there is no finite number."""
    values = {"figure": finding.figure, "limit": finding.limit}
    finite = {name: value if value is not None and math.isfinite(value) else None for name, value in values.items()}
    return {
        "property": finding.name,
        "status": finding.status,
        **finite,
        "unit": finding.unit,
        "message": finding.message,
        "seconds": round(finding.seconds, 3),
    }
