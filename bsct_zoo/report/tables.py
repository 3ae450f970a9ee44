"""Results as tables: models by columns, models by groups of items, and records one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bsct_zoo.analysis.reference import is_reference
from bsct_zoo.errors import shortened
from bsct_zoo.evaluation.results import Evaluation, ModelResult, Record, Results, TaskInfo
from bsct_zoo.metrics.columns import Column
from bsct_zoo.report.best import best_rows
from bsct_zoo.report.layout import Cell, Layout, header, number, unit
from bsct_zoo.report.reasons import worst_scans

_SHOWN = 3  # reasons in a footnote; the table of records has all
_REFERENCE = "it is the reference itself, so its errors say nothing"
_LONGEST = 240  # characters of why a model failed as a whole
_OUT_OF = ("failures", "sum")  # what is counted is shown with its total


def models_table(results: Results, task: TaskInfo, names: Sequence[str] = (), sort: str = "") -> Layout:
    """One row for each model under ``task``, one column for each of ``names``.

    Args:
        results: what came out.
        task: whose items are counted, and whose time is shown.
        names: of columns, as in ``results.columns``, those of other tasks too; by default all of ``task`` that any
            model has.
        sort: name of the column that ranks the rows, best first; by default they stand as they were asked for.
    """
    names = list(names) or _default_names(results, task)
    places = [results.columns[name] for name in names]
    rows = results.rows_under(task)
    if sort:
        rows = sorted(rows, key=lambda one: rank(results, one[0], sort))
    layout = Layout(_title(results, task), ["model"])
    layout.headers += [header(column, "" if owner is task else owner.name.upper()) for owner, column in places]
    counted = any(owner is task and column.over == "failures" for owner, column in places)
    layout.headers += [f"{task.noun}s"] * (not counted) + ["time\ns"]
    best = [
        best_rows(results, owner, column, [(row, row.evaluations.get(owner.name)) for row, _ in rows])
        for owner, column in places
    ]
    levels = _level_notes(results, task)
    for place, (row, evaluation) in enumerate(rows):
        notes = [layout.note(text) for text in [*filter(None, [levels.get(row.level_of_theory)]), *evaluation.notes]]
        notes += [layout.note(text, row.model) for text in _notes_of_records(evaluation)]
        cells = [Cell(row.model + "".join(notes))]
        if is_reference(results, task, row, evaluation):
            cells[0] = Cell(cells[0].text + layout.note(_REFERENCE, row.model))
        for (owner, column), top in zip(places, best, strict=True):
            cells.append(_value_cell(layout, row, owner, column, place in top))
        if not counted:
            cells.append(_items_cell(layout, row, task, evaluation))
        slow = evaluation.seconds or None
        cells.append(layout.empty(_failure(row, evaluation)) if slow is None else Cell(number(slow)))
        layout.rows.append(cells)
    _closing_remarks(layout, results, task, places)
    return layout


def groups_table(results: Results, task: TaskInfo, name: str, sort: str) -> Layout:
    """One row for each model, one column for each group of items (bond type), for the column called ``name``."""
    column = results.columns[name][1]
    rows = sorted(results.rows_under(task), key=lambda one: rank(results, one[0], sort))
    groups = list(dict.fromkeys(record.group for _, evaluation in rows for record in evaluation.records))
    layout = Layout(f"{_title(results, task)}: {column.title}, {unit(column)}".rstrip(", "), ["model", *groups])
    means = [{group: _group_mean(evaluation, group, column) for group in groups} for _, evaluation in rows]
    best = {group: best_rows(results, task, column, rows, group) for group in groups}
    levels = _level_notes(results, task)
    for place, ((row, evaluation), mean) in enumerate(zip(rows, means, strict=True)):
        notes = [*filter(None, [levels.get(row.level_of_theory)]), *evaluation.notes]
        cells = [Cell(row.model + "".join(layout.note(note) for note in notes))]
        cells += [_group_cell(layout, row, evaluation, group, mean[group], place in best[group]) for group in groups]
        layout.rows.append(cells)
    _closing_remarks(layout, results, task, [(task, column)])
    return layout


def records_table(results: Results, task: TaskInfo) -> Layout:
    """One row for each record of each model."""
    metrics = list(dict.fromkeys(n for _, e in results.rows_under(task) for r in e.records for n in r.metrics))
    shown = [name for name in metrics if any(r.metrics.get(name) is not None for r in _records(results, task))]
    titles = {column.of: header(column, arrow=False) for column in reversed(task.columns) if column.over != "mae"}
    titles |= {column.name: header(column, arrow=False) for column in task.columns if column.over == "mae"}
    layout = Layout(_title(results, task), ["model", task.noun, *(titles.get(n, n.replace("_", " ")) for n in shown)])
    layout.headers += ["status"]
    for row, evaluation in results.rows_under(task):
        for record in evaluation.records:
            marks = "".join(layout.note(f"{record.id}, {row.model}: {text}") for text in _said(record))
            values = [record.metrics.get(name) for name in shown]
            cells = [Cell("–" if value is None else number(value)) for value in values]
            layout.rows.append([Cell(row.model), Cell(_item_name(record) + marks), *cells, Cell(record.status)])
        if not evaluation.records:
            layout.rows.append(
                [Cell(row.model + layout.note(_failure(row, evaluation))), *[Cell("–")] * (len(layout.headers) - 1)]
            )
    _reference_remarks(layout, results, task)
    return layout


def quantities_table(results: Results, task: TaskInfo) -> Layout:
    """One row for each quantity of each record of each model."""
    layout = Layout(_title(results, task), ["model", task.noun, "quantity", "value", "reference", "error", "unit"])
    for row, evaluation in results.rows_under(task):
        for record in evaluation.records:
            marks = "".join(layout.note(f"{record.id}, {row.model}: {text}") for text in _said(record))
            if not record.quantities:
                layout.rows.append([Cell(row.model), Cell(_item_name(record) + marks), *[Cell("–")] * 5])
            for q in record.quantities:
                kind = q.kind.replace("_", " ")
                name = q.name if q.name == kind else f"{kind} {q.name}"
                note = layout.note(f"{record.id}, {row.model}, {name}: {q.message}") if q.message else ""
                numbers = [Cell("–" if v is None else _precise(v)) for v in (q.value, q.reference, q.error)]
                first = [Cell(row.model), Cell(_item_name(record) + marks), Cell(name + note)]
                layout.rows.append([*first, *numbers, Cell(q.unit)])
                marks = ""
    _reference_remarks(layout, results, task)
    return layout


def rank(results: Results, row: ModelResult, name: str) -> tuple[bool, float]:
    """Key that sorts rows by the column called ``name``, best first; those without a value come last."""
    value = results.value(row, name)
    sign = -1.0 if results.columns[name][1].better == "higher" else 1.0
    return value is None, sign * value if value is not None else 0.0


# -- cells -------------------------------------------------------------------------------------------------------


def _value_cell(layout: Layout, row: ModelResult, task: TaskInfo, column: Column, best: bool) -> Cell:
    evaluation = row.evaluations.get(task.name)
    if evaluation is None:
        return layout.empty(f"not put under {task.name}", row.model)
    value = evaluation.values.get(column.name)
    if value is None:
        return (
            layout.empty(_why_empty(row, evaluation, column))
            if column.over != "min" or evaluation.status == "failed"
            else Cell("–")
        )
    if column.over in _OUT_OF and column.name in ("failed", "not_relaxed"):
        mark = _reasons_mark(layout, row, evaluation) if value or column.over == "failures" else ""
        return Cell(f"{value:.0f}/{len(evaluation.records)}" + mark)
    count = evaluation.counts.get(column.name, 0)
    if column.over == "sum" and not count and evaluation.counts:
        return layout.empty(_why_empty(row, evaluation, column))
    given = len(evaluation.records) - evaluation.n_failed
    mark = ""
    if column.over == "mean" and count < given:
        total = len(evaluation.records)
        mark = layout.note(f"mean over {count} of {total} {task.noun}s; the others do not have this range")
    text = f"{value:.0f}" if column.over == "sum" else number(value)
    return Cell(text + mark, best)


def _items_cell(layout: Layout, row: ModelResult, task: TaskInfo, evaluation: Evaluation) -> Cell:
    total = len(evaluation.records)
    text = f"{total - evaluation.n_failed}/{total}"
    if evaluation.status == "failed":
        return Cell(text + layout.note(_failure(row, evaluation)))
    if evaluation.n_failed:
        reason = evaluation.message or f"{evaluation.n_failed} {task.noun}s failed"
        text += layout.note(f"{row.model}: {reason}; its means are over the other {task.noun}s")
    return Cell(text)


def _group_cell(
    layout: Layout, row: ModelResult, evaluation: Evaluation, group: str, value: float | None, best: bool
) -> Cell:
    """The mean of ``row`` over a group, with a note where it does not stand for all of it."""
    records = [record for record in evaluation.records if record.group == group]
    failed = [record for record in records if record.status == "failed"]
    note = ""
    if evaluation.status == "failed":
        note = layout.note(_failure(row, evaluation))
    elif failed:
        rest = "" if len(failed) == len(records) else "; the mean is over the others"
        note = layout.note(
            f"{row.model}: {len(failed)} of {len(records)} {group} failed: {shortened(failed[0].message)}{rest}"
        )
    elif value is None:
        note = layout.note("no item of this group has the metric")
    return Cell("–" + note) if value is None else Cell(number(value) + note, best)


def _reasons_mark(layout: Layout, row: ModelResult, evaluation: Evaluation) -> str:
    """A footnote that says which records have something to say, those of most records together."""
    texts: dict[str, list[str]] = {}  # what holds of many alike is said once
    for record in evaluation.records:
        for text in [shortened(record.message)] if record.message else []:
            texts.setdefault(text, []).append(_item_name(record))
    if not texts:
        return ""
    lines = [f"{', '.join(names)} {text}" for text, names in texts.items()]
    more = f"; and {len(lines) - _SHOWN} more, see them with --by" if len(lines) > _SHOWN else ""
    return layout.note("; ".join(lines[:_SHOWN]) + more, row.model)


def _why_empty(row: ModelResult, evaluation: Evaluation, column: Column) -> str:
    if evaluation.status == "failed":
        return _failure(row, evaluation)
    if evaluation.status == "partial" and not any(column.of in record.metrics for record in evaluation.records):
        return _failure(row, evaluation)
    reasons = [
        reason
        for record in evaluation.records
        for reason, names in record.missing.items()
        if column.of in names or column.name in names
    ]
    if set(reasons) == {"no reference"}:
        return "the suite has no reference"
    common = max(reasons, key=reasons.count) if reasons else "no item has this metric"
    return f"{reasons.count(common)} scans have no reference" if common == "no reference" else shortened(common)


def _failure(row: ModelResult, evaluation: Evaluation) -> str:
    return f"{row.model}: {shortened(evaluation.message, _LONGEST) or 'nothing was computed'}"


# -- notes -------------------------------------------------------------------------------------------------------


def _level_notes(results: Results, task: TaskInfo) -> dict[str, str]:
    """One warning for all models of one level of theory that is not the reference's."""
    level = _reference_level(results, task)
    if level is None:
        return {}
    others: dict[str, list[str]] = {}
    for row, _ in results.rows_under(task):
        if row.level_of_theory != level:
            others.setdefault(row.level_of_theory, []).append(row.model)
    advice = "compare aligned energies and curve shapes, not absolute errors"
    return {
        other: f"warning: {', '.join(dict.fromkeys(models))}: {other or 'unknown level of theory'}; "
        f"the reference is {level}; {advice}"
        for other, models in others.items()
    }


