"""Train the models of ``trainings.txt``: ``python experiments/correlation/train.py DATA`` from the root.

DATA is a folder of frames made by ``bsct-zoo data make``. The budgets are so short that they would go into neighbour
lists and validation, so every fifth frame is trained on and every tenth of the others is looked at. A model that is
there is not trained again, and a run that was cut off goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
from run import read_lines

from bsct_zoo.files import atomic_write, npz_bytes
from bsct_zoo.kept import read_json, sealed_json

HERE = Path(__file__).parent
EVERY = {"train": 5, "valid": 10, "test": 10}


def main() -> None:
    """Train one after the other."""
    options = arguments(__doc__, HERE)
    data = thinned(options.data, options.out / "frames")
    for name, family, budget, *settings in read_trainings():
        out = options.out / name
        if (out / f"{name}.safetensors").exists():
            continue
        chosen = [word for setting in settings for word in ("--set", setting)]
        command = ["train", family, "--data", data, "--out", out, "--name", name, "--budget", budget, *chosen]
        subprocess.run([sys.executable, "-m", "bsct_zoo", *map(str, command)], check=True)


def arguments(description: str | None, experiment: Path) -> argparse.Namespace:
    """Of the command line of an ``experiment``, which is a folder."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of frames")
    default = experiment / "checkpoints"
    parser.add_argument("--out", type=Path, default=default, help="a folder for each model goes there")
    return parser.parse_args()


def read_trainings() -> list[list[str]]:
    """Name, family, budget and settings of each model."""
    return [line.split() for line in read_lines(HERE / "trainings.txt")]


def thinned(folder: Path, out: Path) -> Path:
    """A folder with some of the frames, evenly taken from the whole."""
    out.mkdir(parents=True, exist_ok=True)
    manifest = read_json(folder / "manifest.json", unsealed=True)
    for split, every in EVERY.items():
        with np.load(folder / f"{split}.npz") as file:
            arrays = dict(file)
        frames = np.arange(len(arrays["n_atoms"])) % every == 0
        atoms = np.repeat(frames, arrays["n_atoms"])
        kept = {name: values[atoms if len(values) == len(atoms) else frames] for name, values in arrays.items()}
        content = npz_bytes(kept)
        atomic_write(out / f"{split}.npz", content)
        manifest["sha256"][f"{split}.npz"] = hashlib.sha256(content).hexdigest()
    atomic_write(out / "manifest.json", sealed_json(manifest))
    return out


if __name__ == "__main__":
    main()
