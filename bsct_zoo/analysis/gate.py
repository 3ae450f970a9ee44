"""What a comparison is held against in continuous integration: conditions, and an earlier result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bsct_zoo.analysis.changes import Change, changes, check_comparable
from bsct_zoo.analysis.conditions import Condition, fact, parse_condition
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.comparison import Comparison
from bsct_zoo.evaluation.stored import read_comparison
from bsct_zoo.metrics.table import METRICS, Metric
from bsct_zoo.suites.suite import Suite

WORSE = "worse"  # the condition that speaks of the baseline


@dataclass(frozen=True)
class Gate:
    """Conditions that no model may meet.

    Attributes:
        conditions: on models.
        worse: whether being worse than the baseline beyond noise is one more.
        baseline: an earlier result; None without one.
    """

    conditions: tuple[Condition, ...]
    worse: bool
    baseline: Comparison | None

    @staticmethod
    def read(texts: Sequence[str], against: Path | None, metrics: Mapping[str, Metric] = METRICS) -> Gate:
        """The gate that ``texts`` and the file ``against`` describe; ``metrics`` are what conditions may speak of.

        Raises:
            BadInputError: a condition or the file is unusable.
        """
        worse = WORSE in texts
        if worse and against is None:
            raise BadInputError("--fail-if worse needs --against FILE: worse than what?")
        conditions = tuple(parse_condition(text, metrics) for text in texts if text != WORSE)
        return Gate(conditions, worse, None if against is None else read_comparison(against))

    def check(self, suite: Suite, models: Sequence[str]) -> None:
        """Refuse a baseline that says nothing of ``models`` on ``suite``.

        Raises:
            BadInputError: it was made on another suite, or has none of the models.
        """
        if self.baseline is not None:
            check_comparable(self.baseline, suite.name, suite.sha256, models)

    def changes(self, now: Comparison, metrics: Sequence[str]) -> list[Change]:
        """What changed against the baseline in metrics of scans; empty without one."""
        return [] if self.baseline is None else changes(self.baseline, now, [m for m in metrics if m in METRICS])

    def met(self, now: Comparison, changed: Sequence[Change]) -> list[str]:
        """One line for each condition that a model meets."""
        reasons = []
        for row in now.rows:
            for condition in self.conditions:
                if condition.holds(row):
                    found = fact(row, condition.name)
                    shown = f"{found:.4g}" if isinstance(found, float) else found
                    reasons.append(f"{row.model} meets '{condition.text}': {condition.name} is {shown}")
        if self.worse:
            for change in changed:
                if change.verdict == "worse":
                    now_and_then = f"{change.after:.4g} after {change.before:.4g}"
                    reasons.append(f"{change.model} is worse than the baseline in {change.metric}: {now_and_then}")
        return reasons