def _reference_level(results: Results, task: TaskInfo) -> str | None:
    if task.kind == "properties":
        return None if results.reference is None else results.reference.level_of_theory
    return task.level_of_theory


def _notes_of_records(evaluation: Evaluation) -> Iterator[str]:
    """What the records say; the names of systems are left out where most say the same."""
    total = len(evaluation.records)
    who: dict[str, list[str]] = {}
    for record in evaluation.records:
        for text in record.notes:
            who.setdefault(text, []).append(record.id)
    common = [text for text, names in who.items() if len(names) == total or len(names) > max(2, total / 2)]
    yield from (text if len(who[text]) == total else f"{len(who[text])} of {total}: {text}" for text in common)
    few = [f"{', '.join(names)}: {text}" for text, names in who.items() if text not in common]
    if few:
        more = f"; and {len(few) - _SHOWN} more, see them with --by" if len(few) > _SHOWN else ""
        yield "; ".join(few[:_SHOWN]) + more


def _said(record: Record) -> list[str]:
    return [text for text in (shortened(record.message), *record.notes) if text]


def _closing_remarks(
    layout: Layout, results: Results, task: TaskInfo, places: Sequence[tuple[TaskInfo, Column]]
) -> None:
    if task.kind == "scans":
        layout.remarks.append(_levels(results, task))
        layout.remarks += filter(None, [worst_scans(results, task)])
    if task.flagged:
        scans = f"{len(task.flagged)} of {task.n_items} {task.noun}s"
        seen = f"bsct-zoo suites show {task.name}"
        layout.remarks.append(f"flagged: {scans} have a reference that is itself not smooth or not whole; see: {seen}")
    if stated := _stated(results, task):
        layout.remarks.append(stated)
    layout.remarks += _omitted(results, task, {column.of for owner, column in places if owner is task})
    for other in dict.fromkeys(owner.name for owner, _ in places if owner is not task):
        layout.remarks.append(_beside(results, results.task(other)))
    _reference_remarks(layout, results, task)
    some = any(evaluation.status == "partial" for _, evaluation in results.rows_under(task))
    if any(column.better for _, column in places):
        starred = any(cell.best for row in layout.rows for cell in row)
        best = f"* best of its column, on the {task.noun}s that all models have; " if starred and some else ""
        best = best or ("* best of its column; " if starred else "")
        layout.remarks.append(f"{best}↓ lower is better, ↑ higher is better")


