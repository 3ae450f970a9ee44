"""The paper's own Transformer beside ours, trained alike: cost, scores and dynamics, with the other families.

    python benchmarks/transformer_designs.py --keep designs            # tables; what is in the folder is not made again
    python benchmarks/transformer_designs.py --keep designs --write    # into docs/transformer.md and README.md too

BSCT-SPICE is one of the suites, so import it first (docs/suites.md).

Errors and the error of rotation are on the cards, measured by the trainer at its end. All else runs through the
commands that a user has, and the folder keeps what they wrote.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from goals import PAGE, nve, rows, throughput
from pages import fill

from bsct_zoo import __version__
from bsct_zoo.analysis.bootstrap import interval, record_values, resampled_means
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.results import Evaluation
from bsct_zoo.models.naming import parse_model

OURS, PAPER = "transformer", "transformer:paper"
README = PAGE.parents[1] / "README.md"
DESIGNS = (OURS, PAPER, "mace")  # whose cost and dynamics stand side by side
MODELS = ("mace", "nequip", "equiformer", OURS, PAPER)
SUITES = ("core", "druglike", "core-dft", "bsct-spice")
COLUMNS = {"fsd_full": ("FSD", 1), "forces_mae_full": ("F MAE", 3)}


def main() -> None:
    """Measure what the folder lacks, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, required=True, help="folder of results")
    parser.add_argument("--time", type=float, default=1, help="of the dynamics, ps")
    parser.add_argument("--write", action="store_true", help="into docs/transformer.md and README.md")
    arguments = parser.parse_args()
    arguments.keep.mkdir(parents=True, exist_ok=True)
    tables: dict[str, Callable[[Path], str]] = {"scores": scores, "designs": partial(cost, time_ps=arguments.time)}
    for name in tables:
        text = tables[name](arguments.keep)
        print(text, flush=True)
        if arguments.write:
            fill(PAGE, name, text)
            if name == "scores":
                fill(README, name, means(evaluations(arguments.keep)))


def cost(keep: Path, time_ps: float) -> str:
    """Size, training, errors, throughput and dynamics of both designs and of MACE, in Markdown."""
    notes = {name: parse_model(name).card.notes for name in DESIGNS}
    speed = throughput(keep / "throughput.json", DESIGNS)
    runs = {name: nve(keep, name, time_ps) for name in DESIGNS}
    lines = [f"| | {' | '.join(f'`{name}`' for name in DESIGNS)} |", f"|---|{'---:|' * len(DESIGNS)}"]

    def line(title: str, values: dict[str, str]) -> None:
        lines.append(f"| {title} | {' | '.join(values.get(name, '–') for name in DESIGNS)} |")

    line("parameters", {name: f"{found['parameters']:,}" for name, found in notes.items()})
    (budget,) = {found["settings"]["budget_s"] for found in notes.values()}
    line(f"training steps in {budget:.0f} CPU s", {name: f"{found['steps']:,}" for name, found in notes.items()})
    for kind, title in (("all", "force MAE, test molecules, meV/Å"), ("md", "the same, frames of dynamics")):
        errors = {name: found["test"][kind]["forces_mae_mev_A"] for name, found in notes.items()}
        line(title, {name: f"{error:.1f}" for name, error in errors.items()})
    learned = {name: found["rotation"] for name, found in notes.items() if "rotation" in found}
    line("error of rotation, forces, meV/Å", _or_none({n: f"{e['forces_mae_mev_A']:.1f}" for n, e in learned.items()}))
    of_energy = {n: f"{e['energy_mae_mev_atom']:.2f}" for n, e in learned.items()}
    line("error of rotation, energy, meV/atom", _or_none(of_energy))
    line("CPU ms a frame of ethanol, batched", {name: f"{speed[name]:.2f}" for name in DESIGNS})
    line("throughput in units of that of `mace`", {name: f"{speed['mace'] / speed[name]:.1f}" for name in DESIGNS})
    ended = {name: f"{len(found.records) - found.n_failed} of {len(found.records)}" for name, found in runs.items()}
    line(f"NVE, 16 molecules × 2 seeds × {time_ps:g} ps: runs that end", ended)
    line(
        "the same: median drift of those that end, meV/atom/ps",
        {name: _drift(found) for name, found in runs.items()},
    )
    facts = machine("cpu")
    where = f"One core of {facts['processor']}, Python {facts['python']}, torch {version('torch')}"
    return "\n".join([*lines, "", f"{where}, bsct-zoo {__version__}; throughput and dynamics in float32.\n"])


def scores(keep: Path) -> str:
    """Every model on every suite, and how ours differs from each other one, in Markdown."""
    found = evaluations(keep)
    lines = heads(f"`{OURS}` over", found)
    for name in MODELS:
        if name != OURS:
            cells = [_factor(found[OURS][suite], found[name][suite], key) for suite in SUITES for key in COLUMNS]
            lines.append(f"| `{name}` | {' | '.join(cells)} |")
    lines += ["", "The quotient of the two means, with its 95 % interval over the same scans for both;"]
    return "\n".join([means(found), *lines, "bold where that leaves out one.", ""])


def means(found: dict[str, dict[str, Evaluation]]) -> str:
    """Every model on every suite, in Markdown."""
    lines = heads("model", found)
    for name in MODELS:
        cells = [_cell(found[name][suite], key, digits) for suite in SUITES for key, (_, digits) in COLUMNS.items()]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join([*lines, "", "FSD over the full range in 1/Å, mean force error in eV/Å.", ""])


def evaluations(keep: Path) -> dict[str, dict[str, Evaluation]]:
    """By model and suite, measured unless they are kept."""
    compared = rows("compare", list(MODELS), keep / "compare.json", "--suite", ",".join(SUITES))
    return {name: dict(compared[name].evaluations) for name in MODELS}


def heads(first: str, found: dict[str, dict[str, Evaluation]]) -> list[str]:
    """The head of a table of suites."""
    titles = [
        f"`{suite}`, {len(found[OURS][suite].records)} scans: {title}"
        for suite in SUITES
        for title, _ in COLUMNS.values()
    ]
    return [f"| {first} | {' | '.join(titles)} |", f"|---|{'---:|' * len(titles)}"]


def _factor(ours: Evaluation, other: Evaluation, key: str) -> str:
    """Mean of ``key`` of ours in units of the other's over their common scans, with its interval."""
    values = record_values([ours, other], key)
    ends = interval(np.divide(*resampled_means(values).T))
    middle = f"{np.divide(*values.mean(1)):.2f}"
    if ends is None:
        return middle
    text = f"{middle} [{ends[0]:.2f}, {ends[1]:.2f}]"
    return f"**{text}**" if not ends[0] <= 1 <= ends[1] else text


def _or_none(values: dict[str, str]) -> dict[str, str]:
    """0 for models that turn with the molecule by design."""
    return {name: values.get(name, "0") for name in DESIGNS}


def _drift(found: Evaluation) -> str:
    sizes = [abs(drift) for run in found.records if (drift := run.metrics.get("drift")) is not None]
    return f"{statistics.median(sizes):.2g}" if sizes else "–"


def _cell(found: Evaluation, key: str, digits: int) -> str:
    value = found.values.get(key)
    return "–" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
