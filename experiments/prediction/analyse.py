"""What foretells the simulation: the statistics of plan.md, from ``results``.

    python experiments/prediction/analyse.py                 # tables, for the models that have all that is needed
    python experiments/prediction/analyse.py --write         # into docs/correlation.md and tables.md, with the figure

A model takes part in a pair of predictor and outcome if it has both; how many do stands beside each coefficient.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from stages import unpacked

from bsct_zoo.analysis import coefficients
from bsct_zoo.analysis.bootstrap import significant
from bsct_zoo.evaluation.results import Evaluation
from bsct_zoo.report.figures.style import color, legend_above, logarithmic, marker, new_figure, style, write_figure

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))
from pages import fill  # noqa: E402  where the other pages' tables are written too

PAGE = HERE.parents[1] / "docs" / "correlation.md"
FIGURE, TABLES_FILE = PAGE.with_name("prediction.svg"), HERE / "tables.md"
KINDS = ("step", "spurious", "noise", "kink", "ripple", "bias", "hole")
CONTROLS = ("bias", "hole")
RUNGS = ("hard-knn", "soft-knn", "broad-basis", "broad-basis-direct")
SCANNED = (
    *("fsd_full", "fsd_own_zero", "fsd_outside", "force_error_slope", "path_residual", "nonconservativity"),
    *("energy_jump", "force_roughness", "tortuosity", "extra_minima", "forces_mae_full"),
)
PREDICTORS = (
    *(f"{suite}/{name}" for suite in ("core", "druglike", "bsct-spice") for name in SCANNED),
    *("jumps/number", "jumps/energy", "jumps/force", "jacobian/asymmetry"),
)
AGAINST = ("fsd_full", "fsd_own_zero", "fsd_outside", "force_error_slope", "forces_mae_full")  # the reference
GIVEN, FIRST = "core/forces_mae_full", "core/fsd_full"
DRAWS, SEED, FEWEST = 2000, 0, 10
Floats = NDArray[np.float64]
Asked = tuple[str, int, tuple[str, ...]]  # outcome, K, groups that are left out
Found = dict[str, tuple[list["Model"], Floats, Floats, Floats]]  # models, x, y, coefficients of draws


@dataclass(frozen=True)
class Model:
    """What is known of a model.

    Attributes:
        label: as in models.txt.
        predictors: by name, those that were measured.
        runs: by temperature in K, a row for each molecule: |drift| in meV/atom/ps (infinite for a failed run), whether
            it failed, |largest jump| in meV/atom, highest kinetic temperature in K, ps until it failed.
        seconds: that each task took, dynamics by their stage, on the machine of its result and under its load.
    """

    label: str
    predictors: dict[str, float]
    runs: dict[int, Floats]
    seconds: dict[str, float]

    @property
    def group(self) -> str:
        """Models that are drawn together."""
        for name in (*KINDS, *sorted(RUNGS, key=len, reverse=True), "mace-short", "nequip-short", "equiformer-short"):
            if self.label.startswith(f"{name}-"):
                return name
        return self.label


OUTCOMES: dict[str, Callable[[Floats], float]] = {
    "drift": lambda runs: float(np.median(runs[:, 0])),
    "failed": lambda runs: float(runs[:, 1].mean()),
    "worst drift": lambda runs: float(runs[:, 0].max()),
    "largest jump": lambda runs: float(runs[:, 2].max()),
    "highest temperature": lambda runs: float(runs[:, 3].max()),
    "time to failure": lambda runs: -float(runs[:, 4].mean()),  # early is bad
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--write", action="store_true", help="into docs/correlation.md")
    options = parser.parse_args()
    models = read(options.results)
    found = {asked: correlated(models, *asked) for asked in TABLES}
    tables = {asked: table(models, found[asked], *asked) for asked in TABLES}
    main_parts = [measured(models), *(tables[asked] for asked in TABLES[:2]), overview(found), seeds(models)]
    page, whole = (
        "\n\n".join(filter(None, parts)) + "\n" for parts in (main_parts, [dynamics(models), *tables.values()])
    )
    print(page, whole, sep="\n")
    if options.write:
        fill(PAGE, "prediction", page)
        TABLES_FILE.write_text(f"# Every table of the experiment\n\n{whole}", encoding="utf-8")
        if any(GIVEN in model.predictors for model in models):
            draw(models, FIGURE)


# -- what was measured -------------------------------------------------------------------------------------------


def read(folder: Path) -> list[Model]:
    """Every model of which anything was measured."""
    found: dict[str, Model] = {}
    for path in sorted(folder.glob("*/*.json.gz")):
        stage, label = path.parent.name, path.name.removesuffix(".json.gz")
        model = found.setdefault(label, Model(label, {}, {}, {}))
        (row,) = unpacked(path)
        for task, evaluation in row.evaluations.items():
            if task == "nve":
                model.seconds[stage] = evaluation.seconds
                model.runs[int(stage.partition("-")[2])] = runs(evaluation)
            elif stage != "jumps" or task == "jumps":
                model.seconds[task] = evaluation.seconds
                known = {f"{task}/{name}": value for name, value in evaluation.values.items() if value is not None}
                model.predictors.update({name: value for name, value in known.items() if name in PREDICTORS})
    return list(found.values())


def runs(evaluation: Evaluation) -> Floats:
    """[n_molecules, 5] figures of runs, see ``Model``; what is missing, as it is of failed runs alone, is the worst."""
    rows = []
    for record in evaluation.records:
        failed = record.status == "failed"
        drift, jump, hottest = (record.metrics.get(name) for name in ("drift", "largest_jump", "max_temperature"))
        until = record.metrics.get("failure_time")
        rows.append(
            [
                np.inf if failed or drift is None else abs(drift),
                float(failed),
                np.inf if jump is None else abs(jump),
                np.inf if hottest is None else hottest,
                1.0 if until is None and not failed else (until or 0.0),
            ]
        )
    return np.array(rows, dtype=np.float64)


# -- coefficients ------------------------------------------------------------------------------------------------


def spearman(x: Floats, y: Floats) -> float:
    """Of ranks; NaN where one of the two is constant."""
    return float(coefficients.spearman(x, y))


def partial(x: Floats, y: Floats, z: Floats) -> float:
    """Spearman's coefficient of x and y given z."""
    return float(coefficients.partial_spearman(x, y, z))


