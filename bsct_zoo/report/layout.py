"""A comparison as plain rows of text with footnotes: what the terminal's table and Markdown both show."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

from bsct_zoo.evaluation.comparison import Comparison, Row
from bsct_zoo.evaluation.md_columns import check_of
from bsct_zoo.evaluation.md_results import MDRow
from bsct_zoo.metrics.table import METRICS, Metric

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
        remarks: what stands below them, without a number.
    """

    title: str
    headers: list[str]
    rows: list[list[Cell]]
    footnotes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def note(self, text: str) -> str:
        """Mark that refers to a footnote, which is added if it is new."""
        if text not in self.footnotes:
            self.footnotes.append(text)
        return superscript(self.footnotes.index(text) + 1)


def models_by_metrics(comparison: Comparison, metrics: tuple[str, ...], sort: str) -> Layout:
    """One row for each model, best first, one column for each metric."""
    known = comparison.known
    rows = ranked(comparison.rows, sort, known)
    layout = Layout(
        title=_title(comparison),
        headers=["model", *(header(known[name]) for name in metrics), "scans", "time\ns"],
        rows=[],
    )
    best = {name: _best([row.value(name) for row in rows], known[name]) for name in metrics}
    for row in rows:
        cells = [Cell(_model_name(layout, comparison, row))]
        for name in metrics:
            draw = _value_cell if name in METRICS else _check_cell
            cells.append(draw(layout, row, name, best[name]))
        cells.append(Cell(_scans_text(layout, row)))
        cells.append(Cell(number(row.seconds) if row.seconds else "–" + layout.note(_why_no_time(row))))
        layout.rows.append(cells)
    _closing_notes(layout, comparison, metrics)
    return layout


def models_by_groups(comparison: Comparison, metric: str, sort: str) -> Layout:
    """One row for each model, one column for each group of scans (bond type), for one metric."""
    known = METRICS[metric]
    rows = ranked(comparison.rows, sort, comparison.known)
    groups = list(dict.fromkeys(scan.group for row in rows for scan in row.scans))
    layout = Layout(f"{_title(comparison)}: {known.title}, {_unit(known)}".rstrip(", "), ["model", *groups], [])
    means = [{group: _group_mean(row, group, metric) for group in groups} for row in rows]
    best = {group: _best([mean[group] for mean in means], known) for group in groups}
    for row, mean in zip(rows, means, strict=True):
        cells = [Cell(_model_name(layout, comparison, row))]
        cells += [_group_cell(layout, row, group, mean[group], best[group]) for group in groups]
        layout.rows.append(cells)
    _closing_notes(layout, comparison, (metric,))
    return layout


def ranked(rows: tuple[Row, ...], sort: str, known: Mapping[str, Metric] = METRICS) -> list[Row]:
    """Rows by the metric ``sort``, best first; rows without it last."""
    sign = -1.0 if known[sort].better == "higher" else 1.0

    def key(row: Row) -> tuple[bool, float]:
        value = row.value(sort)
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
    if size >= 99950 or size < 9.995e-4:
        return f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    rounded = abs(float(f"{value:.2e}"))  # 9.999 has as many decimals as 10.0
    return f"{value:.{max(0, 2 - math.floor(math.log10(rounded)))}f}"


def _value_cell(layout: Layout, row: Row, name: str, best: float | None) -> Cell:
    value = row.metrics.get(name)
    if value is None:
        return Cell("–" + layout.note(_why_empty(row, name)))
    answered = row.n_scans - row.n_failed
    mark = ""
    if row.counts.get(name, 0) < answered:
        mark = layout.note(f"mean over {row.counts[name]} of {row.n_scans} scans; the others do not have this range")
    return Cell(number(value) + mark, _is_best(value, best))


def _check_cell(layout: Layout, row: Row, name: str, best: float | None) -> Cell:
    """A figure of a check: a model that failed there keeps the rest of its row."""
    check = check_of(row.checks, name) or ""
    found, value = row.checks[check], row.value(name)
    if not found.runs:
        return Cell("–" + layout.note(f"{row.model}, {check}: {found.message or 'it has no runs'}"))
    if name == f"{check}_failed":
        text = f"{found.n_failed}/{len(found.runs)}"
        return Cell(text + (layout.note(f"{row.model}, {check}: {failures(found)}") if found.n_failed else ""))
    return Cell("–") if value is None else Cell(number(value), _is_best(value, best))


def failures(row: MDRow, most: int = 3) -> str:
    """Which runs failed and when, the first ``most`` of them."""
    said = [f"{run.system} {run.message}" for run in row.runs if run.message]
    return "; ".join(said[:most]) + (f"; and {len(said) - most} more" if len(said) > most else "")


