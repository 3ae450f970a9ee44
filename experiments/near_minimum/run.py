"""What lowers FSD? ``python experiments/near_minimum/run.py POOL OUT`` from the root; plan.md is the plan.

POOL is a folder of frames (training/README.md). Trainings and scores that are in OUT are not made again; one that was
cut off goes on. ``--write`` puts the table into docs/transformer.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from bsct_zoo.analysis.bootstrap import significant
from bsct_zoo.evaluation.results import read_results
from bsct_zoo.training.data import SPLITS
from bsct_zoo.training.writing import write_training_data

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))
from pages import fill  # noqa: E402

PAGE = HERE.parents[1] / "docs" / "transformer.md"
BUDGET_S, SEEDS, DRAWS = 400, (0, 1, 2), 2000
# Name of a training: its frames, the scale of forces in the loss, and what it is compared with.
TRAININGS: dict[str, tuple[str, float, str]] = {
    "small": ("small", 5.0, ""),
    "larger": ("larger", 5.0, "small"),
    "near": ("near", 5.0, "larger"),
    "near-scale-1": ("near", 1.0, "near"),
    "near-scale-02": ("near", 0.2, "near"),
    "half-drawn": ("half-drawn", 5.0, ""),
    "half-chosen": ("half-chosen", 5.0, "half-drawn"),
    "larger-scale-20": ("larger", 20.0, "larger"),
    "larger-scale-80": ("larger", 80.0, "larger-scale-20"),
    "chosen-scale-80": ("half-chosen", 80.0, "larger-scale-80"),
}
OUTCOMES = {"fsd_full": "FSD", "forces_mae_full": "F MAE", "fsd_own_zero": "FSD, own zero"}
SUITES = ("druglike", "core")


def main() -> None:
    """Make what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default=",".join(TRAININGS))
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    names = [name for name in TRAININGS if name in asked.only.split(",")]
    for name in names:
        frames, scale, _ = TRAININGS[name]
        data = frames_folder(frames, asked.pool, asked.out)
        for seed in SEEDS:
            trained(name, seed, data, scale, asked.out)
            score(name, seed, asked.out)
    text = table(names)
    print(text)
    if asked.write:
        fill(PAGE, "near-minimum", text)


def frames_folder(name: str, pool: Path, out: Path) -> Path:
    """The folder of frames of that name, made unless it is there."""
    folder = out / "frames" / name
    if name == "near":
        return pool
    if (folder / "manifest.json").exists():
        return folder
    if name == "half-chosen":
        voters = [f"--by=transformer:{checkpoint('near', seed, out)}" for seed in SEEDS[:2]]
        zoo("data", "choose", folder, "--from", pool, *voters, "--keep", "0.5")
        return folder
    manifest = json.loads((pool / "manifest.json").read_text(encoding="utf-8"))
    few = {
        line.split()[0] for line in (HERE.parents[1] / "training" / "molecules.smi").read_text().splitlines() if line
    }
    splits = {}
    for split in SPLITS:
        with np.load(pool / f"{split}.npz") as file:
            arrays = dict(file)
        splits[split] = taken(arrays, wanted(name, split, arrays, manifest, few))
    facts = {key: manifest[key] for key in ("kinds", "level_of_theory", "reference_energies", "molecules")}
    write_training_data(folder, splits, facts, "")
    return folder


def wanted(name: str, split: str, arrays: dict, manifest: dict, few: set[str]) -> np.ndarray:
    """[n_frames] which frames of a split belong to the folder of that name; validation and test frames all do."""
    everything = np.full(len(arrays["n_atoms"]), True)
    if split != "train":
        return everything
    if name == "half-drawn":
        drawn = np.random.default_rng(0).permutation(len(everything)) < len(everything) / 2
        return np.asarray(drawn)
    keep = arrays["kind"] != manifest["kinds"].index("near")
    if name == "small":
        of = [entry["name"] for entry in manifest["molecules"]]
        keep &= np.array([of[k] in few or of[k].startswith("diatomic") for k in arrays["molecule"]])
    return np.asarray(keep)


def taken(arrays: dict, keep: np.ndarray) -> dict:
    """The kept frames of flat arrays."""
    of_atoms = np.repeat(keep, arrays["n_atoms"])
    return {key: value[of_atoms if len(value) == len(of_atoms) else keep] for key, value in arrays.items()}


def checkpoint(name: str, seed: int, out: Path) -> Path:
    """Where a training leaves its weights."""
    return out / f"{name}-{seed}" / f"{name}.safetensors"


def trained(name: str, seed: int, data: Path, scale: float, out: Path) -> None:
    """Train unless it is done."""
    if checkpoint(name, seed, out).exists():
        return
    given = ["--data", data, "--out", out / f"{name}-{seed}", "--name", name, "--budget", BUDGET_S, "--seed", seed]
    zoo("train", "transformer", *given, "--threads", 1, "--set", f"force_scale={scale}", "--quiet")