def group_draws(groups: Sequence[str]) -> list[NDArray[np.int64]]:
    """Rows of models for each bootstrap draw: groups with replacement, each with all its models."""
    names = sorted(set(groups))
    rows = {name: np.flatnonzero(np.array(groups) == name) for name in names}
    random = np.random.default_rng(SEED)
    drawn = random.integers(len(names), size=(DRAWS, len(names)))
    return [np.concatenate([rows[names[k]] for k in line]) for line in drawn]


def alike(x: Floats, y: Floats) -> Floats:
    """Spearman's coefficients of each line of ``x`` [..., n] with ``y`` [n]."""
    return coefficients.spearman(x, np.broadcast_to(y, x.shape))


def over_draws(coefficient: Callable[..., Floats], draws: Sequence[NDArray[np.int64]], *columns: Floats) -> Floats:
    """``coefficient`` of ``columns`` [n_models] for each draw of rows; draws of one length are computed at once."""
    found = np.full(len(draws), np.nan)
    lengths = np.array([len(rows) for rows in draws])
    for length in set(lengths.tolist()):
        places = np.flatnonzero(lengths == length)
        rows = np.stack([draws[k] for k in places.tolist()])
        found[places] = coefficient(*(column[rows] for column in columns))
    return found


def interval(values: Sequence[float] | Floats) -> tuple[float, float]:
    """95 %, of what is finite."""
    finite = np.array(values)[np.isfinite(values)]
    low, high = np.percentile(finite, [2.5, 97.5]) if len(finite) else (np.nan, np.nan)
    return float(low), float(high)


