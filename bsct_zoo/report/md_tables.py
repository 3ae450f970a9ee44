"""A check's findings as tables, CSV and JSON."""

from __future__ import annotations

import csv
import io
import textwrap

from bsct_zoo.evaluation.md_results import MDReport, MDRow
from bsct_zoo.report.layout import Cell, Layout, failures, number

_SEE = ", see them with --by system"


def models_table(report: MDReport) -> Layout:
    """One row for each model."""
    check = report.check
    layout = Layout(_title(report), ["model"], [])
    layout.headers += [_header(c.title, check.units.get(c.figure, "")) for c in check.shown if c.over != "failures"]
    layout.headers += ["failed", "time\ns"]
    speed = any(row.ns_per_day is not None for row in report.rows)
    layout.headers += ["ns/day"] * speed
    for row in report.rows:
        cells = [Cell(row.model)]
        for column in check.shown:
            if column.over != "failures":
                value = row.values.get(column.name)
                cells.append(
                    Cell("–" + (layout.note(_fatal(row)) if not row.runs else "") if value is None else number(value))
                )
        cells.append(_failed(layout, row))
        cells.append(Cell(number(row.seconds) if row.seconds else "–"))
        if speed:
            cells.append(Cell("–" if row.ns_per_day is None else number(row.ns_per_day)))
        layout.rows.append(cells)
    if speed:
        layout.remarks.append("ns/day: simulated time of all runs together")
    return layout


def runs_table(report: MDReport) -> Layout:
    """One row for each run."""
    units = report.check.units
    layout = Layout(_title(report), ["model, system, seed"], [])
    layout.headers += [_header(name.replace("_", " "), unit) for name, unit in units.items()]
    for row in report.rows:
        if not row.runs:
            layout.rows.append([Cell(row.model + layout.note(_fatal(row))), *[Cell("–")] * len(units)])
        for run in row.runs:
            seed = "" if run.seed is None else f" {run.seed}"
            name = f"{row.model} {run.system}{seed}" + (
                layout.note(f"{run.system}: {run.message}") if run.message else ""
            )
            values = [run.values.get(figure) for figure in units]
            layout.rows.append(
                [
                    Cell(name),
                    *(Cell("–" if value is None else number(value)) for value in values),
                ]
            )
    return layout


def csv_text(report: MDReport) -> str:
    """One line for each run of each model; a model that never came up has one line without a system."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    facts = ("model", "card", "check", "system", "seed", "status", "message", "checkpoint_sha256", "device", "dtype")
    writer.writerow([*facts, *report.check.units, "bsct_zoo"])
    for row in report.rows:
        about = [row.checkpoint_sha256, row.device, row.dtype]
        if not row.runs:
            empty = [""] * len(report.check.units)
            writer.writerow(
                [
                    row.model,
                    row.card,
                    report.check.name,
                    "",
                    "",
                    row.status,
                    row.message,
                    *about,
                    *empty,
                    report.version,
                ]
            )
        for run in row.runs:
            values = [run.values.get(name) for name in report.check.units]
            first = [row.model, row.card, report.check.name, run.system, run.seed, run.status, run.message]
            writer.writerow([*first, *about, *values, report.version])
    return buffer.getvalue()


def _failed(layout: Layout, row: MDRow) -> Cell:
    if not row.runs:
        return Cell("–" + layout.note(_fatal(row)))
    text = f"{row.n_failed}/{len(row.runs)}"
    said = sum(bool(run.message) for run in row.runs)
    if not said:
        return Cell(text)
    return Cell(text + layout.note(f"{row.model}: {failures(row)}" + _SEE * (said > 3)))


def _fatal(row: MDRow) -> str:
    return f"{row.model}: {row.message or 'it has no runs'}"


def _header(title: str, unit: str) -> str:
    return "\n".join(filter(None, [*textwrap.wrap(title, 9, break_long_words=False), unit]))


def _title(report: MDReport) -> str:
    settings = report.settings
    ramp = f" to {settings['final_temperature']:g} K" if report.check.name == "heat" else ""
    runs = max((len(row.runs) for row in report.rows), default=0)
    start = f"{settings['temperature']:g} K{ramp}"
    return f"{report.check.name}: {runs} runs of {settings['time_ps']:g} ps, {settings['dt_fs']:g} fs, {start}"