def kept(name: str, seed: int) -> Path:
    """Where the scores of a training are kept."""
    return HERE / "results" / f"{name}-{seed}.json"


def score(name: str, seed: int, out: Path) -> None:
    """Score unless it is done, and keep the outcomes of every scan."""
    if kept(name, seed).exists():
        return
    weights = checkpoint(name, seed, out)
    full = weights.with_name("scores.json")
    zoo("compare", f"{name}-{seed}=transformer:{weights}", "--suite", ",".join(SUITES), "--json", full, "-q")
    (row,) = read_results(full).rows
    card = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))["card"]
    found: dict[str, object] = {
        suite: {record.id: [record.metrics[key] for key in OUTCOMES] for record in row.evaluations[suite].records}
        for suite in SUITES
    }
    found |= {"sha256": row.checkpoint_sha256, "steps": card["notes"]["steps"], "valid": card["notes"]["valid"]}
    kept(name, seed).parent.mkdir(exist_ok=True)
    kept(name, seed).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def zoo(*words: object) -> None:
    """Run a command of ours."""
    done = subprocess.run([sys.executable, "-m", "bsct_zoo", *map(str, words)], check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.returncode)


def table(names: list[str]) -> str:
    """What came out: means over seeds and scans, and each comparison as a factor with its interval."""
    found = {name: [json.loads(kept(name, seed).read_text(encoding="utf-8")) for seed in SEEDS] for name in names}
    values = {
        (name, suite): np.array([[found[name][s][suite][scan] for scan in found[name][0][suite]] for s in SEEDS])
        for name in names
        for suite in SUITES
    }  # [n_seeds, n_scans, n_outcomes]
    head = ["training", *(f"`{suite}`: {title}" for suite in SUITES for title in OUTCOMES.values()), "F MAE valid"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for name in names:
        cells = [spread(values[name, suite][:, :, k].mean(1)) for suite in SUITES for k in range(len(OUTCOMES))]
        valid = np.array([one["valid"]["all"]["forces_mae_mev_A"] for one in found[name]])
        lines.append("| " + " | ".join([f"`{name}`", *cells, spread(valid)]) + " |")
    lines += [
        "",
        "| against | `druglike`: FSD | `druglike`: F MAE | `core`: FSD | `core`: F MAE |",
        "|---|" + "---:|" * 4,
    ]
    compared = [(name, TRAININGS[name][2]) for name in names if TRAININGS[name][2] in names]
    drawn = {
        (pair, suite, k): factor(*(values[name, suite][:, :, k] for name in pair))
        for pair in compared
        for suite in SUITES
        for k in range(2)
    }
    chances = {key: value[3] for key, value in drawn.items() if key[1] == SUITES[0]}
    shown = {key for key, fallen in zip(chances, significant(list(chances.values())), strict=True) if fallen}
    for pair in compared:
        cells = []
        for suite in SUITES:
            for k in range(2):
                middle, low, high, _ = drawn[pair, suite, k]
                text = f"{middle:.2f} [{low:.2f}, {high:.2f}]"
                cells.append(f"**{text}**" if (pair, suite, k) in shown else text)
        lines.append(f"| `{pair[0]}` to `{pair[1]}` | {' | '.join(cells)} |")
    return "\n".join(
        [
            *lines,
            "",
            "FSD in 1/Å, F MAE in eV/Å, that of the validation frames in meV/Å; three seeds, ± half of their",
            "range. Factors with 95 % intervals; bold: beyond chance after Holm's correction.",
        ]
    )


def spread(of_seeds: np.ndarray) -> str:
    """Mean over the seeds and half of their range."""
    return f"{of_seeds.mean():.3g} ± {np.ptp(of_seeds) / 2:.2g}"


def factor(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float, float]:
    """``a`` over ``b`` [n_seeds, n_scans], the interval's ends, and how often chance gives the other side of one."""
    rng = np.random.default_rng(0)
    logs = []
    for _ in range(DRAWS):
        scans = rng.integers(a.shape[1], size=a.shape[1])
        of = [np.log(x[rng.integers(len(x), size=len(x))][:, scans].mean(1)).mean() for x in (a, b)]
        logs.append(of[0] - of[1])
    middle = np.log(a.mean(1)).mean() - np.log(b.mean(1)).mean()
    other = min(float(np.mean(np.array(logs) > 0)), float(np.mean(np.array(logs) < 0)))
    low, high = np.exp(np.percentile(logs, [2.5, 97.5]))
    return float(np.exp(middle)), float(low), float(high), max(2 * other, 1 / DRAWS)


if __name__ == "__main__":
    main()
