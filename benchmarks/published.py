"""Every published model that runs without a download, on suites and in short dynamics; resumable, hours on two cores.

    python benchmarks/published.py                      # what published.json lacks is measured and added, one by one
    python benchmarks/published.py --only core,nve --models so3lr,nep89
    python benchmarks/published.py --write              # tables of docs/published.md, README's first table and picture

Each pair of model and suite is one command that a user has, in a process of its own, so that a pair which fails costs
itself. What the experiment on prediction measured by the same command (experiments/prediction) is taken from its
results. ``published.json`` keeps figures, not reference data: the value of each column, over how many scans, what was
refused and why, and the FSD of each scan, from which means over common scans are taken.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pages import fill

from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.results import Evaluation, ModelResult, read_results
from bsct_zoo.files import atomic_write, json_bytes
from bsct_zoo.metrics.catalogue import METRICS
from bsct_zoo.report.figures.style import color, logarithmic, new_figure, style, write_figure

FILE = Path(__file__).with_suffix(".json")
ROOT = Path(__file__).parents[1]
PAGE, PICTURE, README = ROOT / "docs" / "published.md", ROOT / "docs" / "published.svg", ROOT / "README.md"
EXPERIMENT = ROOT / "experiments" / "prediction"
sys.path.insert(0, str(EXPERIMENT))
from stages import STAGES, molecules, read_models, unpacked  # noqa: E402

# The fast ones first, so that a table is there early.
MODELS = (
    "nep89", "xtb", "xtb:gfn1", "ani2xt", "so3lr", "chgnet", "chgnet:r2scan", "chgnet:0.2.0", "sevennet", "diep",
    "hienet", "sevennet:l3i5", "sevennet:mf-0",
)  # fmt: skip
# The command of each, but for molecules and where results go; the experiment's stage where it has the same.
SUITES = {
    "core": ("compare", "--suite", "core"),
    "druglike": ("compare", "--suite", "druglike"),
    "torsions": ("compare", "--suite", "torsions"),
    "dimers": ("compare", "--suite", "dimers"),
    "nve": STAGES["nve-600"],
    "core-dft": ("compare", "--suite", "core-dft"),
    "bsct-spice": STAGES["bsct-spice"],
}
MEASURED_AS = {"core": "scores", "druglike": "scores", "nve": "nve-600", "bsct-spice": "bsct-spice"}
COLUMNS = {
    "fsd_full": "FSD 1/Å",
    "forces_mae_full": "F MAE eV/Å",
    "energy_mae_aligned_full": "E MAE aligned eV",
    "path_residual": "path residual eV",
    "nonconservativity": "non-cons. eV",
    "energy_jump": "energy jump eV",
    "extra_minima": "extra minima",
}
FLOOR = METRICS["path_residual"].negligible
DYNAMICS = {
    "drift": "median drift meV/atom/ps",
    "drift_worst": "worst drift meV/atom/ps",
    "fluctuation": "fluctuation meV/atom",
    "largest_jump": "largest jump meV/atom",
    "failed": "failed",
}


def main() -> None:
    """Measure what is missing, or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--only", default=",".join(SUITES), help="suites, and nve")
    parser.add_argument("--write", action="store_true", help="tables and the picture, from published.json")
    arguments = parser.parse_args()
    if arguments.write:
        known = json.loads(FILE.read_text())
        for name, text in tables(known).items():
            fill(PAGE, name, text)
        fill(README, "published", overview(known))
        draw(known, PICTURE)
        return
    for suite in arguments.only.split(","):
        for model in arguments.models.split(","):
            measure(suite, model)


def measure(suite: str, model: str) -> None:
    """Add the entry of ``model`` on ``suite`` to the file, unless it is there."""
    known: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
    if model in known.get(suite, {}):
        return
    started = time.perf_counter()
    entry = of_experiment(suite, model) or of_command(suite, model)
    if "no suite" in entry.get("message", "") or "unknown suite" in entry.get("message", ""):
        print(f"{suite}: {entry['message']}", flush=True)
        return
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    known.setdefault("machine", {**machine("cpu"), "bsct-zoo": version("bsct-zoo")})
    known.setdefault(suite, {})[model] = entry
    atomic_write(FILE, json_bytes(known))
    print(f"{suite} {model}: {entry['status']}, {time.perf_counter() - started:.0f} s", flush=True)


def of_experiment(suite: str, model: str) -> dict[str, Any] | None:
    """The entry by what the experiment measured; None if it did not."""
    labels = {name: label for label, name in read_models(EXPERIMENT / "models.txt")}
    path = EXPERIMENT / "results" / MEASURED_AS.get(suite, "none") / f"{labels.get(model)}.json.gz"
    if not path.exists():
        return None
    (row,) = unpacked(path)
    return summary(row, row.evaluations[suite])


