"""Selections and changes as tables: the same layout as a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from bsct_zoo.analysis.changes import Change
from bsct_zoo.analysis.choice import Candidate, Selection
from bsct_zoo.analysis.conditions import primary
from bsct_zoo.evaluation.results import Results
from bsct_zoo.metrics.columns import Column
from bsct_zoo.report.layout import Cell, Layout, header, number

_FACTS = {
    "seconds": Column(name="seconds", title="time", unit="s"),
    "parameters": Column(name="parameters", title="parameters"),
    "n_scans": Column(name="n_scans", title="scans", better=None),
    "n_failed": Column(name="n_failed", title="scans failed"),
}
_INTERVAL = "[low, high]: 95 % interval of the mean, by bootstrap over scans"


def candidates(selection: Selection, results: Results) -> Layout:
    """Every candidate with its objectives, the Pareto front first; who was excluded and why below."""
    known = {**{name: column for name, (_, column) in results.columns.items()}, **_FACTS}
    layout = Layout(
        title=f"{primary(results).name}: {len(selection.front)} of {len(results.rows)} models on the Pareto front",
        headers=["model", "front", *(header(known[name]) for name in selection.objectives)],
        rows=[],
    )
    for candidate in (*selection.front, *selection.beaten):
        place = (
            "yes"
            if not candidate.beaten_by
            else "no"
            + layout.note(f"{candidate.row.model} is no better than {', '.join(candidate.beaten_by)} in any column")
        )
        cells = [_value(candidate, name) for name in selection.objectives]
        layout.rows.append([Cell(candidate.row.model), Cell(place), *cells])
    for model, reason in selection.excluded:
        layout.remarks.append(f"excluded: {model}, {reason}")
    if any(candidate.intervals for candidate in (*selection.front, *selection.beaten)):
        layout.remarks.append(_INTERVAL)
    return layout


def changed(changes: Sequence[Change], baseline: str) -> Layout:
    """Then and now of every model and metric, and whether the difference is more than noise."""
    layout = Layout(f"against {baseline}", ["model", "metric", "before", "now", "difference", "verdict"], [])
    for change in changes:
        span = "–"
        if change.low is not None and change.high is not None:
            span = f"[{_signed(change.low)}, {_signed(change.high)}]"
        cells = [change.model, change.metric, _or_dash(change.before), _or_dash(change.after), span, change.verdict]
        layout.rows.append([Cell(text) for text in cells])
    layout.remarks.append("difference: 95 % interval of now minus before, by bootstrap over the scans that both have")
    tested = sum(change.verdict not in ("same", "unknown") for change in changes)
    doubtful = [c for c in changes if c.verdict in ("better", "worse") and not c.significant]
    if doubtful:
        names = ", ".join(f"{change.metric} of {change.model}" for change in doubtful)
        layout.remarks.append(f"not significant among the {tested} differences that were tested (Holm): {names}")
    return layout


def _value(candidate: Candidate, name: str) -> Cell:
    text = number(candidate.values[name])
    if name in candidate.intervals:
        low, high = candidate.intervals[name]
        text += f" [{number(low)}, {number(high)}]"
    return Cell(text)


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + number(value)


def _or_dash(value: float | None) -> str:
    return "–" if value is None else number(value)
