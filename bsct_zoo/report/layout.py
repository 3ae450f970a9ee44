"""A comparison as plain rows of text with footnotes: what the terminal's table and Markdown both show."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass, field

from bsct_zoo.metrics.table import METRICS, Metric
from bsct_zoo.results.comparison import Comparison, Row

DEFAULT_METRICS = (
    "fsd_full",
    "fsd_compress",
    "fsd_stretch",
    "forces_mae_full",
    "energy_mae_aligned_full",
    "nonconservativity",
)
DEFAULT_SORT = "fsd_full"
_ARROWS = {"lower": "↓", "higher": "↑", None: ""}


@dataclass
class Cell:
    """Text of a cell; ``best`` if no other row is better."""

    text: str
    best: bool = False


@dataclass
class Layout:
    """A table before it is drawn.

    Attributes:
        title: what was compared.
        headers: one for each column; title, unit and arrow on lines of their own.
        rows: cells.
        footnotes: numbered from 1 as they are referred to.
    """

    title: str
    headers: list[str]
    rows: list[list[Cell]]
    footnotes: list[str] = field(default_factory=list)

    def note(self, text: str) -> str:
        """Mark that refers to a footnote, which is added if it is new."""
        if text not in self.footnotes:
            self.footnotes.append(text)
        return _superscript(self.footnotes.index(text) + 1)


def models_by_metrics(comparison: Comparison, metrics: tuple[str, ...], sort: str) -> Layout:
    """One row for each model, best first, one column for each metric."""
    rows = ranked(comparison.rows, sort)
    layout = Layout(
        title=_title(comparison),
        headers=["model", *(header(METRICS[name]) for name in metrics), "scans", "time\ns"],
        rows=[],
    )
    best = {name: _best([row.metrics.get(name) for row in rows], METRICS[name]) for name in metrics}
    for row in rows:
        cells = [Cell(_model_name(layout, comparison, row))]
        for name in metrics:
            cells.append(_value_cell(layout, row, name, best[name]))
        cells.append(Cell(_scans_text(layout, row)))
        cells.append(Cell(number(row.seconds) if row.seconds else "–"))
        layout.rows.append(cells)
    _closing_notes(layout, comparison, metrics)
    return layout


def models_by_groups(comparison: Comparison, metric: str, sort: str) -> Layout:
    """One row for each model, one column for each group of scans (bond type), for one metric."""
    known = METRICS[metric]
    rows = ranked(comparison.rows, sort)
    groups = list(dict.fromkeys(scan.group for row in rows for scan in row.scans))
    layout = Layout(f"{_title(comparison)}: {known.title}, {_unit(known)}", ["model", *groups], [])
    means = {row.model: {group: _group_mean(row, group, metric) for group in groups} for row in rows}
    best = {group: _best([means[row.model][group] for row in rows], known) for group in groups}
    for row in rows:
        cells = [Cell(_model_name(layout, comparison, row))]
        for group in groups:
            value = means[row.model][group]
            if value is None:
                cells.append(Cell("–" + layout.note(row.message or "no scan of this group has the metric")))
            else:
                cells.append(Cell(number(value), value == best[group]))
        layout.rows.append(cells)
    _closing_notes(layout, comparison, (metric,))
    return layout


def ranked(rows: tuple[Row, ...], sort: str) -> list[Row]:
    """Rows by the metric ``sort``, best first; rows without it last."""
    sign = -1.0 if METRICS[sort].better == "higher" else 1.0

    def key(row: Row) -> tuple[bool, float]:
        value = row.metrics.get(sort)
        return value is None, sign * value if value is not None else 0.0

    return sorted(rows, key=key)


def header(metric: Metric) -> str:
    """Title on narrow lines, below it unit and direction of better."""
    lines = textwrap.wrap(metric.title, 7, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*lines, _unit(metric)]).rstrip()


def number(value: float) -> str:
    """Three significant digits, without an exponent where it can be avoided."""
    if value == 0:
        return "0"
    if not math.isfinite(value):  # results hold no such thing; a table must not invent one
        raise ValueError("a result is not finite")
    size = abs(value)
    if size >= 1e5 or size < 1e-4:
        return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")
    decimals = max(0, 2 - math.floor(math.log10(size)))
    return f"{value:.{min(decimals, 5)}f}"


def _value_cell(layout: Layout, row: Row, name: str, best: float | None) -> Cell:
    value = row.metrics.get(name)
    if value is None:
        return Cell("–" + layout.note(_why_empty(row, name)))
    answered = row.n_scans - row.n_failed
    mark = ""
    if row.counts.get(name, 0) < answered:
        mark = layout.note(f"mean over {row.counts[name]} of {row.n_scans} scans; the others do not have this range")
    return Cell(number(value) + mark, value == best)


def _why_empty(row: Row, name: str) -> str:
    if row.status == "failed":
        return f"{row.model}: {row.message or 'every scan failed'}"
    if METRICS[name].needs_reference:
        return "the suite has no reference"
    return "no scan allows this metric"


def _scans_text(layout: Layout, row: Row) -> str:
    text = f"{row.n_scans - row.n_failed}/{row.n_scans}"
    if row.n_failed and row.message:
        return text + layout.note(f"{row.model}: {row.message}")
    return text


def _model_name(layout: Layout, comparison: Comparison, row: Row) -> str:
    name = row.model
    if differs(comparison, row):
        name += layout.note(
            f"warning: {row.model} is made for {row.level_of_theory}, the suite's reference is "
            f"{comparison.suite_level}; compare aligned energies, and shapes before sizes"
        )
    for note in row.notes:
        name += layout.note(note)
    return name


def differs(comparison: Comparison, row: Row) -> bool:
    """Whether model and suite stand at different levels of theory."""
    return comparison.suite_level is not None and row.level_of_theory != comparison.suite_level


def _closing_notes(layout: Layout, comparison: Comparison, metrics: tuple[str, ...]) -> None:
    if any(METRICS[name].better for name in metrics) and len(comparison.rows) > 1:
        layout.footnotes.append("* best of its column; ↓ lower is better, ↑ higher is better")


def _best(values: list[float | None], metric: Metric) -> float | None:
    there = [value for value in values if value is not None]
    if metric.better is None or len(there) < 2:
        return None
    return min(there) if metric.better == "lower" else max(there)


def _group_mean(row: Row, group: str, metric: str) -> float | None:
    values = [v for scan in row.scans if scan.group == group and (v := scan.metrics.get(metric)) is not None]
    return sum(values) / len(values) if values else None


def _title(comparison: Comparison) -> str:
    level = comparison.suite_level or "no reference"
    return f"{comparison.suite}: {comparison.n_scans} scans, {level}"


def _unit(metric: Metric) -> str:
    return f"{metric.unit} {_ARROWS[metric.better]}".strip()


def _superscript(n: int) -> str:
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(n))
