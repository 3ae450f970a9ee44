"""What the ladder found: tables, JSON and a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bsct_zoo import __version__
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.plugins.checks import NVE
from bsct_zoo.report.layout import Cell, Layout, number
from bsct_zoo_transformer.ablation import Measure, Plan, Run, facts, measures, scores

SCHEMA = 2


def tables(plan: Plan, runs: Sequence[Run]) -> list[Layout]:
    """One table for each suite; the first also has what belongs to none."""
    first, *others = plan.suites
    of_others = {suite.name: scores(suite, first) for suite in others}
    mine = {name: measure for name, measure in measures(plan).items() if "/" not in name}
    return [_table(plan, runs, name, columns) for name, columns in [(first.name, mine), *of_others.items()]]


def _table(plan: Plan, runs: Sequence[Run], suite: str, columns: Mapping[str, Measure]) -> Layout:
    """One row for each rung: the mean over its seeds, and half of the distance between the furthest."""
    elsewhere = {one.name for one in plan.suites} - {suite}  # what failed there is said there
    if suite != plan.suites[0].name:
        elsewhere.add(NVE.name)
    titles = ["\n".join([*measure.title.split(), f"{measure.unit} ↓"]) for measure in columns.values()]
    seeds = "1 seed" if plan.seeds == 1 else f"{plan.seeds} seeds"
    layout = Layout(f"{suite}: {seeds}, {plan.budget_s:g} CPU seconds a run", ["rung", *titles], [])
    means = {
        name: [_mean([run.values[name] for run in runs if run.rung == rung]) for rung in plan.rungs] for name in columns
    }
    for place, rung in enumerate(plan.rungs):
        mine = [run for run in runs if run.rung == rung]
        said = [(run.seed, message) for run in mine for name, message in run.messages.items() if name not in elsewhere]
        marks = "".join(layout.note(f"seed {seed}: {message}") for seed, message in said)
        cells = [Cell(rung.title + marks)]
        for name, column in means.items():
            values = [value for run in mine if (value := run.values[name]) is not None]
            best = min((mean for mean in column if mean is not None), default=None)
            text = "–" if not values else number(float(np.mean(values)))
            if len(values) > 1:
                text += f" ± {number((max(values) - min(values)) / 2)}"
            cells.append(Cell(text, bool(values) and column[place] == best and name != "failed"))
        layout.rows.append(cells)
    if plan.seeds > 1:
        layout.remarks.append("mean over seeds ± half of the range")
    layout.remarks.append("* best of its column; ↓ lower is better")
    return layout


def json_text(plan: Plan, runs: Sequence[Run]) -> str:
    """Schema 2 of kind "ablation", see ``docs/transformer.md``; NaN is refused."""
    found = {
        "schema": SCHEMA,
        "kind": "ablation",
        "bsct_zoo": __version__,
        "family": plan.adapter.name,
        "budget_s": plan.budget_s,
        "options": dict(plan.options),
        "suites": [{"name": one.name, "sha256": one.sha256, "n_scans": len(one.scans)} for one in plan.suites],
        "dynamics": {"time_ps": plan.time_ps},
        "units": {name: measure.unit for name, measure in measures(plan).items()},
        "machine": machine(plan.device),
        "rungs": facts(plan, runs),
    }
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def figure(plan: Plan, runs: Sequence[Run], path: Path) -> bool:
    """Draw every measure against the rungs, a point for each run; False where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import LogFormatter
    except ImportError:
        return False
    drawn = {name: measure for name, measure in measures(plan).items() if name != "failed"}
    rows = -(-len(drawn) // 3)
    page = Figure(figsize=(10, 1.5 + 2.25 * rows), layout="constrained")
    axes = page.subplots(rows, 3, sharex=True)
    for axis in axes.flat[len(drawn) :]:
        axis.set_axis_off()
    along = np.arange(len(plan.rungs))
    for place, (axis, (name, measure)) in enumerate(zip(axes.flat, drawn.items(), strict=False)):
        axis.tick_params(labelbottom=place + 3 >= len(drawn))
        for kind, fill in (("gradient", "full"), ("direct", "none")):
            mine = [run for run in runs if run.rung.settings["forces"] == kind and run.values[name] is not None]
            where = [plan.rungs.index(run.rung) for run in mine]
            axis.plot(
                where, [run.values[name] for run in mine], "o", color="C0", fillstyle=fill, label=f"{kind} forces"
            )
            ladder = sorted(set(where))
            if kind == "gradient":
                means = [_mean([run.values[name] for run in mine if run.rung == plan.rungs[n]]) for n in ladder]
                axis.plot(ladder, means, "-", color="C0", alpha=0.4)
        where_from = name.rpartition("/")[0]
        title = f"{measure.title}, {measure.unit}" + (f" ({where_from})" if where_from else "")
        axis.set_title(title, fontsize="medium")
        if any((run.values[name] or 0) > 0 for run in runs):
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter(LogFormatter())
            axis.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))
        axis.set_xticks(along, [rung.title for rung in plan.rungs], rotation=40, ha="right", fontsize="small")
    axes.flat[0].legend(fontsize="small")
    page.savefig(path)
    return True


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if found else None
