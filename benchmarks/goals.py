"""The shipped Transformer beside MACE and NequIP: errors, smoothness, stability, frequencies, speed, with our goals.

    python benchmarks/goals.py --keep goals            # a table; what is in the folder is not measured again
    python benchmarks/goals.py --keep goals --write    # into docs/transformer.md too
    python benchmarks/goals.py --keep goals-medium --card medium --families transformer --write    # it alone

Errors on test molecules are on the cards, measured by the trainers at their end. All else runs through the commands
that a user has, and the folder keeps what they wrote. Dynamics takes most of an hour for each model; ``--dynamics``
names the models that run it.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from pages import fill

from bsct_zoo import __version__
from bsct_zoo.atoms.molecules import MOLECULES
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.results import Evaluation, ModelResult, read_results
from bsct_zoo.models.naming import parse_model
from bsct_zoo.properties.systems import MOLECULES as VIBRATING
from bsct_zoo.runtime.load import load_potential

PAGE = Path(__file__).parents[1] / "docs" / "transformer.md"
FAMILIES = ("transformer", "mace", "nequip")  # ours first
LARGE = "druglike"  # 20 to 50 atoms
FSD_GOAL, FORCES_GOAL, PRODUCTS_GOAL = 20.0, 0.10, 0.6
FREQUENCIES = 20.8  # cm⁻¹, of the Transformer of commit c892b7d, trained on small molecules alone
DYNAMICS = ("--check", "nve", "--temperature", "300", "--step", "0.5", "--seeds", "2", "--dtype", "float32")
RUN = [word for name in MOLECULES[:16] for word in ("--molecule", name)]
FRAMES, TURNS = 50, 25  # of ethanol, for the throughput


def main() -> None:
    """Measure what the folder lacks, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, required=True, help="folder of results")
    parser.add_argument("--time", type=float, default=20, help="of the dynamics, ps")
    parser.add_argument("--card", default="small", help="of each family")
    parser.add_argument("--families", nargs="+", default=FAMILIES, help="ours first")
    parser.add_argument("--dynamics", nargs="+", default=FAMILIES[:1], help="families that run the dynamics")
    parser.add_argument("--write", action="store_true", help="into docs/transformer.md")
    arguments = parser.parse_args()
    arguments.keep.mkdir(parents=True, exist_ok=True)
    models = [f"{family}:{arguments.card}" for family in arguments.families]
    dynamics = [f"{family}:{arguments.card}" for family in arguments.dynamics]
    text = table(arguments.keep, arguments.time, models, dynamics)
    print(text)
    if arguments.write:
        fill(PAGE, f"goals-{arguments.card}", text)


def table(keep: Path, time_ps: float, models: Sequence[str], dynamics: Sequence[str]) -> str:
    """Every figure of the models, ours first, its goal, and whether it is reached, in Markdown."""
    ours, *others = models
    mace = next((name for name in others if name.startswith("mace")), None)
    test = {name: parse_model(name).card.notes["test"]["all"]["forces_mae_mev_A"] for name in models}
    compared = rows("compare", list(models), keep / "compare.json", "--suite", f"core,{LARGE}")

    def mean(suite: str, key: str) -> dict[str, float]:
        return {name: number(row.evaluations[suite].values[key]) for name, row in compared.items()}

    vibrations = rows(
        "properties", list(models), keep / "properties.json", "--reference", "xtb", "--what", "relax,frequencies",
        *(word for name in VIBRATING for word in ("--molecule", name)),
    )  # fmt: skip
    vibrating = {name: row.evaluations["properties"] for name, row in vibrations.items()}
    frequency = {name: number(evaluation.values.get("frequency_mae")) for name, evaluation in vibrating.items()}
    speed = throughput(keep / "throughput.json", models)
    lines = [
        f"| figure | {' | '.join(f'`{name}`' for name in models)} | goal | reached |",
        f"|---|{'---:|' * len(models)}---|---|",
    ]

    def line(title: str, values: Mapping[str, float], goal: str, reached: bool, digits: int = 1) -> None:
        cells = [cell(values.get(name, math.nan), digits) for name in models]
        answer = "yes" if reached else "**no**"
        lines.append(f"| {title} | {' | '.join(cells)} | {goal or '–'} | {answer if goal else '–'} |")

    def below(title: str, values: Mapping[str, float], digits: int, most: float = math.inf) -> None:
        goals = [f"at most {most:g}"] * (most < math.inf) + ["below the others"] * bool(others)
        reached = values[ours] <= most and all(values[ours] < values[name] for name in others)
        line(title, values, ", ".join(goals), reached, digits)

    below("force MAE, test molecules, meV/Å", test, 1)
    below("FSD full on `core`, 1/Å", mean("core", "fsd_full"), 1)
    below(f"FSD full on `{LARGE}` (20 to 50 atoms), 1/Å", mean(LARGE, "fsd_full"), 1, FSD_GOAL)
    below(f"force MAE on `{LARGE}`, eV/Å", mean(LARGE, "forces_mae_full"), 3, FORCES_GOAL)
    drift: dict[str, float] = {}
    ended: dict[str, int] = {}
    total: dict[str, int] = {}
    for name in dynamics:
        runs = nve(keep, name, time_ps)
        total[name], ended[name] = len(runs.records), len(runs.records) - runs.n_failed
        sizes = [abs(size) for run in runs.records if (size := run.metrics.get("drift")) is not None]
        drift[name] = max(sizes, default=float("nan"))
    whole = ended[ours] == total[ours]
    line(f"NVE, 16 molecules × 2 seeds × {time_ps:g} ps: runs that end", ended, f"all {total[ours]}", whole, 0)
    line("the same: largest drift of a run that ends, meV/atom/ps", drift, "below 0.1", drift[ours] < 0.1, 4)
    title = "harmonic frequencies against GFN2-xTB, MAE, cm⁻¹"
    line(title, frequency, f"at most {FREQUENCIES}, as before", frequency[ours] <= FREQUENCIES)
    faster = speed[mace] / speed[ours] if mace else math.nan
    line("ms a frame of ethanol, batched", speed, f"`{mace}`'s / 3" if mace else "", faster >= 3, 2)
    share = products(keep / "products.json", ours)
    reached = share >= PRODUCTS_GOAL
    line(f"share of matrix products on `{LARGE}`, %", {ours: 100 * share}, f"{PRODUCTS_GOAL:.0%}", reached, 0)
    notes = [
        *([f"throughput is {faster:.1f} times that of `{mace}`"] if mace else []),
        f"test molecules with their ions for `{ours}` alone",
        f"frequencies are those of {len(VIBRATING)} molecules at the models' own minima"
        + "".join(f"; {left:.0f} of `{name}` did not relax" for name, evaluation in vibrating.items()
                  if (left := evaluation.values.get("not_relaxed"))),
        f"dynamics in float32 with sums in float64, throughput in float32 and CPU time of one thread, {TURNS} turns",
        *(f"`{name}` {evaluation.message}" for name, evaluation in vibrating.items() if evaluation.message),
    ]  # fmt: skip
    facts = machine("cpu")
    where = f"one core of {facts['processor']}, Python {facts['python']}"
    return "\n".join([*lines, "", f"{'; '.join(notes)}. On {where}, torch {version('torch')}, "
                      f"bsct-zoo {__version__}.\n"])  # fmt: skip


