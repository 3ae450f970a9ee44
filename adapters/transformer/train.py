"""Train the small Transformer, from the repository's root.

``python -m adapters.transformer.train --data D --out O``
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import lightning as L
from ase.data import atomic_numbers
from bsct_zoo_transformer.checkpoint import parameters, save
from bsct_zoo_transformer.model import EdgeTransformer, TransformerConfig

from training.fit import FitSettings, fit


def main() -> None:
    """Build, fit, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", type=float, default=3000.0, help="CPU seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--batch-atoms", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--directions", action="store_true", help="raw directions in place of angles")
    arguments = parser.parse_args()

    manifest = json.loads((arguments.data / "manifest.json").read_text())
    reference = dict(sorted(manifest["reference_energies"].items(), key=lambda item: atomic_numbers[item[0]]))
    L.seed_everything(arguments.seed)
    model = EdgeTransformer(
        TransformerConfig(
            elements=tuple(atomic_numbers[symbol] for symbol in reference),
            reference_energies=tuple(reference.values()),
            width=arguments.width,
            blocks=arguments.blocks,
            directions=arguments.directions,
            n_angular=0 if arguments.directions else 6,
        )
    )
    settings = FitSettings(
        budget_s=arguments.budget,
        seed=arguments.seed,
        lr=arguments.lr,
        batch_atoms=arguments.batch_atoms,
        rotate=arguments.directions,
    )
    report = fit(model, arguments.data, arguments.out, settings)
    card = {
        "name": "small",
        "title": "small edge Transformer, GFN2-xTB",
        "level_of_theory": manifest_level(manifest),
        "licence": "MIT",
        "source": "trained by us: python -m adapters.transformer.train --data DATA --out OUT "
        + settings_given(arguments),
        "elements": list(reference),
        "citation": "arXiv:2602.04861",
        "notes": report,
    }
    save(arguments.out / "small.safetensors", model, card)
    print(json.dumps({"parameters": parameters(model), "valid": report["valid"], "unseen": report["unseen"]}, indent=1))


def manifest_level(manifest: dict[str, object]) -> str:
    """Level of theory of the labels."""
    settings = manifest["settings"]
    assert isinstance(settings, dict)
    return f"{manifest['method']} (Te={settings['electronic_temperature']:g} K)"


def settings_given(arguments: argparse.Namespace) -> str:
    """The command's options, without the folders of whoever ran it."""
    given = {key: value for key, value in vars(arguments).items() if key not in ("data", "out") and value is not False}
    return " ".join(f"--{key.replace('_', '-')} {json.dumps(value)}" for key, value in given.items())


if __name__ == "__main__":
    main()
