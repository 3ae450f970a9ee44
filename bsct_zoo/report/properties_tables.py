"""Properties as tables, CSV and JSON."""

from __future__ import annotations

import csv
import io
import textwrap

from bsct_zoo.properties.quantities import TOPICS, PropertiesReport, PropertyRow, SystemResult, mean_errors
from bsct_zoo.report.layout import Cell, Layout, number

_SHOWN_NOTES = 3  # for each model; --by system shows all


def models_table(report: PropertiesReport, near: str | None = None) -> Layout:
    """One row for each model, one column for each mean absolute error; ``near`` is a reference to suggest."""
    means = [row.mean_errors() for row in report.rows]
    kinds = [kind for kind in TOPICS if any(mean[kind] is not None for mean in means)]
    layout = Layout(_title(report), ["model", *map(_header, kinds)], [])
    layout.headers += ["imaginary\nmodes", "not\nrelaxed", "time\ns"]
    best = {kind: min((m for mean in means if (m := mean[kind]) is not None), default=None) for kind in kinds}
    for row, mean in zip(report.rows, means, strict=True):
        shared = _shared(row)
        cells = [Cell(row.model + "".join(layout.note(note) for note in (*row.notes, *shared.values())))]
        for kind in kinds:
            value = mean[kind]
            if value is None:
                cells.append(Cell("–" + layout.note(_why_empty(row, kind))))
            else:
                alone = sum(other[kind] is not None for other in means) < 2
                cells.append(Cell(number(value), not alone and number(value) == number(best[kind] or 0.0)))
        cells += _counts(layout, row, set(shared))
        cells.append(Cell(number(row.seconds) if row.seconds else "–"))
        layout.rows.append(cells)
    _remarks(layout, report, near, means=True)
    return layout


def systems_table(report: PropertiesReport, near: str | None = None) -> Layout:
    """One row for each system of each model."""
    means = [(row, system, mean_errors([system])) for row in report.rows for system in row.systems]
    kinds = [kind for kind in TOPICS if any(mean[kind] is not None for _, _, mean in means)]
    layout = Layout(_title(report), ["model", "system", *map(_header, kinds), "imaginary\nmodes", "status"], [])
    for row, system, mean in means:
        marks = "".join(layout.note(f"{system.system}, {row.model}: {text}") for text in _said(system))
        values = [mean[kind] for kind in kinds]
        cells = [Cell(row.model), Cell(system.system + marks)]
        cells += [Cell("–" if value is None else number(value)) for value in values]
        layout.rows.append([*cells, Cell(str(system.imaginary)), Cell(system.status)])
    _dead_rows(layout, report)
    _remarks(layout, report, near, means=True)
    return layout


def quantities_table(report: PropertiesReport, near: str | None = None) -> Layout:
    """One row for each number."""
    layout = Layout(_title(report), ["model", "system", "quantity", "value", "reference", "error", "unit"], [])
    for row in report.rows:
        for system in row.systems:
            marks = "".join(layout.note(f"{system.system}, {row.model}: {text}") for text in _said(system))
            if not system.quantities:
                layout.rows.append([Cell(row.model), Cell(system.system + marks), *[Cell("–")] * 5])
            for q in system.quantities:
                name = q.name if q.name == q.kind.replace("_", " ") else f"{q.kind.replace('_', ' ')} {q.name}"
                note = layout.note(f"{system.system}, {row.model}, {name}: {q.message}") if q.message else ""
                numbers = [Cell("–" if v is None else _precise(v)) for v in (q.value, q.reference, q.error)]
                layout.rows.append(
                    [Cell(row.model), Cell(system.system + marks), Cell(name + note), *numbers, Cell(q.unit)]
                )
                marks = ""
    _dead_rows(layout, report)
    _remarks(layout, report, near, means=False)
    return layout


