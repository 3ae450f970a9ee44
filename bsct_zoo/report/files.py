"""A comparison as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json

from bsct_zoo.metrics.table import METRICS
from bsct_zoo.report.layout import Layout
from bsct_zoo.results.comparison import Comparison


def markdown(layout: Layout) -> str:
    """A table in Markdown, best cells bold, footnotes below."""

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"

    lines = [f"**{layout.title}**", "", line(layout.headers)]
    lines.append(line(["---", *["---:"] * (len(layout.headers) - 1)]))
    lines += [line([f"**{cell.text}**" if cell.best else cell.text for cell in row]) for row in layout.rows]
    notes = [note for note in layout.footnotes if not note.startswith("* ")]
    if notes:
        lines.append("")
        lines += [f"{number}. {note}" for number, note in enumerate(notes, start=1)]
    return "\n".join(lines) + "\n"


def csv_text(comparison: Comparison) -> str:
    """One line for each model and one for each of its scans (``scan`` is empty for the mean); units as in METRICS."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    facts = ["model", "card", "scan", "status", "message", "level_of_theory", "suite", "device", "dtype", "seconds"]
    writer.writerow([*facts, *METRICS])
    for row in comparison.rows:
        about = [row.level_of_theory, comparison.suite, row.device, row.dtype]
        mean = [row.metrics.get(name) for name in METRICS]
        writer.writerow([row.model, row.card, "", row.status, row.message, *about, round(row.seconds, 3), *mean])
        for scan in row.scans:
            values = [scan.metrics.get(name) for name in METRICS]
            writer.writerow([row.model, row.card, scan.id, scan.status, scan.message, *about, "", *values])
    return buffer.getvalue()


def json_text(comparison: Comparison) -> str:
    """Schema 1, see ``docs/json.md``; NaN is refused."""
    return json.dumps(comparison.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
