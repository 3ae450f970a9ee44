"""Throughput against the atoms of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D

from bsct_zoo.evaluation.results import ModelResult, TaskInfo
from bsct_zoo.report.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def speed_figure(task: TaskInfo, rows: Sequence[ModelResult], size: style.Size) -> Figure:
    """A line for each model and size of system; larger systems have thinner lines."""
    figure = style.new_figure(size, 0.8)
    panel = figure.subplots()
    sizes = sorted({atoms for _, atoms in task.settings["batches"]})
    across: list[float] = []
    up: list[float] = []
    for place, row in enumerate(rows):
        records = {record.id: record for record in row.evaluations[task.name].records}
        named = False
        for nth, atoms in enumerate(sizes):
            counts = sorted(frames for frames, n in task.settings["batches"] if n == atoms)
            found = [(atoms * frames, records.get(f"{frames} × {atoms} atoms")) for frames in counts]
            points = [(x, y) for x, r in found if r is not None and (y := r.metrics.get("throughput"))]
            if points:
                across += [x for x, _ in points]
                up += [y for _, y in points]
                panel.plot(
                    *zip(*points, strict=True),
                    color=style.color(place),
                    linestyle=style.dash(place),
                    marker=style.marker(nth),
                    markersize=3.5,
                    linewidth=1.4 - 0.2 * min(nth, 4),
                    label=None if named else style.label(row.model),
                )
                named = True
    style.logarithmic(panel.xaxis, across)
    style.logarithmic(panel.yaxis, up)
    panel.set_xlabel("atoms in a batch")
    panel.set_ylabel("atoms/s")
    handles, labels = panel.get_legend_handles_labels()
    for nth, atoms in enumerate(sizes):
        handles.append(Line2D([], [], color=style.INK, linestyle="", marker=style.marker(nth), markersize=3.5))
        labels.append(f"{atoms} atoms a system")
    style.legend_above(figure, handles, labels, 2)
    return figure
