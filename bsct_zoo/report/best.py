"""Which numbers of a column get a star: only where the same was asked of every model, and where better means better."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import msgspec

from bsct_zoo.analysis.reference import is_reference
from bsct_zoo.evaluation.results import Evaluation, ModelResult, Record, Results, TaskInfo
from bsct_zoo.metrics.columns import Column, aggregate
from bsct_zoo.report.layout import number

Rows = Sequence[tuple[ModelResult, Evaluation | None]]


def best_rows(results: Results, task: TaskInfo, column: Column, rows: Rows, group: str = "") -> frozenset[int]:
    """Places of ``rows`` whose number of ``column`` is the best, as far as its digits show; often none.

    The star goes by the items (scans, runs, quantities) that every model has, and only to a number that is over all of
    them. The reference itself gets none, nor do absolute energies of another level of theory, nor a drift below two
    of its errors.

    Args:
        results: what the rows are of.
        task: of the column.
        column: which.
        rows: what is compared.
        group: of the items that count; all if empty.
    """
    known = {
        place: (evaluation, _records(evaluation, group))
        for place, (row, evaluation) in enumerate(rows)
        if evaluation is not None and _competes(results, task, column, row, evaluation)
    }
    values = {place: _value(column, evaluation, records, group) for place, (evaluation, records) in known.items()}
    unhurt = [place for place, value in values.items() if value is None and known[place][0].status != "failed"]
    if column.better is None or column.comparable == "never" or (column.over == "min" and unhurt):
        return frozenset()  # the first failure of a model that never failed would be better than any
    values = {place: value for place, value in values.items() if value is not None}
    items = {place: _items(column, known[place][1]) for place in values}
    everything = frozenset[Hashable]().union(*items.values())
    if any(own != everything for own in items.values()):
        common = everything.intersection(*items.values())
        values = {place: aggregate(column, _only(known[place][1], column, common))[0] for place in values}
    numbers = {place: column.told(value) for place, value in values.items() if value is not None}
    if len({number(value) for value in numbers.values()}) < 2:
        return frozenset()
    best = (min if column.better == "lower" else max)(numbers.values())
    if any(_is_noise(column, value, known[place][0]) for place, value in numbers.items() if value == best):
        return frozenset()
    return frozenset(p for p, value in numbers.items() if number(value) == number(best) and items[p] == everything)


def _is_noise(column: Column, value: float, evaluation: Evaluation) -> bool:
    """Whether a number that has an error of its own, such as a drift, is below two of it: its rank is chance."""
    error = evaluation.values.get(f"{column.name}_error")
    return error is not None and abs(value) < 2 * error


def _competes(results: Results, task: TaskInfo, column: Column, row: ModelResult, evaluation: Evaluation) -> bool:
    """Whether the number of ``row`` is one among equals."""
    if is_reference(results, task, row, evaluation):
        return False
    return column.comparable != "same level" or row.level_of_theory == task.level_of_theory


def _records(evaluation: Evaluation, group: str) -> list[Record]:
    return [record for record in evaluation.records if not group or record.group == group]


def _value(column: Column, evaluation: Evaluation, records: Sequence[Record], group: str) -> float | None:
    return aggregate(column, records)[0] if group else evaluation.values.get(column.name)


def _items(column: Column, records: Sequence[Record]) -> frozenset[Hashable]:
    """What a number of ``column`` is over."""
    if column.over in ("failures", "count"):
        return frozenset(record.id for record in records)
    if column.over == "ns_per_day":  # a rate: over fewer runs it is the same
        return frozenset()
    if column.over == "mae":
        return frozenset(
            (record.id, q.name)
            for record in records
            for q in record.quantities
            if q.kind == column.of and q.error is not None
        )
    return frozenset(record.id for record in records if record.metrics.get(column.of) is not None)


def _only(records: Sequence[Record], column: Column, items: frozenset[Hashable]) -> list[Record]:
    """``records`` with nothing but ``items``."""
    if column.over != "mae":
        return [record for record in records if record.id in items]
    return [
        msgspec.structs.replace(
            record,
            quantities=tuple(q for q in record.quantities if q.kind == column.of and (record.id, q.name) in items),
        )
        for record in records
    ]