def _why_empty(row: Row, name: str) -> str:
    if row.status == "failed":
        return _failure(row)
    if METRICS[name].needs_reference:
        return "the suite has no reference"
    return "no scan allows this metric"


def _scans_text(layout: Layout, row: Row) -> str:
    text = f"{row.n_scans - row.n_failed}/{row.n_scans}"
    if row.status == "failed":
        return text + layout.note(_failure(row))
    if row.n_failed:
        reason = row.message or f"{row.n_failed} scans failed"
        return text + layout.note(f"{row.model}: {reason}; its means are over the other scans")
    return text


def _failure(row: Row) -> str:
    return f"{row.model}: {row.message or 'every scan failed'}"


def _why_no_time(row: Row) -> str:
    return _failure(row) if row.status == "failed" else "no time was kept"


def _group_cell(layout: Layout, row: Row, group: str, value: float | None, best: float | None) -> Cell:
    """The mean of ``row`` over a group, with a note where it does not stand for all scans of it."""
    scans = [scan for scan in row.scans if scan.group == group]
    failed = [scan for scan in scans if scan.status == "failed"]
    note = ""
    if row.status == "failed":
        note = layout.note(_failure(row))
    elif failed:
        rest = "" if len(failed) == len(scans) else "; the mean is over the others"
        note = layout.note(f"{row.model}: {len(failed)} of {len(scans)} {group} failed: {failed[0].message}{rest}")
    elif value is None:
        note = layout.note("no scan of this group allows the metric")
    return Cell("–" + note) if value is None else Cell(number(value) + note, _is_best(value, best))


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
    layout.remarks.append(_levels(comparison))
    if comparison.flagged:
        layout.remarks.append(_flagged(comparison))
    layout.remarks += [_checked(comparison, name) for name in comparison.checks]
    if any(comparison.known[name].better for name in metrics):
        best = "* best of its column; " if any(cell.best for row in layout.rows for cell in row) else ""
        layout.remarks.append(f"{best}↓ lower is better, ↑ higher is better")


def _flagged(comparison: Comparison) -> str:
    """How many scans no model can be blamed for."""
    scans = f"{len(comparison.flagged)} of {comparison.n_scans} scans"
    seen = f"bsct-zoo suites show {comparison.suite}"
    return f"flagged: {scans} have a reference that is itself not smooth or not whole; see: {seen}"


def _checked(comparison: Comparison, name: str) -> str:
    """What the columns of a check are of, and what they cost."""
    settings = comparison.checks[name].settings
    rows = [(row.model, row.checks[name]) for row in comparison.rows]
    runs = max((len(row.runs) for _, row in rows), default=0)
    took = ", ".join(f"{model} {number(row.seconds)} s" for model, row in rows if row.seconds)
    time, step, kelvin = (settings.get(key) for key in ("time_ps", "dt_fs", "temperature"))
    return f"{name}: {runs} run{'s' * (runs != 1)} of {time:g} ps, {step:g} fs, {kelvin:g} K; {took or 'no time'}"


def _levels(comparison: Comparison) -> str:
    """Every level of theory with the models that stand at it."""
    models: dict[str, list[str]] = {}
    for row in comparison.rows:
        models.setdefault(row.level_of_theory or "unknown", []).append(row.model)
    found = "; ".join(f"{', '.join(dict.fromkeys(names))} {level}" for level, names in models.items())
    return f"level of theory: suite {comparison.suite_level or 'none'}; {found}"


def _best(values: list[float | None], metric: Metric) -> float | None:
    there = [value for value in values if value is not None]
    if metric.better is None or len(there) < 2:
        return None
    return min(there) if metric.better == "lower" else max(there)


def _is_best(value: float, best: float | None) -> bool:
    """Whether no digit that is shown tells ``value`` from the best."""
    return best is not None and number(value) == number(best)


def _group_mean(row: Row, group: str, metric: str) -> float | None:
    values = [v for scan in row.scans if scan.group == group and (v := scan.metrics.get(metric)) is not None]
    return sum(values) / len(values) if values else None


def _title(comparison: Comparison) -> str:
    level = comparison.suite_level or "no reference"
    return f"{comparison.suite}: {comparison.n_scans} scan{'s' * (comparison.n_scans != 1)}, {level}"


def _unit(metric: Metric) -> str:
    return f"{metric.unit} {_ARROWS[metric.better]}".strip()


def superscript(n: int) -> str:
    """``n`` as the mark of a footnote."""
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(n))
