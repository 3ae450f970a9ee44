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
            BadInputError: it was made on other suites or scans, or lacks the models; with ``worse``, lacks any of them.
        """
        if self.baseline is None:
            return
        scans = [task for task in tasks if task.kind == "scans"]
        check_comparable(self.baseline, {task.name: task.sha256 for task in scans}, models)
        rows = {row.model: row for row in self.baseline.rows}
        if self.worse and (new := [model for model in models if model not in rows]):
            raise BadInputError(f"--fail-if worse: the baseline has no {new[0]}; it has {', '.join(rows)}")
        for task in scans:
            known = {r.id for row in rows.values() if (e := row.evaluations.get(task.name)) for r in e.records}
            if known & {item.id for item in task.items}:
                return
        names = ", ".join(task.name for task in scans)
        raise BadInputError(f"the baseline has no scan of {names} in common with this; choose the same with --only")

    def refuse_no_verdict(self, changed: Sequence[Change]) -> None:
        """Raise where nothing, or with ``worse`` nothing of some model, could be compared: a gate must not pass then.

        Raises:
            BadInputError: there are too few scans with values in both.
        """
        if self.baseline is None:
            return
        told = {change.model for change in changed if (change.verdict != "unknown" if self.worse else change.n_scans)}
        silent = [model for model in dict.fromkeys(change.model for change in changed) if model not in told]
        if not told or (self.worse and silent):
            who = f" of {silent[0]}" if silent else ""
            raise BadInputError(f"nothing{who} can be compared with the baseline: too few scans have values in both")

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
