"""Metrics of models: their spread over scans (violin), two against each other (pareto), in a given order (ladder)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bsct_zoo.analysis.bootstrap import mean_interval
from bsct_zoo.analysis.pareto import dominators
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.results import ModelResult, Results
from bsct_zoo.metrics.columns import Column
from bsct_zoo.report.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def violin_figure(results: Results, rows: list[ModelResult], name: str, size: style.Size) -> Figure:
    """The metric of every scan of each model, best mean on top; the bar is the mean with its 95 % interval.

    Raises:
        BadInputError: no model has the metric on two scans.
    """
    task, column = results.columns[name]
    values = {}
    for row in rows:
        evaluation = row.evaluations.get(task.name)
        known = [] if evaluation is None else [record.metrics.get(column.of) for record in evaluation.records]
        values[row.model] = np.array([value for value in known if value is not None], np.float64)
    shown = [(place, row) for place, row in enumerate(rows) if len(values[row.model]) > 1]
    if not shown:
        raise BadInputError(f"no model has {name} on two {task.noun}s or more, so there is no spread to draw")
    sign = 1 if column.better == "higher" else -1
    shown.sort(key=lambda one: sign * float(values[one[1].model].mean()))
    figure = style.new_figure(size, (0.14 if size == "column" else 0.06) * len(shown) + 0.22)
    panel = figure.subplots()
    everything = np.concatenate([values[row.model] for _, row in shown])
    style.logarithmic(panel.xaxis, everything.tolist())
    log = panel.get_xscale() == "log"
    for height, (place, row) in enumerate(shown):
        _violin(panel, values[row.model], height, place, log)
        span = mean_interval(row.evaluations[task.name], column.of)
        mean = float(values[row.model].mean())
        if span is not None:
            panel.plot(span, (height, height), color=style.INK, linewidth=1.6, solid_capstyle="butt", zorder=3)
        panel.plot(mean, height, "o", color="white", markeredgecolor=style.INK, markersize=4.5, mew=1, zorder=4)
    panel.set_yticks(range(len(shown)), [style.label(row.model) for _, row in shown])
    panel.set_ylim(-0.6, len(shown) - 0.4)
    panel.grid(visible=False, axis="y")
    panel.set_xlabel(axis_label(column))
    return figure


def _violin(panel: Axes, values: np.ndarray, height: int, place: int, log: bool) -> None:
    """The density of ``values``, on the axis as it is drawn, and every one of them as a point."""
    from scipy.stats import gaussian_kde

    x = np.log10(values) if log else values
    if np.ptp(x) > 0:
        grid = np.linspace(x.min() - 0.1 * np.ptp(x), x.max() + 0.1 * np.ptp(x), 120)
        density = gaussian_kde(x)(grid)
        half = 0.38 * density / density.max()
        at = 10**grid if log else grid
        panel.fill_between(at, height - half, height + half, color=style.color(place), alpha=0.35, linewidth=0)
    jitter = ((np.arange(len(values)) * 7919) % 100 / 100 - 0.5) * 0.36
    panel.plot(values, height + jitter, ".", color=style.color(place), markersize=3, zorder=2)


def pareto_figure(results: Results, rows: list[ModelResult], x: str, y: str, size: style.Size) -> Figure:
    """Two columns against each other, with intervals; models that no other beats in both are joined.

    Raises:
        BadInputError: no model has both.
    """
    known = [
        (place, row, a, b)
        for place, row in enumerate(rows)
        if (a := results.value(row, x)) is not None and (b := results.value(row, y)) is not None
    ]
    if not known:
        raise BadInputError(f"no model has both {x} and {y}")
    figure = style.new_figure(size, 0.85 if size == "column" else 0.6)
    panel = figure.subplots()
    signs = [-1.0 if results.columns[name][1].better == "higher" else 1.0 for name in (x, y)]
    costs = np.array([[signs[0] * a, signs[1] * b] for _, _, a, b in known])
    front = sorted((a, b) for (_, _, a, b), by in zip(known, dominators(costs), strict=True) if not by)
    panel.plot(*zip(*front, strict=True), color="#9a9a9a", linewidth=1, linestyle="--", zorder=1)
    style.logarithmic(panel.xaxis, [a for _, _, a, _ in known])
    style.logarithmic(panel.yaxis, [b for _, _, _, b in known])
    bars = [_bars(panel, results, row, (x, y), (a, b), place) for place, row, a, b in known]
    panel.set_xlabel(axis_label(results.columns[x][1]))
    panel.set_ylabel(axis_label(results.columns[y][1]))
    style.name_points(panel, [(row.model, a, b) for _, row, a, b in known], bars)
    return figure


def _bars(
    panel: Axes, results: Results, row: ModelResult, names: tuple[str, str], at: tuple[float, float], place: int
) -> tuple[style.Span, style.Span]:
    """Draw a point with its intervals; the ends of these."""
    x, y = (_span(results, row, name, value) for name, value in zip(names, at, strict=True))
    _point(panel, at, place, xerr=_errors(x, at[0]), yerr=_errors(y, at[1]))
    return x, y


def _span(results: Results, row: ModelResult, name: str, value: float) -> style.Span:
    """The 95 % interval of a mean; of anything else ``value`` alone."""
    task, column = results.columns[name]
    found = mean_interval(row.evaluations[task.name], column.of) if column.over == "mean" else None
    return found or (value, value)


def _errors(span: style.Span, value: float) -> list[list[float]]:
    return [[max(0.0, value - span[0])], [max(0.0, span[1] - value)]]


def _point(panel: Axes, at: tuple[float, float], place: int, **errors: Any) -> None:
    panel.errorbar(
        *at,
        fmt=style.marker(place),
        color=style.color(place),
        markersize=5.5,
        elinewidth=1.0,
        markeredgecolor=style.INK,
        mew=0.5,
        zorder=3,
        **errors,
    )


def ladder_figure(results: Results, rows: list[ModelResult], names: list[str], size: style.Size) -> Figure:
    """Columns of models in their order, a panel each: what every rung of an ablation changes.

    Raises:
        BadInputError: no model has any of them.
    """
    shown = [name for name in names if any(results.value(row, name) is not None for row in rows)]
    if not shown:
        raise BadInputError(f"no model has {' or '.join(names)}")
    figure = style.new_figure(size, (0.48 if size == "column" else 0.25) * len(shown) + 0.25)
    panels = np.atleast_1d(figure.subplots(len(shown), 1, sharex=True, squeeze=False)).ravel()
    for panel, name in zip(panels, shown, strict=True):
        known = [(n, value) for n, row in enumerate(rows) if (value := results.value(row, name)) is not None]
        style.logarithmic(panel.yaxis, [value for _, value in known])
        panel.plot(*zip(*known, strict=True), color="#9a9a9a", linewidth=1, zorder=1)
        for n, value in known:
            _point(panel, (n, value), n, yerr=_errors(_span(results, rows[n], name, value), value))
        panel.set_ylabel(axis_label(results.columns[name][1]))
        panel.grid(visible=False, axis="x")
    labels = [style.label(row.model, 18) for row in rows]
    long = max(map(len, labels)) * len(labels) > (34 if size == "column" else 80)
    turned: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if long else {}
    panels[-1].set_xticks(range(len(rows)), labels, **turned)
    panels[-1].set_xlim(-0.4, len(rows) - 0.6)
    return figure


def axis_label(column: Column) -> str:
    """Title, unit and direction."""
    arrow = {"lower": " ↓", "higher": " ↑", None: ""}[column.better]
    return f"{column.title}{f', {column.unit}' if column.unit else ''}{arrow}"
