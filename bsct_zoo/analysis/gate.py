"""What a comparison is held against in continuous integration: conditions, and an earlier result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bsct_zoo.analysis.changes import Change, changes, check_comparable
from bsct_zoo.analysis.conditions import Condition, fact, parse_condition
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.results import Results, read_results
from bsct_zoo.metrics.catalogue import METRICS
from bsct_zoo.plugins.tasks import Task

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
    baseline: Results | None

    @staticmethod
    def read(texts: Sequence[str], against: Path | None, columns: Iterable[str] = METRICS) -> Gate:
        """The gate that ``texts`` and the file ``against`` describe; conditions may speak of ``columns``.

        Raises:
            BadInputError: a condition or the file is unusable.
        """
        worse = WORSE in texts
        if worse and against is None:
            raise BadInputError("--fail-if worse needs --against FILE: worse than what?")
        conditions = tuple(parse_condition(text, columns) for text in texts if text != WORSE)
        return Gate(conditions, worse, None if against is None else read_results(against))

    def check(self, tasks: Sequence[Task], models: Sequence[str]) -> None:
        """Refuse a baseline that says nothing of ``models`` under ``tasks``.

        Raises:
            BadInputError: it was made on other suites, or has none of the models.
        """
        if self.baseline is not None:
            check_comparable(self.baseline, {task.name: task.sha256 for task in tasks if task.kind == "scans"}, models)

    def changes(self, now: Results, names: Sequence[str]) -> list[Change]:
        """What changed against the baseline in columns of scans; empty without one."""
        return [] if self.baseline is None else changes(self.baseline, now, names)

    def met(self, now: Results, changed: Sequence[Change]) -> list[str]:
        """One line for each condition that a model meets."""
        reasons = []
        for row in now.rows:
            for condition in self.conditions:
                if condition.holds(now, row):
                    value = fact(now, row, condition.name)
                    shown = f"{value:.4g}" if isinstance(value, float) else value
                    reasons.append(f"{row.model} meets '{condition.text}': {condition.name} is {shown}")
        if self.worse:
            for change in changed:
                if change.verdict == "worse" and change.significant:
                    now_and_then = f"{change.after:.4g} after {change.before:.4g}"
                    reasons.append(f"{change.model} is worse than the baseline in {change.metric}: {now_and_then}")
        return reasons
