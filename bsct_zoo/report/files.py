"""A comparison as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Protocol

from bsct_zoo.evaluation.comparison import Comparison
from bsct_zoo.metrics.table import METRICS
from bsct_zoo.report.layout import Layout, superscript


def markdown(layout: Layout) -> str:
    """A table in Markdown, best cells bold, footnotes below."""

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"

    lines = [f"**{layout.title}**", "", line(layout.headers)]
    lines.append(line(["---", *["---:"] * (len(layout.headers) - 1)]))
    lines += [line([f"**{cell.text}**" if cell.best else cell.text for cell in row]) for row in layout.rows]
    lines += [f"\n{superscript(number)} {note}" for number, note in enumerate(layout.footnotes, start=1)]
    lines += [f"\n{remark.replace('* best', 'bold: best')}" for remark in layout.remarks]
    return "\n".join(lines) + "\n"


def csv_text(comparison: Comparison) -> str:
    """One line for each model and one for each of its scans (``scan`` is empty for the mean); units as in METRICS."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    checked = [name for name in comparison.known if name not in METRICS]
    writer.writerow([*_FACTS, *METRICS, *checked])
    for row in comparison.rows:
        versions = " ".join(f"{name}={version}" for name, version in row.versions.items())
        about = [row.level_of_theory, row.checkpoint_sha256, row.device, row.dtype, versions]
        about += [comparison.suite, comparison.suite_sha256, comparison.suite_level, comparison.version]
        counts = [round(row.seconds, 3), row.n_scans, row.n_failed]
        mean = [row.value(name) for name in (*METRICS, *checked)]
        writer.writerow([row.model, row.card, "", row.status, row.message, *counts, *about, *mean])
        for scan in row.scans:
            values = [scan.metrics.get(name) for name in METRICS]
            first = [row.model, row.card, scan.id, scan.status, scan.message, "", "", ""]
            writer.writerow([*first, *about, *values, *[""] * len(checked)])
    return buffer.getvalue()


_FACTS = (
    *("model", "card", "scan", "status", "message", "seconds", "n_scans", "n_failed"),
    *("level_of_theory", "checkpoint_sha256", "device", "dtype", "versions"),
    *("suite", "suite_sha256", "suite_level_of_theory", "bsct_zoo"),
)


class Report(Protocol):
    """What a command found."""

    def to_json(self) -> dict[str, Any]:
        """As the command's schema says."""


def json_text(report: Report, ascii_only: bool = False) -> str:
    """JSON as the page of the command says; NaN is refused. ``ascii_only`` where the encoding is not ours to choose."""
    return json.dumps(report.to_json(), indent=1, ensure_ascii=ascii_only, allow_nan=False) + "\n"