def _omitted(results: Results, task: TaskInfo, shown: set[str]) -> list[str]:
    """Why checks of dynamics lack columns that no model has a value of."""
    if task.kind != "md":
        return []
    lacking = [column for column in task.columns if column.of not in shown and not column.of.startswith("failure_")]
    reasons: dict[str, list[str]] = {}
    for column in lacking:
        for record in _records(results, task):
            for reason, names in record.missing.items():
                if record.status == "ok" and column.of in names and column.title not in reasons.setdefault(reason, []):
                    reasons[reason].append(column.title)
    return [f"no {', '.join(titles)}: {reason}" for reason, titles in reasons.items() if titles]


def _reference_remarks(layout: Layout, results: Results, task: TaskInfo) -> None:
    if task.kind != "properties":
        return
    reference = results.reference
    if reference is None:
        layout.remarks.append("no reference, so no errors; --reference MODEL gives them, --by quantity shows values")
        return
    evaluation = reference.evaluations[task.name]
    text = f"reference: {reference.model} ({reference.level_of_theory}), measured by the same code"
    if evaluation.status == "failed":
        text = f"the reference {reference.model} failed: {shortened(evaluation.message, _LONGEST)}"
    layout.remarks.append(text)


def _stated(results: Results, task: TaskInfo) -> str:
    """Systems whose charge, multiplicity or constraints are not the usual ones, as the models were told."""
    who: dict[str, list[str]] = {}
    for record in {record.id: record for record in _records(results, task)}.values():
        facts = _charge_and_spin(record)
        facts += [f"fixed by {', '.join(record.constraints)}"] if record.constraints else []
        name = record.group if task.kind == "md" else record.id
        if facts and name not in (names := who.setdefault(", ".join(facts), [])):
            names.append(name)
    parts = [
        f"{text}: {', '.join(names)}" if len(names) <= _SHOWN else f"{text}: {len(names)} {task.noun}s"
        for text, names in who.items()
    ]
    return "; ".join(parts)


