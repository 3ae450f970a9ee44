"""``bsct-zoo train`` on a GPU. Skipped where there is none."""

import csv
import json
import subprocess
import sys

import pytest
import torch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def trained(data, out, device):
    """Validation errors along a run of sixty steps, and its card."""
    settings = ["steps=60", "validate_every=20", "state_every=20", "width=32", "hidden=64", "blocks=2", "ema_decay=0.9"]
    words = ["--data", data, "--out", out, "--device", device, *(word for s in settings for word in ("--set", s))]
    command = [sys.executable, "-m", "bsct_zoo", "train", "transformer", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with (out / "validation.csv").open() as file:
        errors = [float(row["forces_mae_mev_A"]) for row in csv.DictReader(file)]
    card = json.loads((out / "small.json").read_text())["card"]
    return errors, card


def test_the_transformer_learns_there_as_on_the_cpu(data, tmp_path):
    """The same steps from the same seed; roundings differ, so only the course is the same."""
    there, card = trained(data, tmp_path / "cuda", "cuda")
    here, _ = trained(data, tmp_path / "cpu", "cpu")
    assert len(there) == len(here) == 3
    assert there[-1] < 0.9 * there[0]
    assert there[0] == pytest.approx(here[0], rel=0.05)
    assert card["notes"]["settings"]["device"].startswith("cuda") and "--device cuda" in card["source"]
