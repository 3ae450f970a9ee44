"""Everything of the page but curves: tasks, models, their numbers with intervals, records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from bsct_zoo.analysis.bootstrap import interval, resampled_means
from bsct_zoo.analysis.conditions import primary
from bsct_zoo.analysis.reference import is_reference
from bsct_zoo.evaluation.results import Evaluation, ModelResult, Record, Results, TaskInfo
from bsct_zoo.plugins.registry import registry
from bsct_zoo.report.best import best_rows
from bsct_zoo.report.model import lines
from bsct_zoo.report.page.verdict import advice, verdict
from bsct_zoo.report.reasons import reason

# Of a card; the rest stands in the results, or is about this machine (paths), which is nobody's business elsewhere.
_CARD = ("title", "family", "source", "fetched from", "needs", "options", "trains", "cite")


def summary(results: Results) -> dict[str, Any]:
    """As JSON holds it; see ``assets`` for who reads it."""
    return {
        "verdict": verdict(results) if results.tasks and results.rows else "There are no results.",
        "advice": [{"use": use, "text": text} for use, text in advice(results)] if results.rows else [],
        "bsct_zoo": results.bsct_zoo,
        "machine": {key: str(value) for key, value in results.machine.items()},
        "settings": {key: str(value) for key, value in results.settings.items() if value is not None},
        "primary": primary(results).name if results.tasks else "",
        "tasks": [_task(task) for task in results.tasks],
        "models": [_model(results, row) for row in results.rows],
        "reference": None if results.reference is None else results.reference.model,
    }


def _task(task: TaskInfo) -> dict[str, Any]:
    return {
        "name": task.name,
        "kind": task.kind,
        "title": task.title,
        "noun": task.noun,
        "n_items": task.n_items,
        "counted": task.counted,
        "level_of_theory": task.level_of_theory,
        "sha256": task.sha256,
        "flagged": list(task.flagged),
        "headline": list(task.headline) or [column.name for column in task.columns],
        "columns": [{**asdict(column), "of": column.of} for column in task.columns],
        "settings": {key: _text(value) for key, value in task.settings.items() if value not in (None, "", [], ())},
    }


def _model(results: Results, row: ModelResult) -> dict[str, Any]:
    return {
        "model": row.model,
        "named": row.named,
        "card": row.card,
        "level_of_theory": row.level_of_theory,
        "licence": row.licence,
        "elements": None if row.elements is None else list(row.elements),
        "conservative": row.conservative,
        "parameters": row.parameters,
        "checkpoint_sha256": row.checkpoint_sha256,
        "facts": _card(row),
        "evaluations": {
            task.name: _evaluation(results, task, row, row.evaluations[task.name])
            for task in results.tasks
            if task.name in row.evaluations
        },
    }


def _card(row: ModelResult) -> dict[str, str]:
    """What the card says, if it is installed here."""
    name = (row.named or row.model).partition("@")[0].partition(":")[0]
    adapter = registry().adapters.get(name)
    card = next((card for card in adapter.cards if card.name == row.card), None) if adapter else None
    if adapter is None or card is None:
        return {}
    return {key: str(value) for key, value in lines(adapter, card).items() if key in _CARD}


def _evaluation(results: Results, task: TaskInfo, row: ModelResult, evaluation: Evaluation) -> dict[str, Any]:
    rows = [(one, one.evaluations.get(task.name)) for one in results.rows]
    place = next(n for n, one in enumerate(results.rows) if one is row)
    metrics = list(dict.fromkeys(name for record in evaluation.records for name in record.metrics))
    return {
        "status": evaluation.status,
        "message": evaluation.message,
        "seconds": evaluation.seconds,
        "device": evaluation.device,
        "dtype": evaluation.dtype,
        "versions": dict(evaluation.versions),
        "notes": list(evaluation.notes),
        "values": dict(evaluation.values),
        "counts": dict(evaluation.counts),
        "intervals": mean_intervals(task, evaluation),
        "best": [column.name for column in task.columns if place in best_rows(results, task, column, rows)],
        "is_reference": is_reference(results, task, row, evaluation),
        "metrics": metrics,
        "records": [_record(record, metrics, task.kind) for record in evaluation.records],
    }


def _record(record: Record, metrics: list[str], kind: str) -> dict[str, Any]:
    """Without what is empty; curves of scans travel with their scan."""
    facts: dict[str, Any] = {
        "group": record.group,
        "message": record.message,
        "why": reason(record) if kind == "scans" else "",
        "missing": {reason: names for reason, names in record.missing.items() if record.status != "failed"},
        "seed": record.seed,
        "charge": record.charge,
        "notes": list(record.notes),
        "quantities": [asdict(quantity) for quantity in record.quantities],
        "curves": {} if kind == "scans" else dict(record.curves),
    }
    kept = {key: value for key, value in facts.items() if value not in ("", None, 0, [], {})}
    values = [record.metrics.get(name) for name in metrics]
    return {"id": record.id, "status": record.status, "multiplicity": record.multiplicity, "values": values, **kept}


def mean_intervals(task: TaskInfo, evaluation: Evaluation) -> Mapping[str, tuple[float, float]]:
    """95 % intervals (bootstrap over items) of the columns that are means, by name; of two items or more."""
    columns = [column for column in task.columns if column.over == "mean"]
    rows = {c.name: [record.metrics.get(c.of) for record in evaluation.records] for c in columns}
    same: dict[tuple[bool, ...], list[str]] = {}  # columns that the same items have are drawn together
    for name, values in rows.items():
        same.setdefault(tuple(value is not None for value in values), []).append(name)
    found = {}
    for there, names in same.items():
        if sum(there) < 2:
            continue
        drawn = np.array([[v for v in rows[name] if v is not None] for name in names], np.float64)
        means = resampled_means(drawn)
        for place, name in enumerate(names):
            if (span := interval(means[:, place])) is not None:
                found[name] = span
    return found


def _text(value: Any) -> str:
    """Lists with commas, nested settings as name=value."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}={_text(one)}" for name, one in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)
