"""What the four ladders of plan.md show: tables and picture of docs/transformer.md.

    python experiments/ladder/table.py            # from results/
    python experiments/ladder/table.py OUT        # the ladders that are done in OUT, where `run` trains them, first
    python experiments/ladder/table.py --write    # into the page too

Needs scipy beside what bsct-zoo needs.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from bsct_zoo.analysis.bootstrap import LEVEL, significant
from bsct_zoo.report.figures.style import DASHES, MARKERS, color, logarithmic, new_figure, style, write_figure
from bsct_zoo.report.layout import number

HERE = Path(__file__).parent
RESULTS, PAGE, PICTURE = HERE / "results", HERE.parents[1] / "docs" / "transformer.md", HERE / "results" / "ladders.svg"
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))
from pages import fill  # noqa: E402

LADDERS = {
    "ours-k16": "ours, k = 16",
    "ours-k6": "ours, k = 6",
    "paper-k16": "the paper's, k = 16",
    "paper-k6": "the paper's, k = 6",
}
OUTCOMES = {
    "fsd_full": "FSD on `core`, 1/Å",
    "druglike/fsd_full": "FSD on `druglike`, 1/Å",
    "forces_mae": "F MAE test, meV/Å",
    "nonconservativity": "non-cons. on `core`, eV",
    "drift": "drift, meV/atom/ps",
}
CHANGES = {
    ("hard-knn", "soft-knn"): "soft kNN for hard",
    ("soft-knn", "temperature"): "temperature",
    ("temperature", "broad-basis"): "broad basis",
    ("broad-basis", "broad-basis-direct"): "direct forces for the gradient",
    ("hard-knn", "hard-knn-direct"): "the same, with hard kNN",
}

# Values of the seeds by ladder, rung and outcome; NaN where there is none.
Ladders = dict[str, dict[str, dict[str, np.ndarray]]]


def main() -> None:
    """Keep what is done, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", help="where experiments/ladder/run trained")
    parser.add_argument("--write", action="store_true", help="into docs/transformer.md")
    arguments = parser.parse_args()
    if arguments.out:
        for name in LADDERS:
            made = arguments.out / name / "ablation.json"
            if made.exists():
                (RESULTS / f"{name}.json").write_bytes(made.read_bytes())
    found = {name: json.loads(path.read_text()) for name in LADDERS if (path := RESULTS / f"{name}.json").exists()}
    if not found:
        sys.exit(f"no results in {RESULTS}: run experiments/ladder/run first")
    ladders = {name: values_of(ladder) for name, ladder in found.items()}
    titles = {rung["name"]: rung["title"] for ladder in found.values() for rung in ladder["rungs"]}
    texts = {"ladder": rungs_table(ladders, titles), "ladder-changes": changes_table(ladders)}
    for name, text in texts.items():
        print(text)
        if arguments.write:
            fill(PAGE, name, text)
    if arguments.write:
        draw(ladders, titles)


