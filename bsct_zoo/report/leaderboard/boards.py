"""From files of results to boards: what was asked alike, with every model's last run and all runs before."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bsct_zoo.analysis.sources import ModelKey
from bsct_zoo.evaluation.results import ModelResult, Results, TaskInfo

_TITLE = 40  # characters of a name that stand in the name of a file


@dataclass(frozen=True)
class Run:
    """One model on one board, out of one file.

    Attributes:
        results: of this task and this model alone.
        file: that it came from.
    """

    results: Results
    file: str

    @property
    def row(self) -> ModelResult:
        """The model, with the evaluation of the task alone."""
        return self.results.rows[0]

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells models of a leaderboard apart: retrained under the same name and card it is the same one."""
        return (self.row.model, self.row.named, self.row.card)


@dataclass(frozen=True)
class Board:
    """What was asked of all its models alike: the same items, settings and reference.

    Attributes:
        task: that.
        runs: of all models, the oldest first.
    """

    task: TaskInfo
    runs: tuple[Run, ...]

    @property
    def last(self) -> tuple[Run, ...]:
        """The last run of every model."""
        return tuple({run.key: run for run in self.runs}.values())

    @property
    def slug(self) -> str:
        """Name of its page."""
        return slug(self.task.name, *_asked(self.task))

    def results(self) -> Results:
        """The last run of every model, as one set of results; a name that two have is told apart by a number."""
        seen: dict[str, int] = {}
        rows = []
        for run in self.last:
            n = seen[run.row.model] = seen.get(run.row.model, 0) + 1
            rows.append(msgspec.structs.replace(run.row, model=run.row.model + (f" ({n})" if n > 1 else "")))
        first = self.runs[0].results
        return msgspec.structs.replace(first, tasks=(self.task,), rows=tuple(rows))


def boards(files: Sequence[tuple[str, Results]]) -> list[Board]:
    """Boards of all that ``files`` hold but times, which are the machine's; suites first, then by number of models."""
    found: dict[tuple[str, ...], list[Run]] = {}
    tasks: dict[tuple[str, ...], TaskInfo] = {}
    for name, results in files:
        for task in results.tasks:
            if task.kind == "speed":
                continue
            reference = "" if results.reference is None else _reference(results.reference)
            key = (*_asked(task), reference)
            tasks.setdefault(key, msgspec.structs.replace(task, curves={}))
            for row, evaluation in results.rows_under(task):
                own = msgspec.structs.replace(row, evaluations={task.name: evaluation})
                part = msgspec.structs.replace(results, tasks=(tasks[key],), rows=(own,))
                found.setdefault(key, []).append(Run(part, name))
    made = [
        Board(tasks[key], tuple(sorted(runs, key=lambda run: (run.results.date, run.file))))
        for key, runs in found.items()
    ]
    return sorted(made, key=_place)


def _place(board: Board) -> tuple[object, ...]:
    """Suites first, whole ones before those that were cut, then by the number of models."""
    task = board.task
    cut = any(task.settings.get(name) is not None for name in ("limit", "only"))
    return (task.kind != "scans", cut, -len(board.last), task.name, board.slug)


def slug(title: str, *parts: str) -> str:
    """Name of a page: what can be read of ``title``, and a hash of it and ``parts``, which nobody else has."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", title).strip("-.")[:_TITLE]
    return f"{plain or 'page'}-{hashlib.sha256(json.dumps([title, *parts]).encode()).hexdigest()[:8]}"


def _asked(task: TaskInfo) -> tuple[str, ...]:
    settings: Any = {key: value for key, value in task.settings.items() if value is not None}
    about = json.dumps(settings, sort_keys=True, default=str)
    columns = ",".join(f"{column.name} {column.unit}" for column in task.columns if column.name in task.headline)
    return (task.name, task.kind, task.sha256, str(task.n_items), task.level_of_theory or "", columns, about)


def _reference(row: ModelResult) -> str:
    return str(ModelKey.of(row.named or row.model, row.card, row.checkpoint_sha256))
