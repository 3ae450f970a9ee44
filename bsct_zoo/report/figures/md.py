"""Molecular dynamics: the conserved energy of every run, a panel for each model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.curves import decode
from bsct_zoo.evaluation.results import ModelResult, TaskInfo
from bsct_zoo.report.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def md_figure(task: TaskInfo, rows: list[ModelResult], size: style.Size) -> Figure:
    """Energy from its start against time; a cross is where a run failed.

    Raises:
        BadInputError: the results hold no curves of runs.
    """
    shown = [row for row in rows if any("time" in record.curves for record in row.evaluations[task.name].records)]
    if not shown:
        raise BadInputError(f"the results hold no curves of the runs of {task.name}; run the check again")
    groups = list(dict.fromkeys(r.group for row in shown for r in row.evaluations[task.name].records))
    columns = 1 if size == "column" else min(2, len(shown))
    lines = -(-len(shown) // columns)
    figure = style.new_figure(size, (0.36 if size == "column" else 0.22) * lines + 0.18)
    panels = np.atleast_1d(figure.subplots(lines, columns, sharex=True, squeeze=False)).ravel()
    for panel, row in zip(panels, shown, strict=False):
        for record in row.evaluations[task.name].records:
            if "time" not in record.curves:
                continue
            time, energy = decode(record.curves["time"]), decode(record.curves["energy"])
            place = groups.index(record.group)
            panel.plot(time, energy, color=style.color(place), linestyle=style.dash(place), linewidth=0.9)
            if record.status == "failed":
                panel.plot(time[-1:], energy[-1:], "x", color="#d55e00", markersize=6, mew=1.5)
        panel.set_title(style.label(row.model, 40), loc="left")
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    figure.supxlabel("time, ps", fontsize=8)
    figure.supylabel("energy, meV/atom", fontsize=8)
    handles = [Line2D([], [], color=style.color(n), linestyle=style.dash(n)) for n in range(len(groups))]
    style.legend_above(figure, handles, [style.label(group) for group in groups], 4 if size == "column" else 8)
    return figure
