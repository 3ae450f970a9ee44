"""Where FSD has its maximum, what the equilibrium force makes of it, and what is left elsewhere: docs/fsd.md.

    python benchmarks/fsd_anatomy.py transformer mace nequip equiformer --suite core --figure docs/fsd.svg
    python benchmarks/fsd_anatomy.py transformer mace --suite bsct-spice

Answers that are kept are used. The page gets the table of the suite named, the figure is of it too.
"""

import argparse
from pathlib import Path

import numpy as np
from pages import fill
from scipy.stats import spearmanr

import bsct_zoo as bz
from bsct_zoo.evaluation.results import Record
from bsct_zoo.metrics.ranges import equilibrium
from bsct_zoo.report.progress import ProgressDisplay
from bsct_zoo.suites.suite import Suite

NEAR = 3  # frames


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--suite", default="core")
    parser.add_argument("--limit", type=int, help="scans, spread over the bond types; all if not given")
    parser.add_argument("--page", type=Path, help="Markdown page with a block 'fsd SUITE'")
    parser.add_argument("--figure", type=Path, help="svg, png or pdf")
    asked = parser.parse_args()
    suite = bz.load_suite(asked.suite).select(limit=asked.limit)
    with ProgressDisplay(asked.models) as progress:
        report = bz.compare(asked.models, suite, listen=progress)
    found = {
        row.model: [r for r in row.evaluations[suite.name].records if r.metrics.get("fsd_full") is not None]
        for row in report.results.rows
    }
    text = table(found, suite)
    print(text)
    if asked.page:
        fill(asked.page, f"fsd {asked.suite}", text)
    if asked.figure:
        draw(found, suite, asked.figure)


def table(found: dict[str, list[Record]], suite: Suite) -> str:
    """One row a model."""
    head = [
        "model",
        "scans",
        f"within {NEAR} frames",
        "compressed",
        "FSD",
        "own zero",
        "outside",
        "ρ(F MAE)",
        "residual, eV",
    ]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for model, records in found.items():
        if not records:
            continue
        values = {name: numbers(records, name) for name in ("fsd_full", "fsd_own_zero", "fsd_outside", "path_residual")}
        frames, at = numbers(records, "fsd_full_frames"), numbers(records, "fsd_full_at")
        scans = [suite[record.id] for record in records]
        rest = [scan.coordinate[equilibrium(scan.energy)] for scan in scans if scan.energy is not None]
        rank = spearmanr(values["fsd_full"], numbers(records, "forces_mae_full")).statistic
        means = [f"{np.nanmean(values[name]):.3g}" for name in ("fsd_full", "fsd_own_zero", "fsd_outside")]
        lines.append(
            f"| {model} | {len(records)} | {share(np.abs(frames) <= NEAR)} | {share(at < np.array(rest))} | "
            f"{' | '.join(means)} | {rank:.2f} | {np.nanmedian(values['path_residual']):.2g} |"
        )
    return "\n".join(lines)


def numbers(records: list[Record], name: str) -> np.ndarray:
    """[n] values of a metric, NaN where there is none."""
    return np.array([np.nan if (value := r.metrics.get(name)) is None else value for r in records])


def share(mask: np.ndarray) -> str:
    """As a percentage."""
    return f"{100 * mask.mean():.0f} %"


def draw(found: dict[str, list[Record]], suite: Suite, path: Path) -> None:
    """Left: frames between the equilibrium and the step that decides FSD. Right: FSD and its variants."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams |= {"svg.hashsalt": "fsd", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    import matplotlib.pyplot as plt

    colours = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]  # Okabe and Ito
    models = [model for model, records in found.items() if records]
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8), constrained_layout=True)
    edges = np.arange(-10.5, 11.5)
    for model, colour in zip(models, colours, strict=False):
        frames = np.clip(numbers(found[model], "fsd_full_frames"), -10, 10)
        left.stairs(np.histogram(frames, edges)[0] / len(frames), edges, label=model, color=colour, linewidth=1.4)
    left.set(
        xlabel="frames from equilibrium to the deciding step (±10: more)", ylabel="share of scans", title=suite.name
    )
    left.legend(frameon=False, fontsize=8)
    greys = ["#222222", "#888888", "#cccccc"]
    kinds = {"fsd_full": "published", "fsd_own_zero": "own zero", "fsd_outside": "outside ±6 %"}
    for place, (name, label) in enumerate(kinds.items()):
        means = [np.nanmean(numbers(found[model], name)) for model in models]
        right.bar(np.arange(len(models)) + 0.27 * (place - 1), means, 0.25, label=label, color=greys[place])
    right.set(xticks=np.arange(len(models)), xticklabels=models, ylabel="FSD, 1/Å")
    right.legend(frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=200)


if __name__ == "__main__":
    main()