def number(value: float | None) -> float:
    """NaN where there is none, which is below no goal."""
    return math.nan if value is None else value


def cell(value: float, digits: int) -> str:
    """For the table."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def rows(command: str, models: list[str], file: Path, *words: str) -> dict[str, ModelResult]:
    """Rows by model of what a command of bsct-zoo wrote, now or before."""
    if not file.exists():
        run = [sys.executable, "-m", "bsct_zoo", command, *models, *words, "--json", str(file)]
        done = subprocess.run(run, stdout=sys.stderr)
        if done.returncode not in (0, 1):  # 1: some run failed, which the table says
            sys.exit(done.returncode)
    return {row.model: row for row in read_results(file).rows}


def nve(keep: Path, model: str, time_ps: float) -> Evaluation:
    """Microcanonical dynamics of 16 molecules and 2 seeds, run unless it is kept."""
    file = keep / f"nve-{model.replace(':', '-')}.json"
    (row,) = rows("md", [model], file, *DYNAMICS, "--time", f"{time_ps:g}", *RUN).values()
    return row.evaluations["nve"]


def throughput(file: Path, models: Sequence[str]) -> dict[str, float]:
    """Milliseconds of CPU time a frame of ethanol in a batch, float32, the models in turns."""
    from batched import frames, seconds

    from bsct_zoo.atoms.batch import AtomsBatch

    if not file.exists():
        batch = [AtomsBatch.from_atoms(frames("ethanol", FRAMES))]
        specs = {name: parse_model(name) for name in models}
        potentials = {
            name: load_potential(
                spec.adapter, spec.card, options=spec.options, device="cpu", dtype="float32", threads=1
            )
            for name, spec in specs.items()
        }
        times: dict[str, list[float]] = {name: [] for name in potentials}
        for turn in range(TURNS + 2):  # TorchScript compiles in the first two
            for name, potential in potentials.items():
                spent = seconds(potential, batch)
                if turn >= 2:
                    times[name].append(1e3 * spent / FRAMES)
        for potential in potentials.values():
            potential.close()
        file.write_text(json.dumps({name: statistics.median(values) for name, values in times.items()}))
    return json.loads(file.read_text())


def products(file: Path, model: str) -> float:
    """Share of matrix products in the CPU time of a model's operations, one thread."""
    from paper_loop import arithmetic

    import bsct_zoo as bz
    from bsct_zoo.potentials.batching import default_atoms

    if not file.exists():
        spec = parse_model(model)
        with load_potential(spec.adapter, spec.card, device="cpu", dtype="float32", threads=1) as potential:
            share = arithmetic(potential, bz.load_suite(LARGE).scans[:4], default_atoms("cpu"))
        file.write_text(json.dumps(share))
    return float(json.loads(file.read_text()))


if __name__ == "__main__":
    main()