def of_command(suite: str, model: str) -> dict[str, Any]:
    """The entry by running the command."""
    verb, *words = SUITES[suite]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        words += molecules(folder) if verb == "md" else []
        command = [sys.executable, "-m", "bsct_zoo", verb, model, *words, "--json", str(out), "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not out.exists():
            return {"status": "failed", "message": (done.stderr.strip().splitlines() or ["no output"])[-1][:300]}
        (row,) = read_results(out).rows
        return summary(row, row.evaluations[suite])


def summary(row: ModelResult, evaluation: Evaluation) -> dict[str, Any]:
    """What is kept of a row."""
    reasons = Counter(record.message for record in evaluation.records if record.status == "failed")
    return {
        "status": evaluation.status,
        "message": evaluation.message,
        "level_of_theory": row.level_of_theory,
        "conservative": row.conservative,
        "parameters": row.parameters,
        "seconds": round(evaluation.seconds, 1),
        "dtype": evaluation.dtype,
        "versions": evaluation.versions,
        "n": sum(record.status != "failed" for record in evaluation.records),
        "of": len(evaluation.records),
        "refused": dict(reasons),
        "values": {name: rounded(value) for name, value in evaluation.values.items() if value is not None},
        "fsd": {
            record.id: rounded(value)
            for record in evaluation.records
            if (value := record.metrics.get("fsd_full")) is not None
        },
    }


def rounded(value: float) -> float:
    """Four digits."""
    return float(f"{value:.4g}")


def tables(known: dict[str, Any]) -> dict[str, str]:
    """Markdown by its name on the page."""
    made = {}
    for suite in SUITES:
        entries = known.get(suite, {})
        if not entries:
            continue
        columns = DYNAMICS if suite == "nve" else COLUMNS
        scored = {model: entry for model, entry in entries.items() if entry.get("values")}
        common = common_scans(entries)
        head = ["model", "level of theory", *(["FSD, common scans"] if common else []), *columns.values(), "n", "s"]
        lines = [f"| {' | '.join(head)} |", f"|---|---|{'---:|' * (len(head) - 2)}"]

        def order(item: tuple[str, Any], suite: str = suite, common: set[str] = common) -> float:
            value = abs(item[1]["values"].get("drift", 1e9)) if suite == "nve" else of_common(item[1], common)
            return 1e9 if value is None else value

        for model, entry in sorted(scored.items(), key=order):
            cells = [f"`{model}`", entry["level_of_theory"], *([text(of_common(entry, common))] if common else [])]
            cells += [shown(name, entry["values"].get(name)) for name in columns]
            cells += ["{n}/{of}".format_map(entry), f"{entry['seconds']:.0f}"]
            lines.append(f"| {' | '.join(cells)} |")
        failed = {model: entry for model, entry in entries.items() if not entry.get("values")}
        lines += ["", *(f"`{model}`: {entry['message']}" for model, entry in failed.items())]
        if common:
            lines.append(f"\nCommon scans: {len(common)}, which every model with three quarters of the scans answers.")
        made[suite] = "\n".join(lines).rstrip() + "\n"
    return made


def common_scans(entries: dict[str, Any]) -> set[str]:
    """Ids of the scans that all models have but for those which refuse more than a quarter."""
    scored = [entry for entry in entries.values() if entry.get("values")]
    wide = [entry["fsd"] for entry in scored if entry["fsd"] and entry["n"] >= 0.75 * entry["of"]]
    return set.intersection(*map(set, wide)) if wide else set()


def of_common(entry: dict[str, Any], common: set[str]) -> float | None:
    """Mean FSD of a model over ``common`` scans, in 1/Å; None if it lacks one."""
    return statistics.mean(entry["fsd"][one] for one in common) if common <= entry["fsd"].keys() else None


def ranked(known: dict[str, Any]) -> list[tuple[str, dict[str, Any], float]]:
    """Name, entry of ``core`` and FSD over common scans of the models that have it, the lowest FSD first."""
    common = common_scans(known["core"])
    found = [(model, entry, of_common(entry, common)) for model, entry in known["core"].items() if entry.get("values")]
    return sorted([(m, entry, fsd) for m, entry, fsd in found if fsd is not None], key=lambda one: one[2])


def overview(known: dict[str, Any]) -> str:
    """README's table: bonds and dynamics."""
    lines = [
        "| model | level of theory | FSD 1/Å | path residual eV | false minima a scan | median drift meV/atom/ps |"
    ]
    lines.append("|---|---|---:|---:|---:|---:|")
    for model, entry, fsd in ranked(known):
        values, moved = entry["values"], known["nve"].get(model, {}).get("values", {})
        cells = [f"`{model}`", entry["level_of_theory"], text(fsd), shown("path_residual", values.get("path_residual"))]
        cells += [text(values.get("extra_minima")), text(moved.get("drift"))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def draw(known: dict[str, Any], path: Path) -> None:
    """README's picture: a line a model, the same three figures; FSD with the 95 % interval over scans.

    A path residual that is less than a scan can tell stands at the edge.
    """
    common = sorted(common_scans(known["core"]))
    random = np.random.default_rng(0)
    drawn = random.integers(len(common), size=(2000, len(common)))
    models = ranked(known)[::-1]
    with style():
        figure = new_figure("page", 0.035 * len(models) + 0.1)
        panels = figure.subplots(1, 3, sharey=True)
        shown: list[list[float]] = [[], [], []]
        for place, (model, entry, fsd) in enumerate(models):
            values = np.array([entry["fsd"][one] for one in common])
            low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
            panels[0].plot([low, high], [place, place], color=color(0))
            drift = known["nve"].get(model, {}).get("values", {}).get("drift")
            figures = (fsd, max(entry["values"]["path_residual"], FLOOR), drift)
            for panel, value, listed in zip(panels, figures, shown, strict=True):
                if value is not None:
                    panel.plot([abs(value)], [place], "o", color=color(0), markersize=4)
                    listed.append(abs(value))
        panels[0].set_yticks(range(len(models)), [model for model, *_ in models])
        for panel, title in zip(
            panels, ("FSD, 1/Å", "path residual, eV", "|drift| at 600 K, meV/atom/ps"), strict=True
        ):
            panel.set_xlabel(title)
        for panel, listed in zip(panels[1:], shown[1:], strict=True):
            logarithmic(panel.xaxis, listed)
        write_figure(figure, path)


def shown(name: str, value: float | None) -> str:
    """``text``, but for what is less than the metric can tell."""
    least = METRICS[name].negligible if name in METRICS else 0.0
    return f"≤ {least:g}" if value is not None and value < least else text(value)


def text(value: float | None) -> str:
    """Three digits."""
    return "–" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    main()
