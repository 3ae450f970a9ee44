"""Validation during training: how often, and where it is recorded."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from bsct_zoo.training.job import Tell
from bsct_zoo.training.schedule import Budget
from bsct_zoo.training.smoothness import Smoothness

LOG = "validation.csv"
SMOOTHNESS_LOG = "smoothness.csv"


def validate_every_s(budget_s: float, n_frames: int) -> float:
    """CPU seconds between validations on ``n_frames``: ten of them, more in a long run, fewer if they take too long.

    A frame takes 1 to 6 ms with the families that we train, so that validation stays below a tenth of the time.
    """
    return max(min(300.0, budget_s / 10), 0.06 * n_frames)


def state_every_s(budget_s: float) -> float:
    """CPU seconds between saved states: the most that an interrupted run loses."""
    return min(60.0, budget_s / 10)


def record(out: Path, budget: Budget, step: int, errors: Mapping[str, float], tell: Tell) -> None:
    """Add errors on the validation frames (see ``errors.mean_errors``) to ``out/validation.csv``, and report them."""
    spent_s = budget.spent_s
    line = {"spent_s": round(spent_s, 1), "step": step, **{name: round(value, 3) for name, value in errors.items()}}
    _add(out / LOG, line)
    energy, forces = errors["energy_mae_mev_atom"], errors["forces_mae_mev_A"]
    of = f" of {budget.steps}" if budget.steps else ""
    tell(f"step {step}{of}: {energy:.1f} meV/atom, {forces:.1f} meV/Å", None if budget.steps else spent_s)


def record_smoothness(out: Path, step: int, smoothness: Smoothness) -> None:
    """Add a score of BSCT to ``out/smoothness.csv``; FSD in 1/Å."""
    _add(out / SMOOTHNESS_LOG, {"step": step, **{key: round(value, 4) for key, value in asdict(smoothness).items()}})


def _add(path: Path, line: Mapping[str, float]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(line))
        if new:
            writer.writeheader()
        writer.writerow(line)
