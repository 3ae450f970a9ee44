"""Make the checkpoint that comes with this package: an eSCAIP with random weights, from the repository's root.

``PYTHONPATH=.:adapters/fairchem python -m adapters.fairchem.make_untrained --data FRAMES --out FOLDER``, in an
environment with fairchem-core. ``FRAMES`` (see ``training/README.md``) gives the elements and their reference energies.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from ase.data import chemical_symbols
from bsct_zoo_fairchem.escaip import EscaipConfig, build, save

from bsct_zoo.training.data import read_training_data

SEED = 0


def main() -> None:
    """Build and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    data = read_training_data(arguments.data)
    config = EscaipConfig(
        elements=data.elements,
        reference_energies=tuple(data.reference_energies.values()),
        hidden_size=32,
        num_heads=2,
        distance_basis=32,
    )
    torch.manual_seed(SEED)
    model = build(config)
    card = {
        "name": "untrained-escaip",
        "title": "small eSCAIP with random weights, to show the adapter at work",
        "level_of_theory": "none (untrained)",
        "licence": "MIT",
        "source": "made by us: python -m adapters.fairchem.make_untrained --data DATA --out OUT",
        "elements": [chemical_symbols[number] for number in config.elements],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "citation": "E. Qu and A. S. Krishnapriyan, NeurIPS 2024, arXiv:2410.24169",
        "notes": {
            "training": "none: weights are as fairchem-core initialises them, so its numbers mean nothing",
            "seed": SEED,
            "reference_energies": data.level_of_theory,
        },
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    save(arguments.out / "untrained-escaip.safetensors", model, config, card)


if __name__ == "__main__":
    main()
