r"""Errors and smoothness against CPU seconds of training: ``python experiments/correlation/curve.py`` from the root.

The models of ``trainings.txt`` with the default settings of their family, and the shipped ones. Read from
``results/compare.json``, which ``run.py`` wrote, and, for the Transformer, whose design has changed since, from
``results/transformer.json``:

    cd experiments/correlation/checkpoints    # where train.py left them
    bsct-zoo compare transformer transformer:new60/new60.safetensors transformer:new150/new150.safetensors \
        --suite core --json ../results/transformer.json

With ``--write`` into docs/transformer.md too.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from train import read_trainings

from bsct_zoo.evaluation.results import read_results
from bsct_zoo.models.naming import parse_model

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "benchmarks"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    files = [HERE / "results" / name for name in ("compare.json", "transformer.json")]
    parser.add_argument("--results", type=Path, nargs="+", default=files, help="of bsct-zoo compare; the last counts")
    parser.add_argument("--write", action="store_true", help="into docs/transformer.md")
    options = parser.parse_args()
    text = table(
        {row.model: row.evaluations["core"].values for file in options.results for row in read_results(file).rows}
    )
    print(text)
    if options.write:
        from pages import fill

        fill(ROOT / "docs" / "transformer.md", "curve", text)


def table(values: dict[str, dict[str, float | None]]) -> str:
    """A line for each training, and the power of the budget with which a family's figures fall, in Markdown."""
    trained = plain_trainings()
    families: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for model, means in values.items():
        name = Path(model.partition(":")[2]).stem or model
        if name in trained:
            family, budget = trained[name]
            fsd, error = means["fsd_full"], means["forces_mae_full"]
            if fsd is not None and error is not None:
                families[family].append((budget, fsd, error))
    lines = ["| family | CPU s | FSD full, 1/Å | F MAE on `core`, eV/Å |", "|---|---:|---:|---:|"]
    for family, points in families.items():
        points.sort()
        lines += [f"| `{family}` | {budget:.0f} | {fsd:.1f} | {error:.3f} |" for budget, fsd, error in points]
        budget, fsd, error = np.log(np.array(points)).T
        powers = [np.polyfit(budget, values, 1)[0] for values in (fsd, error)]
        lines.append(f"| `{family}` | *power* | *{powers[0]:.2f}* | *{powers[1]:.2f}* |")
    return "\n".join([*lines, ""])


def plain_trainings() -> dict[str, tuple[str, float]]:
    """Family and budget by name, of trainings without settings of their own; shipped ones by their family's name."""
    found = {name: (family, float(budget)) for name, family, budget, *settings in read_trainings() if not settings}
    for family in {family for family, _ in found.values()}:
        found[family] = (family, parse_model(family).card.notes["settings"]["budget_s"])
    return found


if __name__ == "__main__":
    main()
