"""The result of testing one property: a verdict and the figure behind it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "failed", "skipped", "reported"]


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
