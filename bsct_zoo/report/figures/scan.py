"""A scan: energy, force and the slope of D of all models and the reference, one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.curves import decode
from bsct_zoo.evaluation.results import ModelResult, TaskInfo
from bsct_zoo.metrics.ranges import Floats
from bsct_zoo.report.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def scan_figure(task: TaskInfo, rows: list[ModelResult], id: str, size: style.Size) -> Figure:
    """Curves along the scan ``id``; marks are the steps that decide FSD.

    Raises:
        BadInputError: the results hold no curves of it.
    """
    reference = {name: decode(text) for name, text in task.curves.get(id, {}).items()}
    curves = [_curves(task, row, id) for row in rows]
    if "coordinate" not in reference or not any(curves):
        raise BadInputError(f"the results hold no curves of {id}; run the command that made them again")
    x = reference["coordinate"]
    figure = style.new_figure(size, 1.35 if size == "column" else 0.85)
    panels = figure.subplots(3, 1, sharex=True, height_ratios=(1.3, 1, 0.9))
    for place, own in enumerate(curves):
        look = {"color": style.color(place), "linestyle": style.dash(place)}
        for panel, name in zip(panels[:2], ("energy", "force"), strict=True):
            if name in own:
                panel.plot(x, own[name], **look)
        if "log_ratio" in own:
            _slope(panels[2], x, own["log_ratio"], place)
    for panel, name in zip(panels[:2], ("energy", "force"), strict=True):
        if name in reference:
            panel.plot(x, reference[name], color=style.INK, linewidth=1.5, zorder=1.9)
        _near_the_well(panel, name, reference, [own for own in curves if own])
    if "energy" in reference:
        e = int(np.nanargmin(reference["energy"]))
        for panel in panels:
            panel.axvline(x[e], color=style.INK, linestyle=":", linewidth=0.8)
    panels[0].set_ylabel("energy, eV")
    panels[1].set_ylabel("force, eV/Å")
    panels[2].set_ylabel("|ΔD/Δα|, 1/Å")
    panels[2].set_xlabel("α, Å")
    panels[0].set_xlim(float(x[0]), float(x[-1]))
    panels[0].set_title(style.label(id, 60))
    handles = [Line2D([], [], color=style.color(n), linestyle=style.dash(n)) for n in range(len(rows))]
    names = [style.label(row.model) for row in rows]
    if "energy" in reference:
        handles.append(Line2D([], [], color=style.INK, linewidth=1.5))
        names.append("reference")
    style.legend_above(figure, handles, names, 3 if size == "column" else 6)
    return figure


def _curves(task: TaskInfo, row: ModelResult, id: str) -> dict[str, Floats]:
    evaluation = row.evaluations.get(task.name)
    records = [] if evaluation is None else [record for record in evaluation.records if record.id == id]
    return {name: decode(text) for record in records for name, text in record.curves.items()}


def _slope(panel: Axes, x: Floats, d: Floats, place: int) -> None:
    kept = np.flatnonzero(np.isfinite(d))
    if len(kept) < 2:
        return
    middles = 0.5 * (x[kept[:-1]] + x[kept[1:]])
    slopes = np.abs(np.diff(d[kept]) / np.diff(x[kept]))
    look = style.color(place)
    panel.plot(middles, slopes, color=look, linestyle=style.dash(place))
    k = int(np.argmax(slopes))
    panel.plot(middles[k], slopes[k], style.marker(place), color=look, markeredgecolor=style.INK, markersize=5, mew=0.6)


def _near_the_well(panel: Axes, name: str, reference: dict[str, Floats], curves: list[dict[str, Floats]]) -> None:
    """Leave the wall of the compressed bond out of sight, as the HTML report does."""
    if name not in reference:
        return
    e = int(np.nanargmin(reference["energy"]))
    size = max(float(np.nanmax(np.abs(reference[name][e:]))), 0.02)
    if float(np.nanmax(np.abs(reference[name]))) < 6 * size or len(reference[name]) - e < 5:
        return  # there is no wall, or nothing but one
    others = [float(np.nanmax(np.abs(own[name][e:]))) for own in curves if name in own]
    far = min(max([size, *others]), 2 * size)
    panel.set_ylim((-0.1 * far, 1.25 * far) if name == "energy" else (-1.3 * far, 1.3 * far))
