"""How many true steps of energy and forces the bonds of ``core`` have under each model: docs/jumps.md.

    python benchmarks/jumps.py --page docs/jumps.md
    python benchmarks/jumps.py --measured experiments/prediction/results/jumps --page docs/jumps.md

Models whose results lie in the folder of ``--measured``, of the weights that they have now, are not asked again, and
answers that are kept are used. Beside the models named stands one whose defect is known: our Transformer with the graph
that its rungs call hard, six neighbours that are there or not, and otherwise the same weights.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bsct_zoo_transformer.checkpoint import load, save
from pages import fill

import bsct_zoo as bz
from bsct_zoo.evaluation.jump_task import JumpTask
from bsct_zoo.evaluation.results import ModelResult
from bsct_zoo.models.naming import named_model
from bsct_zoo.report.progress import ProgressDisplay

sys.path.append(str(Path(__file__).parents[1] / "experiments" / "prediction"))
from stages import unpacked

MODELS = ("transformer", "mace", "nequip", "equiformer", "sevennet", "chgnet", "nep89", "so3lr", "ani2xt", "diep")


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--suite", default="core")
    parser.add_argument("--limit", type=int, default=14, help="scans, spread over the bond types")
    parser.add_argument("--measured", type=Path, help="folder of MODEL.json.gz, as the experiment keeps them")
    parser.add_argument("--page", type=Path, help="Markdown page with a block 'jumps'")
    asked = parser.parse_args()
    suite = bz.load_suite(asked.suite).select(limit=asked.limit)
    rows = there(asked.measured, asked.models) if asked.measured else {}
    with tempfile.TemporaryDirectory() as folder:
        left = [model for model in asked.models if model not in rows]
        models = [*left, f"hard=transformer:{hard(Path(folder))}"]
        with ProgressDisplay(models) as progress:
            report = bz.compare(models, suite.select(limit=1), tasks=[JumpTask(suite)], listen=progress)
    rows |= dict(zip([*left, "hard"], report.results.rows, strict=True))
    text = table([rows[model] for model in (*asked.models, "hard")])
    print(text)
    if asked.page:
        fill(asked.page, "jumps", text)


def hard(folder: Path) -> Path:
    """The shipped weights with a hard graph of six neighbours, as a checkpoint."""
    small = Path(str(named_model("transformer").card.checkpoint))
    model = load(small)
    model.config = replace(model.config, graph="hard_knn", k=6)
    path = folder / "hard-knn.safetensors"
    save(path, model, json.loads(small.with_suffix(".json").read_text())["card"])
    return path


def there(folder: Path, models: Sequence[str]) -> dict[str, ModelResult]:
    """What was measured of ``models`` before, on the same scans, with the weights that they have now."""
    files = {model: folder / f"{model}.json.gz" for model in models}
    rows = {model: unpacked(file)[0] for model, file in files.items() if file.exists()}
    return {
        model: row for model, row in rows.items()
        if row.checkpoint_sha256 in (None, named_model(model).card.sha256)
    }  # fmt: skip


def table(rows: Sequence[ModelResult]) -> str:
    """One row a model."""
    lines = [
        "| model | scans | steps | of the energy | largest, eV | of a force | largest, eV/Å | frames a scan |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        found = row.evaluations["jumps"]
        records = [record for record in found.records if record.metrics.get("number") is not None]
        if not records:
            lines.append(f"| `{row.model}` | 0/{len(found.records)} | {found.message or found.records[0].message} |")
            continue
        kinds = [quantity.kind for record in records for quantity in record.quantities]
        frames = sum(record.metrics["asked"] or 0.0 for record in records) / len(records)
        lines.append(
            f"| `{row.model}` | {len(records)}/{len(found.records)} | {found.values['number']:.0f} | "
            f"{kinds.count('energy step')} | {found.values['energy']:.2g} | {kinds.count('force step')} | "
            f"{found.values['force']:.2g} | {frames:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