def values_of(ladder: dict[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """Outcomes of each rung, an entry a seed; drift without its sign."""
    return {
        rung["name"]: {
            name: np.array([abs(math.nan if (value := run["values"][name]) is None else value) for run in rung["runs"]])
            for name in (*OUTCOMES, "failed")
        }
        for rung in ladder["rungs"]
    }


def rungs_table(ladders: Ladders, titles: dict[str, str]) -> str:
    """The mean of every outcome over the seeds, ± half of their range."""
    lines = [f"| ladder | rung | {' | '.join(OUTCOMES.values())} | failed runs |", f"|---|---|{'---:|' * 6}"]
    for name, rungs in ladders.items():
        for rung, outcomes in rungs.items():
            cells = [spread(outcomes[outcome]) for outcome in OUTCOMES]
            lines.append(
                f"| {LADDERS[name]} | {titles[rung]} | {' | '.join(cells)} | {np.sum(outcomes['failed']):.0f} |"
            )
    seeds = len(next(iter(next(iter(ladders.values())).values()))["failed"])
    lines += ["", f"Mean over {seeds} seeds ± half of their range; failed runs of the dynamics of all seeds together."]
    return "\n".join(lines) + "\n"


def spread(values: np.ndarray) -> str:
    """Mean ± half of the range."""
    there = values[np.isfinite(values)]
    if not len(there):
        return "–"
    return number(float(there.mean())) + (f" ± {number(float(np.ptp(there)) / 2)}" if len(there) > 1 else "")


def changes_table(ladders: Ladders) -> str:
    """The factor of every change with its interval; bold where it shows after Holm's correction."""
    rows = [(name, pair) for pair in CHANGES for name, rungs in ladders.items() if set(pair) <= rungs.keys()]
    columns = []
    for outcome in OUTCOMES:
        logs = {(n, r): logarithms(values[outcome]) for n, rungs in ladders.items() for r, values in rungs.items()}
        around = [one - one.mean() for one in logs.values() if len(one)]
        freedom = sum(len(one) - 1 for one in around)
        deviation = math.sqrt(sum(float(np.sum(one**2)) for one in around) / freedom)
        factors = [change(logs[name, a], logs[name, b], deviation, freedom) for name, (a, b) in rows]
        columns.append([text(*factor, shows) for factor, shows in zip(factors, significant([f[-1] for f in factors]),
                                                                      strict=True)])  # fmt: skip
    lines = [f"| change | ladder | {' | '.join(title.partition(',')[0] for title in OUTCOMES.values())} |"]
    lines.append(f"|---|---|{'---:|' * len(OUTCOMES)}")
    for (name, pair), *cells in zip(rows, *columns, strict=True):
        lines.append(f"| {CHANGES[pair]} | {LADDERS[name]} | {' | '.join(cells)} |")
    lines += ["", "Factors with 95 % intervals; bold: beyond the seeds after Holm's correction."]
    return "\n".join(lines) + "\n"


def logarithms(values: np.ndarray) -> np.ndarray:
    """Of those that are there."""
    return np.log(values[np.isfinite(values)])


def change(before: np.ndarray, after: np.ndarray, deviation: float, freedom: int) -> tuple[float, float, float, float]:
    """The factor, its interval and its p-value by Student's t; p = 1 where a rung has no value."""
    if not (len(before) and len(after)):
        return math.nan, math.nan, math.nan, 1.0
    step = float(after.mean() - before.mean())
    error = deviation * math.sqrt(1 / len(before) + 1 / len(after))
    reach = float(student.ppf((1 + LEVEL) / 2, freedom)) * error
    p_value = 2 * float(student.sf(abs(step) / error, freedom))
    return math.exp(step), math.exp(step - reach), math.exp(step + reach), p_value


def text(factor: float, low: float, high: float, _: float, shows: bool) -> str:
    """For the table."""
    if math.isnan(factor):
        return "–"
    said = f"{number(factor)} [{number(low)}, {number(high)}]"
    return f"**{said}**" if shows else said


def draw(ladders: Ladders, titles: dict[str, str]) -> None:
    """Every outcome against the rungs, a line a ladder, a point a seed."""
    rungs = [rung for rung in titles if not rung.endswith("direct")]
    with style():
        figure = new_figure("page", 0.62)
        panels = figure.subplots(2, 3, sharex=True)
        for panel, (outcome, title) in zip(panels.flat, OUTCOMES.items(), strict=False):
            for place, (name, found) in enumerate(ladders.items()):
                look = {"color": color(place), "linestyle": DASHES[place]}
                panel.plot([np.nanmean(found[rung][outcome]) for rung in rungs], label=LADDERS[name], **look)
                for x, rung in enumerate(rungs):
                    values = found[rung][outcome]
                    panel.plot([x] * len(values), values, MARKERS[place], color=color(place), markersize=3)
            everything = [x for found in ladders.values() for rung in rungs for x in found[rung][outcome]]
            logarithmic(panel.yaxis, [x for x in everything if np.isfinite(x)])
            panel.set_title(title.replace("`", ""))
        for panel in (*panels[1][:2], panels[0][2]):
            panel.set_xticks(range(len(rungs)), [titles[rung] for rung in rungs], rotation=40, ha="right")
            panel.tick_params(labelbottom=True)
        panels[1][2].set_axis_off()
        panels[1][2].legend(*panels[0][0].get_legend_handles_labels(), loc="center")
        write_figure(figure, PICTURE)


if __name__ == "__main__":
    main()