def _beside(results: Results, task: TaskInfo) -> str:
    """What the columns of another task are of, and what they cost."""
    rows = results.rows_under(task)
    took = ", ".join(f"{row.model} {number(evaluation.seconds)} s" for row, evaluation in rows if evaluation.seconds)
    return f"{_title(results, task)}; {took or 'no time'}"


def _levels(results: Results, task: TaskInfo) -> str:
    """Every level of theory with the models that stand at it."""
    models: dict[str, list[str]] = {}
    for row, _ in results.rows_under(task):
        models.setdefault(row.level_of_theory or "unknown", []).append(row.model)
    levels = "; ".join(f"{', '.join(dict.fromkeys(names))} {level}" for level, names in models.items())
    return f"level of theory: suite {task.level_of_theory or 'none'}; {levels}"


# -- small things ------------------------------------------------------------------------------------------------


def _default_names(results: Results, task: TaskInfo) -> list[str]:
    """Names of the columns of ``task`` that any model has a value of; counts always."""
    names = {column.name: name for name, (owner, column) in reversed(list(results.columns.items())) if owner is task}
    rows = results.rows_under(task)
    used = [
        column
        for column in task.columns
        if column.over in _OUT_OF or any(e.values.get(column.name) is not None for _, e in rows)
    ]
    return [names[column.name] for column in used] or [names[column.name] for column in task.columns[:1]]


def _title(results: Results, task: TaskInfo) -> str:
    counted = f"{task.name}: {task.counted}"
    if task.kind == "scans":
        return f"{counted}, {task.level_of_theory or 'no reference'}"
    against = f", errors against {results.reference.model}" if results.reference and task.kind == "properties" else ""
    about = f", {task.title}" if task.title else ""
    return f"{counted}{about}{against}"


def _records(results: Results, task: TaskInfo) -> Iterator[Record]:
    for _, evaluation in results.rows_under(task):
        yield from evaluation.records


def _item_name(record: Record) -> str:
    """The item with its charge and multiplicity where these are not 0 and 1."""
    facts = _charge_and_spin(record)
    return f"{record.id} ({', '.join(facts)})" if facts else record.id


def _charge_and_spin(record: Record) -> list[str]:
    """Charge and multiplicity, where they are not 0 and 1."""
    facts = [f"charge {record.charge:+d}"] if record.charge else []
    return facts + ([f"multiplicity {record.multiplicity}"] if record.multiplicity != 1 else [])


def _group_mean(evaluation: Evaluation, group: str, column: Column) -> float | None:
    values = [value for r in evaluation.records if r.group == group and (value := r.metrics.get(column.of)) is not None]
    return sum(values) / len(values) if values else None


def _precise(value: float) -> str:
    """Four decimals below ten, fewer above: properties are compared by small differences."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"
