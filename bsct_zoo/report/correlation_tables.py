"""Correlations as tables, CSV and JSON."""

from __future__ import annotations

import numpy as np

from bsct_zoo.analysis.bootstrap import LEVEL, Interval
from bsct_zoo.analysis.correlate import Correlation, Estimate, Pair
from bsct_zoo.analysis.measures import Measure
from bsct_zoo.report.layout import Cell, Layout, number
from bsct_zoo.report.plain import PlainCsv


def coefficients_table(found: Correlation) -> Layout:
    """One row for each coefficient of each pair."""
    n = len({name for pair in found.pairs for name in pair.models})
    layout = Layout(f"correlation over {n} models", ["coefficient", "models", "value", "over models"], [])
    layout.headers.append("over molecules")
    for pair in found.pairs:
        marks = "".join(layout.note(note) for note in pair.notes)
        layout.rows.append([Cell(f"{pair.x.name} – {pair.y.name}{marks}"), *[Cell("")] * 4])
        for estimate in pair.estimates:
            cells = [_shown(estimate.value), _span(estimate.over_models), _span(estimate.over_molecules)]
            layout.rows.append([Cell(estimate.name), Cell(str(estimate.n_models)), *map(Cell, cells)])
    layout.remarks.append(
        f"[low, high]: {100 * LEVEL:.0f} % intervals, by bootstrap over models, and over molecules (scans, systems)"
    )
    layout.remarks += [f"{verdict(pair)}" for pair in found.pairs]
    layout.remarks += found.results.notes
    return layout


def costs_table(found: Correlation) -> Layout:
    """What each metric costs."""
    layout = Layout("cost", ["metric", "from", "median s\nof a model", "all models\ns"], [])
    sides = {side.name: side for pair in found.pairs for side in (pair.x, pair.y)}
    for side in sides.values():
        there = side.seconds[~np.isnan(side.seconds)]
        seconds = [number(float(np.median(there))), number(float(there.sum()))] if len(there) else ["–", "–"]
        layout.rows.append([Cell(side.name), Cell(side.source), *map(Cell, seconds)])
    layout.remarks.append("seconds are of the whole source: all metrics of one command come from the same predictions")
    return layout


def verdict(pair: Pair) -> str:
    """What the rank correlation of a pair says, and what is left of it in the partial one; by intervals over models."""
    what = f"{pair.x.name} and {pair.y.name}"
    if len(pair.models) < _ENOUGH:
        return f"{what}: {len(pair.models)} models are too few to conclude anything, whatever the intervals are"
    said = [
        (e.name.removeprefix("Spearman").strip(), _sign(e)) for e in pair.estimates if e.name.startswith("Spearman")
    ]
    texts = [f"{name}, {_WAYS[sign]}".removeprefix(", ") for name, sign in said if sign is not None]
    return f"{what}: {'; '.join(texts) or 'nothing can be said'}"


_ENOUGH = 10  # models: with fewer a bootstrap knows too few of them, and its intervals are too narrow
_WAYS = {1: "they rise together", -1: "one falls as the other rises", 0: "no correlation is shown"}


def _sign(estimate: Estimate) -> int | None:
    """Sign of a coefficient whose interval over models leaves out zero, 0 if it holds zero, None without one."""
    if estimate.over_models is None:
        return None
    low, high = estimate.over_models
    return 1 if low > 0 else -1 if high < 0 else 0


def csv_text(found: Correlation) -> str:
    """One line for each coefficient of each pair."""
    writer = PlainCsv()
    writer.writerow(_CSV)
    for pair in found.pairs:
        for estimate in pair.estimates:
            ends = [*_ends(estimate.over_models), *_ends(estimate.over_molecules)]
            costs = [_median(pair.x), _median(pair.y)]
            writer.writerow([pair.x.name, pair.y.name, estimate.name, estimate.n_models, estimate.value, *ends, *costs])
    return writer.text


_CSV = (
    *("x", "y", "coefficient", "n_models", "value", "over_models_low", "over_models_high"),
    *("over_molecules_low", "over_molecules_high", "x_seconds", "y_seconds"),
)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _span(ends: Interval | None) -> str:
    return "–" if ends is None else f"[{ends[0]:.2f}, {ends[1]:.2f}]"


def _ends(ends: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if ends is None else ends


def _median(measure: Measure) -> float | None:
    there = measure.seconds[~np.isnan(measure.seconds)]
    return float(np.median(there)) if len(there) else None
