"""The worst scans of a model in the terminal: why, where, and what other models do there."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from rich.console import Console
from rich.text import Text

from bsct_zoo.evaluation.curves import decode, scan_equilibrium
from bsct_zoo.evaluation.results import Record
from bsct_zoo.metrics.ranges import Floats
from bsct_zoo.report.curve import draw
from bsct_zoo.report.layout import Cell, Layout, number
from bsct_zoo.report.reasons import cause, place, reason
from bsct_zoo.suites.scan import Scan

_LEFT = 12  # letters beside a curve
_MARKS = {"e": "equilibrium of the reference", "^": "step that decides FSD", "*": "equilibrium and that step"}


def deciding_frames(scan: Scan, record: Record) -> tuple[int, int] | None:
    """The two frames of the step that decides FSD; None where nothing decides."""
    at = record.metrics.get("fsd_full_at")
    kept = np.flatnonzero(scan.referenced)
    if at is None or len(kept) < 2:
        return None
    middles = 0.5 * (scan.coordinate[kept[:-1]] + scan.coordinate[kept[1:]])
    step = int(np.argmin(np.abs(middles - at)))
    return int(kept[step]), int(kept[step + 1])


def worst_layout(model: str, suite: str, records: Sequence[Record], total: int) -> Layout:
    """The worst scans of a model, one line each."""
    many = f"{len(records)} " if len(records) != 1 else ""
    layout = Layout(f"{model} on {suite}: the {many}worst of {total} scans", ["scan", "FSD\n1/Å", "why"])
    for record in records:
        fsd = record.metrics.get("fsd_full")
        why = "; ".join(filter(None, [place(record), cause(record)])) if fsd is not None else reason(record)
        layout.rows.append([Cell(record.id), Cell("–" if fsd is None else number(fsd)), Cell(why)])
    return layout


def draw_list(layout: Layout, to: Console) -> None:
    """Print ``layout`` as paragraphs: reasons are longer than a table is wide."""
    to.print(Text(layout.title, "italic"))
    for scan, fsd, why in layout.rows:
        to.print(Text(f"{fsd.text:>6}  {scan.text}", "bold"))
        _say(f"        {why.text}", 8, to)


def draw_scan(scan: Scan, model: str, record: Record, others: Mapping[str, Record], to: Console) -> None:
    """Print the curves of one scan with marks, and the same scan of other models."""
    _say(f"{scan.id}, {model}: {reason(record)}", 0, to, "bold")
    curves = {name: decode(text) for name, text in record.curves.items()}
    width = max(20, min(64, to.width - _LEFT - 1))
    steps = deciding_frames(scan, record)
    if "log_ratio" in curves:
        _draw("D, whose largest slope is FSD", scan, curves["log_ratio"], width, steps, to)
    elif "energy" in curves:
        _draw("energy, eV", scan, curves["energy"], width, steps, to)
    if steps is not None:
        _draw_step(scan, curves, steps, to)
    if others:
        to.print(Text("\nother models on this scan", "italic"))
        name_width = max(map(len, others))
        for name, other in sorted(others.items(), key=lambda one: one[1].metrics.get("fsd_full") or 0.0):
            _say(f"  {name:<{name_width}}  {reason(other)}", name_width + 4, to)


def _draw(title: str, scan: Scan, values: Floats, width: int, steps: tuple[int, int] | None, to: Console) -> None:
    to.print(Text(f"\n{title}", "italic"))
    lines = draw(scan.coordinate, values, width, 10)
    marks = [" "] * width
    for frame, mark in ((scan_equilibrium(scan), "e"), (None if steps is None else steps[0], "^")):
        if frame is not None:
            x = scan.coordinate
            at = (x[frame] - x[0]) / (x[-1] - x[0])
            marks[min(width - 1, int(at * width))] = "*" if marks[min(width - 1, int(at * width))] == "e" else mark
    for line in [*lines[:-1], " " * _LEFT + "".join(marks), lines[-1]]:
        to.print(Text(line))
    to.print(Text(", ".join(f"{mark} {meaning}" for mark, meaning in _MARKS.items() if mark in marks), "dim"))


def _draw_step(scan: Scan, curves: Mapping[str, Floats], steps: tuple[int, int], to: Console) -> None:
    a, b = steps
    x = scan.coordinate
    parts = [f"frames {a} and {b}, {x[a]:.3f} and {x[b]:.3f} Å"]
    for name, unit in (("energy", " eV"), ("force", " eV/Å"), ("log_ratio", "")):
        if name in curves:
            shown = "D" if name == "log_ratio" else name
            parts.append(f"{shown} {curves[name][a]:.4g} and {curves[name][b]:.4g}{unit}")
    _say("; ".join(parts), 0, to)


def _say(text: str, indent: int, to: Console, style: str = "") -> None:
    """Print a paragraph, its further lines indented."""
    head, rest = text[:indent], text[indent:]
    lines = textwrap.wrap(rest, max(20, to.width - indent), break_on_hyphens=False)
    for number_of_line, line in enumerate(lines or [""]):
        to.print(Text((head if not number_of_line else " " * indent) + line, style))
