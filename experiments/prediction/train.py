"""Train the models of ``trainings.txt``: ``python experiments/prediction/train.py DATA`` from the root.

DATA is a folder of frames (training/README.md). The budgets are short, so every fifth frame is trained on. A model that
is there is not trained again, and a run that was cut off goes on.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "correlation"))

from train import arguments, thinned  # noqa: E402  of the earlier experiment, which is run alike


def main() -> None:
    """Train one after the other."""
    options = arguments(__doc__, HERE)
    data = thinned(options.data, options.out / "frames")
    for line in (HERE / "trainings.txt").read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        name, family, budget, seed, *settings = words
        out = options.out / name
        if (out / f"{name}.safetensors").exists():
            continue
        chosen = [word for setting in settings for word in ("--set", setting)]
        given = ["--data", data, "--out", out, "--name", name, "--budget", budget, "--seed", seed, "--threads", "1"]
        command = ["train", family, *map(str, given), *chosen, "--quiet"]
        subprocess.run([sys.executable, "-m", "bsct_zoo", *command], check=True)


if __name__ == "__main__":
    main()
