"""The result of testing one property: a verdict and the figure behind it, as text and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

Status = Literal["passed", "failed", "reported", "skipped"]


@dataclass(frozen=True)
class Finding:
    """One line of a check.

    Attributes:
        status: "passed", "failed", "skipped" (it does not apply to this model) or "reported" (a figure worth knowing
            that the model does not promise).
        figure: what was measured, in ``unit``; None if there is nothing to measure, infinity if it was not a number.
        limit: the largest allowed ``figure``; None if there is none.
        unit: of both.
        message: why it failed or was skipped, or what the figure is of; one line.
        name: of the property; set by the caller.
        seconds: time of the test.
    """

    status: Status
    figure: float | None = None
    limit: float | None = None
    unit: str = ""
    message: str = ""
    name: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Margin:
    """A figure that must stay within a limit, both in ``unit``; ``what`` describes it."""

    figure: float
    limit: float
    unit: str
    what: str

    @property
    def strain(self) -> float:
        """Figure over limit; infinite if the figure is not a number."""
        ratio = self.figure / self.limit if self.limit else (0.0 if self.figure == 0 else math.inf)
        return ratio if math.isfinite(ratio) else math.inf


def judged(measures: Iterable[Margin], *, required: bool = True) -> Finding:
    """The verdict of the measure that is closest to its limit or furthest beyond it.

    With ``required=False`` a figure beyond its limit is reported, not failed.
    """
    worst = max(measures, key=lambda measure: measure.strain)
    within = worst.strain <= 1
    figure = worst.figure if math.isfinite(worst.figure) else math.inf
    status: Status = "passed" if within else "failed" if required else "reported"
    return Finding(status, figure, worst.limit, worst.unit, "" if within else worst.what)


def passed(message: str = "") -> Finding:
    """The property holds; there is no figure."""
    return Finding("passed", message=message)


def failed(message: str) -> Finding:
    """The property does not hold."""
    return Finding("failed", message=message)


def skipped(reason: str) -> Finding:
    """The property does not apply."""
    return Finding("skipped", message=reason)


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
    return {status: counter[status] for status in get_args(Status)}


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
