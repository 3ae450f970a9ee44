"""The smooth FSD as a loss, one run with it and one without: ``python benchmarks/fsd_loss.py --data FRAMES --out DIR``.

Same frames, seed, steps and schedule; the scans that it is trained on are made here, of training molecules. Needs RDKit
and tblite, and what training the Transformer needs. Prints a table for docs/training.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

ZOO = [sys.executable, "-m", "bsct_zoo"]
SMILES = Path(__file__).parents[1] / "training" / "molecules.smi"
GFN2 = "xtb@electronic_temperature=3000,accuracy=0.1"
MODEL = {"width": 32, "blocks": 2, "validate_every": 1000}


def scans(path: Path, molecules: int, limit: int) -> None:
    """Bond scans of the first training molecules that have a bond between heavy atoms, spread over the bond types."""
    lines = [line.split() for line in SMILES.read_text().splitlines() if line and not line.startswith("#")]
    train = [smiles for smiles, split in lines if split == "train" and 2 <= len(smiles) <= 7]
    step = max(1, len(train) // molecules)
    chosen = path.with_suffix(".smi")
    chosen.write_text("".join(f"{smiles}\n" for smiles in train[::step]))
    words = ["--from", chosen, "--scan", "bond", "--reference", GFN2, "--limit", limit, "--out", path, "--jobs", 1]
    run("suites", "build", "fsd-training", *words, "--quiet")


def train(data: Path, out: Path, steps: int, settings: dict[str, object]) -> dict:
    """Train one model; what its card says."""
    options = {"steps": steps, **MODEL, **settings}
    words = [word for key, value in options.items() for word in ("--set", f"{key}={value}")]
    run("train", "transformer", "--data", data, "--out", out, *words)
    return json.loads((out / "small.json").read_text())["card"]["notes"]


def run(*words: object) -> str:
    """The output of a command of bsct-zoo."""
    return subprocess.run([*ZOO, *map(str, words)], check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Make the scans, train twice, score both on ``core``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--weight", type=float, default=0.01)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "scans.npz"
    if not path.exists():
        scans(path, molecules=40, limit=24)
    runs = {"without": {}, f"fsd_weight={options.weight:g}": {"fsd_weight": options.weight, "fsd_scans": path}}
    notes = {}
    for k, (name, settings) in enumerate(runs.items()):
        notes[name] = train(options.data, options.out / f"run-{k}", options.steps, settings)
    models = [f"transformer:{options.out / f'run-{k}' / 'small.safetensors'}" for k in range(len(runs))]
    rows = json.loads(run("compare", *models, "--json", "-", "--quiet"))["rows"]
    print(
        "| | FSD full | compress | stretch | F MAE core | F valid | F test | CPU s |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|"
    )
    for (name, note), row in zip(notes.items(), rows, strict=True):
        means = row["evaluations"]["core"]["values"]
        found = [means[f"fsd_{part}"] for part in ("full", "compress", "stretch")] + [means["forces_mae_full"]]
        cells = [f"{value:.3g}" for value in found]
        cells += [f"{note[split]['all']['forces_mae_mev_A']:.0f}" for split in ("valid", "test")]
        print(f"| {name} | " + " | ".join([*cells, f"{note['spent_s']:.0f}"]) + " |")


if __name__ == "__main__":
    main()
