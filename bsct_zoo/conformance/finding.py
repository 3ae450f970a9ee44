"""What was found of one property of a model: a verdict with the figure that it rests on."""

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
        limit: what ``figure`` may not exceed; None if there is no such limit.
        unit: of both.
        message: why it failed or was skipped, or what the figure is of; one line.
        name: of the property; put on by whoever runs it.
        seconds: that it took.
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
    """A figure that must stay within a limit, both in ``unit``; ``what`` says of what it is."""

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
    """The verdict of the measure that comes nearest to its limit or passes it farthest.

    With ``required=False`` a figure beyond its limit is reported, not failed.
    """
    worst = max(measures, key=lambda measure: measure.strain)
    within = worst.strain <= 1
    figure = worst.figure if math.isfinite(worst.figure) else math.inf
    status: Status = "passed" if within else "failed" if required else "reported"
    return Finding(status, figure, worst.limit, worst.unit, "" if within else worst.what)


def passed(message: str = "") -> Finding:
    """It holds, and there is no figure to it."""
    return Finding("passed", message=message)


def failed(message: str) -> Finding:
    """It does not hold."""
    return Finding("failed", message=message)


def skipped(reason: str) -> Finding:
    """It does not apply."""
    return Finding("skipped", message=reason)