def csv_text(report: PropertiesReport) -> str:
    """One line for each number; a system without any, and a model that never came up, has a line with its message."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_CSV)
    reference = report.reference.model if report.reference else ""
    for row in report.rows:
        about = [row.card, row.checkpoint_sha256, row.level_of_theory, row.device, row.dtype, reference, report.version]
        if not row.systems:
            writer.writerow([row.model, "", row.status, row.message, *[""] * 7, *about])
        for system in row.systems:
            message = "; ".join(_said(system))
            first = [row.model, system.system, system.status, message]
            if not system.quantities:
                writer.writerow([*first, *[""] * 7, *about])
            for q in system.quantities:
                writer.writerow([*first, q.kind, q.name, q.value, q.unit, q.reference, q.error, q.message, *about])
    return buffer.getvalue()


_CSV = (
    *("model", "system", "status", "message", "kind", "name", "value", "unit", "reference", "error", "remark"),
    *("card", "checkpoint_sha256", "level_of_theory", "device", "dtype", "reference_model", "bsct_zoo"),
)


def _said(system: SystemResult) -> list[str]:
    return [text for text in (system.message, *system.notes) if text]


def _shared(row: PropertyRow) -> dict[str, str]:
    """What most systems of a model say alike, as one sentence on the model."""
    texts = [text for system in row.systems for text in dict.fromkeys(_said(system))]
    most = [text for text in dict.fromkeys(texts) if texts.count(text) > max(2, len(row.systems) / 2)]
    return {text: f"{row.model}, {texts.count(text)} of {len(row.systems)} systems: {text}" for text in most}


def _counts(layout: Layout, row: PropertyRow, shared: set[str]) -> list[Cell]:
    """Imaginary modes and failed relaxations, with footnotes that say where; what is ``shared`` was said before."""
    if not row.systems:
        mark = layout.note(_fatal(row))
        return [Cell("–" + mark), Cell("–" + mark)]
    imaginary = [s for s in row.systems if s.imaginary]
    others = [s for s in row.systems if not s.imaginary]
    marks = [_note(layout, row, group, shared) for group in (imaginary, others)]
    return [Cell(f"{row.imaginary}{marks[0]}"), Cell(f"{row.not_relaxed}/{len(row.systems)}{marks[1]}")]


def _note(layout: Layout, row: PropertyRow, systems: list[SystemResult], shared: set[str]) -> str:
    said: dict[str, list[str]] = {}  # what holds of many systems alike is said once
    for system in systems:
        for text in _said(system):
            if text not in shared:
                said.setdefault(text, []).append(system.system)
    if not said:
        return ""
    texts = [f"{', '.join(names)}: {text}" for text, names in said.items()]
    more = f"; and {len(texts) - _SHOWN_NOTES} more, see them with --by system" if len(texts) > _SHOWN_NOTES else ""
    return layout.note(f"{row.model}: {'; '.join(texts[:_SHOWN_NOTES])}{more}")


def _why_empty(row: PropertyRow, kind: str) -> str:
    if not row.systems:
        return _fatal(row)
    if any(q.kind == kind for s in row.systems for q in s.quantities):
        return "the reference does not have it"
    return f"{row.model} has no {kind.replace('_', ' ')} of these systems"


def _dead_rows(layout: Layout, report: PropertiesReport) -> None:
    for row in report.rows:
        if not row.systems:
            layout.rows.append([Cell(row.model + layout.note(_fatal(row)))] + [Cell("–")] * (len(layout.headers) - 1))


def _fatal(row: PropertyRow) -> str:
    return f"{row.model}: {row.message or 'there is no system that it was made for'}"


def _header(kind: str) -> str:
    topic = TOPICS[kind]
    lines = textwrap.wrap(topic.title, 11, break_long_words=False)
    return "\n".join([*lines, "MAE" if kind != "rmsd" else "mean", topic.unit])


def _precise(value: float) -> str:
    """Four decimals below ten, fewer above: properties are compared by small differences."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def _remarks(layout: Layout, report: PropertiesReport, near: str | None, means: bool) -> None:
    if report.reference is None:
        layout.remarks.append(f"no reference, so no errors; --reference {near or 'MODEL'} gives them")
        if means:
            layout.remarks.append("--by quantity shows every value")
        return
    said = f"reference: {report.reference.model} ({report.reference.level_of_theory}), measured by the same code"
    if report.reference.message:
        said = f"the reference {report.reference.model} failed: {report.reference.message}"
    layout.remarks.append(said)
    if any(cell.best for row in layout.rows for cell in row):
        layout.remarks.append("* best of its column; lower is better")


def _title(report: PropertiesReport) -> str:
    there = {system.system for row in report.rows for system in row.systems}
    names = [name for name in report.settings["systems"] if name in there] or report.settings["systems"]
    shown = ", ".join(names) if len(names) <= 4 else f"{len(names)} systems"
    against = f", errors against {report.reference.model}" if report.reference else ""
    return f"properties of {shown}{against}"
