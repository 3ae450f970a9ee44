"""What BSCT costs in the training loop: ``python benchmarks/bsct_in_the_loop.py --data FRAMES --out DIR``.

Trains the Transformer with the callback at its defaults and says how much of the time its scores took.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Train, then read what the run left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", default="3m")
    options = parser.parse_args()
    words = ["train", "transformer", "--data", options.data, "--out", options.out, "--budget", options.budget]
    command = [sys.executable, "-m", "bsct_zoo", *map(str, words), "--set", "bsct=core"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    notes = json.loads((options.out / "small.json").read_text())["card"]["notes"]
    with (options.out / "smoothness.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        print(f"step {row['step']}: FSD {float(row['fsd']):.1f} 1/Å, {float(row['seconds']):.2f} s")
    share = notes["settings"]["bsct_share_taken"]
    print(f"{len(rows)} scores of {rows[0]['scans']} scans in {notes['steps']} steps: {100 * share:.1f} % of the time")


if __name__ == "__main__":
    main()
