"""Train the models of ``trainings.txt``: ``python experiments/correlation/train.py DATA`` from the root.

DATA is a folder of frames made by ``bsct-zoo data make``. A model that is there is not trained again, and a run that
was cut off goes on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Train one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of frames")
    parser.add_argument("--out", type=Path, default=HERE / "checkpoints", help="a folder for each model goes there")
    options = parser.parse_args()
    for line in (HERE / "trainings.txt").read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        name, family, budget, *settings = words
        out = options.out / name
        if (out / f"{name}.safetensors").exists():
            continue
        chosen = [word for setting in settings for word in ("--set", setting)]
        command = ["train", family, "--data", options.data, "--out", out, "--name", name, "--budget", budget, *chosen]
        subprocess.run([sys.executable, "-m", "bsct_zoo", *map(str, command)], check=True)


if __name__ == "__main__":
    main()