def over_molecules(x: Floats, rows: Sequence[Floats], outcome: Callable[[Floats], float]) -> tuple[float, float]:
    """Interval where molecules of the dynamics are drawn, the same for all models."""
    random = np.random.default_rng(SEED)
    n = len(rows[0])
    drawn = random.integers(n, size=(DRAWS // 4, n))
    redrawn = np.array([[outcome(one[line]) for one in rows] for line in drawn])
    return interval(coefficients.spearman(np.broadcast_to(x, redrawn.shape), redrawn))


# -- tables ------------------------------------------------------------------------------------------------------

TABLES = (
    ("drift", 600, ()),
    ("failed", 600, ()),
    ("drift", 300, ()),
    ("failed", 300, ()),
    ("drift", 600, KINDS),
    ("drift", 600, CONTROLS),
    *((name, 600, ()) for name in OUTCOMES if name not in ("drift", "failed")),
)


def measured(models: Sequence[Model]) -> str:
    """Which models have what, and what it cost."""
    taken: dict[str, list[float]] = {}
    for model in models:
        for task, seconds in model.seconds.items():
            taken.setdefault(task, []).append(seconds)
    lines = ["| measured | models, of 57 | seconds a model, median |", "|---|---:|---:|"]
    lines += [f"| `{task}` | {len(times)} | {np.median(times):.0f} |" for task, times in sorted(taken.items())]
    return "\n".join([*lines, "", "On two cores that did other work besides."])


def dynamics(models: Sequence[Model]) -> str:
    """What happened to every model, a line for each temperature, the steadiest first."""
    done = [(kelvin, m) for m in models for kelvin in m.runs]
    lines = ["| model | K | median drift | worst drift | largest jump | highest temperature | failed |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for kelvin, m in sorted(done, key=lambda one: (-one[0], OUTCOMES["drift"](one[1].runs[one[0]]))):
        names = ("drift", "worst drift", "largest jump", "highest temperature")
        values = [f"{OUTCOMES[name](m.runs[kelvin]):.3g}" for name in names]
        failed = f"{int(m.runs[kelvin][:, 1].sum())}/{len(m.runs[kelvin])}"
        lines.append(f"| `{m.label}` | {kelvin} | {' | '.join(values)} | {failed} |")
    units = "Drifts in meV/atom/ps, jumps in meV/atom, temperatures in K; twelve molecules, 1 ps."
    return "\n".join([*lines, "", units]) if done else ""


def correlated(models: Sequence[Model], outcome: str, temperature: int, without: Sequence[str]) -> Found:
    """Every predictor that enough models have, with the outcome and the coefficients of all draws."""
    found: Found = {}
    for predictor in PREDICTORS:
        ready = [m for m in models if temperature in m.runs and m.group not in without]
        have = [m for m in ready if takes_part(m, predictor)]
        if len(have) >= FEWEST:
            x, y = columns(have, predictor, outcome, temperature)
            draws = group_draws([m.group for m in have])
            found[predictor] = (have, x, y, over_draws(coefficients.spearman, draws, x, y))
    return found


def table(models: Sequence[Model], found: Found, outcome: str, temperature: int, without: Sequence[str]) -> str:
    """One line a predictor: coefficient, intervals, given the force error, difference from FSD."""
    name = f"**{outcome}, {temperature} K**" + (f", without {', '.join(without)}" if without else "")
    ready = [m for m in models if temperature in m.runs and m.group not in without]
    if len({OUTCOMES[outcome](m.runs[temperature]) for m in ready}) == 1:
        return f"{name}: the same for all {len(ready)} models."
    lines = []
    p_values, differences = {}, {}
    for predictor, (have, *_) in found.items():
        shared = [m for m in have if takes_part(m, FIRST)]
        if predictor != FIRST and len(shared) >= FEWEST:
            draws = group_draws([m.group for m in shared])
            of_one, of_first = (
                over_draws(coefficients.spearman, draws, *columns(shared, name, outcome, temperature))
                for name in (predictor, FIRST)
            )
            gaps = of_one - of_first
            gaps = gaps[np.isfinite(gaps)]
            differences[predictor] = interval(gaps)
            p_values[predictor] = 2 * min((gaps <= 0).mean(), (gaps >= 0).mean())
    better = dict(zip(p_values, significant(list(p_values.values())), strict=True)) if p_values else {}
    for predictor, (have, x, y, drawn) in found.items():
        z = [m.predictors.get(GIVEN, np.nan) for m in have]
        given = ""
        if predictor != GIVEN and np.isfinite(z).all():
            c = np.array(z)
            draws = group_draws([m.group for m in have])
            given = shown(partial(x, y, c), interval(over_draws(coefficients.partial_spearman, draws, x, y, c)))
        molecules = over_molecules(x, [m.runs[temperature] for m in have], OUTCOMES[outcome])
        gap = differences.get(predictor)
        mark = "*" if better.get(predictor) else ""
        cells = [f"`{predictor}`", str(len(have)), shown(spearman(x, y), interval(drawn)), bracket(molecules), given]
        lines.append(f"| {' | '.join(cells)} | {'' if gap is None else bracket(gap)}{mark} |")
    if not lines:  # too few models have both
        return ""
    head = "| predictor | models | Spearman | over molecules | given force error | less that of FSD |"
    return "\n".join(
        [name, "", head, "|---|---:|---:|---:|---:|---:|", *lines, "", *pairs(found, outcome, temperature)]
    )


def takes_part(model: Model, predictor: str) -> bool:
    """Whether the predictor says something of the model; errors of the reference itself do not."""
    return predictor in model.predictors and not (model.label == "xtb" and predictor.partition("/")[2] in AGAINST)


def columns(models: Sequence[Model], predictor: str, outcome: str, temperature: int) -> tuple[Floats, Floats]:
    """[n_models] predictor and outcome."""
    x = np.array([m.predictors[predictor] for m in models])
    return x, np.array([OUTCOMES[outcome](m.runs[temperature]) for m in models])


def pairs(found: Found, outcome: str, temperature: int) -> list[str]:
    """The best pair of predictors by mean rank, chosen on all groups but one and judged on that one.

    Of the predictors that nine tenths of the models have, on the models that have all of these.
    """
    largest = max(len(have) for have, *_ in found.values())
    same = [p for p, (have, *_) in found.items() if len(have) >= 0.9 * largest]
    if len(same) < 2:
        return []
    models = [m for m in found[same[0]][0] if all(takes_part(m, p) for p in same)]
    ranks = {p: rankdata(columns(models, p, outcome, temperature)[0]) for p in same}
    _, y = columns(models, same[0], outcome, temperature)
    groups = np.array([m.group for m in models])
    both = [(a, b) for i, a in enumerate(same) for b in same[i + 1 :]]
    sums = np.stack([ranks[a] + ranks[b] for a, b in both])
    singles = np.stack([ranks[p] for p in same])
    joined, alone = np.full(len(y), np.nan), np.full(len(y), np.nan)
    chosen: list[tuple[str, str]] = []
    for group in sorted(set(groups)):
        seen, left = groups != group, groups == group
        a, b = both[int(np.nanargmax(alike(sums[:, seen], y[seen])))]
        chosen.append((a, b))
        joined[left] = (ranks[a] + ranks[b])[left] / 2
        single = same[int(np.nanargmax(alike(singles[:, seen], y[seen])))]
        alone[left] = ranks[single][left]
    most = max(set(chosen), key=chosen.count)
    draws = group_draws(groups.tolist())
    of_both, of_one = (over_draws(coefficients.spearman, draws, x, y) for x in (joined, alone))
    gap = interval(of_both - of_one)
    return [
        f"Best pair, chosen without the group that it is judged on: `{most[0]}` and `{most[1]}` "
        f"({chosen.count(most)} of {len(chosen)} times), {spearman(joined, y):.2f}; "
        f"best single one likewise {spearman(alone, y):.2f}; difference {bracket(gap)}."
    ]


def overview(found: Mapping[Asked, Found]) -> str:
    """Spearman's coefficient of every predictor with every outcome; bold where its interval excludes zero."""
    names = [f"{name}, {kelvin} K" + (f", no {'/'.join(left)}" if left else "") for name, kelvin, left in TABLES]
    names = [name.replace("/".join(KINDS), "planted").replace("/".join(CONTROLS), "controls") for name in names]
    lines = []
    for predictor in PREDICTORS:
        cells = []
        for asked in TABLES:
            cells.append("")
            if predictor in found[asked]:
                _, x, y, drawn = found[asked][predictor]
                low, high = interval(drawn)
                value = spearman(x, y)
                told = "–" if np.isnan(value) else f"{value:.2f}"
                cells[-1] = f"**{told}**" if low > 0 or high < 0 else told
        if any(cells):
            lines.append(f"| `{predictor}` | {' | '.join(cells)} |")
    if not lines:
        return ""
    head = f"| Spearman with | {' | '.join(names)} |"
    return "\n".join([head, f"|---|{'---:|' * len(names)}", *lines, "", "Bold: the interval excludes zero."])


def seeds(models: Sequence[Model]) -> str:
    """How far two seeds of one training are apart in log10 of a figure, beside its spread over all models."""
    ready = {m.label: m for m in models if 600 in m.runs}
    figures = {"drift at 600 K": {label: OUTCOMES["drift"](m.runs[600]) for label, m in ready.items()}}
    figures |= {f"`{p}`": {label: m.predictors.get(p, np.nan) for label, m in ready.items()} for p in PREDICTORS}
    lines = []
    for name, values in figures.items():
        logs = {label: np.log10(value) for label, value in values.items() if 0 < value < np.inf}
        twins = [(label, label[:-1] + "1") for label in logs if label.endswith("-0") and label[:-1] + "1" in logs]
        if len(twins) > 1:
            apart = np.mean([abs(logs[one] - logs[other]) for one, other in twins])
            lines.append(f"| {name} | {apart:.2f} | {len(twins)} | {np.std(list(logs.values())):.2f} |")
    head = "| log10 of | two seeds differ by | trainings | standard deviation over models |\n|---|---:|---:|---:|"
    return "\n".join([head, *lines]) if lines else ""


# -- figure ------------------------------------------------------------------------------------------------------

DRAWN = (
    ("core/fsd_full", "FSD, 1/Å"),
    ("core/forces_mae_full", "force MAE, eV/Å"),
    ("core/nonconservativity", "non-conservativity, eV"),
    ("core/path_residual", "path residual, eV"),
    ("jumps/energy", "largest jump, eV"),
    ("jacobian/asymmetry", "asymmetry of the Jacobian"),
)


def draw(models: Sequence[Model], path: Path) -> None:
    """Median |drift| at 600 K against the main predictors; planted faults have a colour a kind, others are grey.

    Models whose runs all failed stand at the upper edge; a predictor that is zero at the left edge.
    """
    ready = [m for m in models if 600 in m.runs]
    drifts = np.array([OUTCOMES["drift"](m.runs[600]) for m in ready])
    top = 10 * drifts[np.isfinite(drifts)].max()
    with style():
        figure = new_figure("page", 0.62)
        panels = figure.subplots(2, 3, sharey=True)
        handles = {}
        for panel, (predictor, title) in zip(panels.flat, DRAWN, strict=True):
            have = [i for i, m in enumerate(ready) if predictor in m.predictors and m.label != "xtb"]
            values = np.array([ready[i].predictors[predictor] for i in have])
            floor = values[values > 0].min() / 10 if (values > 0).any() else 1.0
            for i, value in zip(have, values, strict=True):
                kind = ready[i].group if ready[i].group in KINDS else "no planted fault"
                place = KINDS.index(kind) if kind in KINDS else len(KINDS)
                handles[kind] = panel.plot(
                    max(value, floor), min(drifts[i], top), marker(place), color=color(place), markersize=4, mew=0
                )[0]
            panel.set_xlabel(title)
            logarithmic(panel.xaxis, [max(value, floor) for value in values])
        logarithmic(panels[0, 0].yaxis, [min(drift, top) for drift in drifts])  # all share it
        for row in panels:
            row[0].set_ylabel("median |drift|, meV/atom/ps")
        names = [kind for kind in ("no planted fault", *KINDS) if kind in handles]
        legend_above(figure, [handles[kind] for kind in names], names, columns=8)
        write_figure(figure, path)


def shown(value: float, bounds: tuple[float, float]) -> str:
    """A coefficient with its interval."""
    return f"{value:.2f} {bracket(bounds)}"


def bracket(bounds: tuple[float, float]) -> str:
    """An interval."""
    return f"[{bounds[0]:.2f}, {bounds[1]:.2f}]"


if __name__ == "__main__":
    main()
