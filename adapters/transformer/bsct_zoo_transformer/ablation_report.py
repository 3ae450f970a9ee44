"""What the ladder found: a table, JSON and a figure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bsct_zoo import __version__
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.report.layout import Cell, Layout, number
from bsct_zoo_transformer.ablation import MEASURES, Plan, Run, facts

SCHEMA = 1


def table(plan: Plan, runs: Sequence[Run]) -> Layout:
    """One row for each rung: the mean over its seeds, and half of the distance between the furthest."""
    titles = ["\n".join([*measure.title.split(), f"{measure.unit} ↓"]) for measure in MEASURES.values()]
    seeds = "1 seed" if plan.seeds == 1 else f"{plan.seeds} seeds"
    layout = Layout(f"{plan.suite.name}: {seeds}, {plan.budget_s:g} CPU seconds a run", ["rung", *titles], [])
    means = {
        name: [_mean([run.values[name] for run in runs if run.rung == rung]) for rung in plan.rungs]
        for name in MEASURES
    }
    for place, rung in enumerate(plan.rungs):
        mine = [run for run in runs if run.rung == rung]
        marks = "".join(layout.note(f"seed {run.seed}: {run.message}") for run in mine if run.message)
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
    """Schema 1 of kind "ablation", see ``docs/transformer.md``; NaN is refused."""
    found = {
        "schema": SCHEMA,
        "kind": "ablation",
        "bsct_zoo": __version__,
        "family": plan.adapter.name,
        "budget_s": plan.budget_s,
        "options": dict(plan.options),
        "suite": {"name": plan.suite.name, "sha256": plan.suite.sha256, "n_scans": len(plan.suite.scans)},
        "dynamics": {"time_ps": plan.time_ps},
        "units": {name: measure.unit for name, measure in MEASURES.items()},
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
    measures = {name: measure for name, measure in MEASURES.items() if name != "failed"}
    page = Figure(figsize=(10, 6), layout="constrained")
    axes = page.subplots(2, 3, sharex=True)
    along = np.arange(len(plan.rungs))
    for axis, (name, measure) in zip(axes.flat, measures.items(), strict=True):
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
        axis.set_title(f"{measure.title}, {measure.unit}", fontsize="medium")
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
