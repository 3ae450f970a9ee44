"""Train the small MACE, from the repository's root, in an environment with mace-torch and lightning.

``python -m adapters.mace.train --data D --out O``
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import lightning as L
import torch
from ase.data import atomic_numbers
from bsct_zoo_mace.checkpoint import MaceConfig, build, save
from bsct_zoo_mace.potential import MaceEnergy

from bsct_zoo.neighbours import pairs_within
from training.fit import FitSettings, Frames, fit


def main() -> None:
    """Build, fit, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", type=float, default=3000.0, help="CPU seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--batch-atoms", type=int, default=256)
    parser.add_argument("--hidden", default="32x0e + 32x1o")
    parser.add_argument("--max-ell", type=int, default=2)
    parser.add_argument("--correlation", type=int, default=2)
    arguments = parser.parse_args()

    manifest = json.loads((arguments.data / "manifest.json").read_text())
    reference = dict(sorted(manifest["reference_energies"].items(), key=lambda item: atomic_numbers[item[0]]))
    L.seed_everything(arguments.seed)
    config = MaceConfig(
        elements=tuple(atomic_numbers[symbol] for symbol in reference),
        reference_energies=tuple(reference.values()),
        hidden_irreps=arguments.hidden,
        max_ell=arguments.max_ell,
        correlation=arguments.correlation,
        avg_num_neighbors=round(mean_neighbours(Frames(arguments.data / "valid.npz"), 5.0), 2),
    )
    torch.set_default_dtype(torch.float32)
    mace = build(config).float()
    settings = FitSettings(
        budget_s=arguments.budget, seed=arguments.seed, lr=arguments.lr, batch_atoms=arguments.batch_atoms
    )
    report = fit(MaceEnergy(mace), arguments.data, arguments.out, settings)
    card = {
        "name": "small",
        "title": "small MACE, GFN2-xTB",
        "level_of_theory": f"{manifest['method']} (Te={manifest['settings']['electronic_temperature']:g} K)",
        "licence": "MIT",
        "source": f"trained by us: python -m adapters.mace.train --data DATA --out OUT {settings_given(arguments)}",
        "elements": list(reference),
        "citation": "I. Batatia et al., NeurIPS 2022 (arXiv:2206.07697); trained for bsct-zoo",
        "notes": report,
    }
    save(arguments.out / "small.safetensors", mace, config, card)
    print(json.dumps({key: report[key] for key in ("parameters", "valid", "unseen")}, indent=1))


def mean_neighbours(frames: Frames, cutoff: float) -> float:
    """Mean number of neighbours of an atom."""
    batch, *_ = frames.batch(list(range(len(frames))))
    return len(pairs_within(batch, cutoff).source) / batch.n_atoms


def settings_given(arguments: argparse.Namespace) -> str:
    """The command's options, without the folders of whoever ran it."""
    given = {key: value for key, value in vars(arguments).items() if key not in ("data", "out") and value is not False}
    return " ".join(f"--{key.replace('_', '-')} {json.dumps(value)}" for key, value in given.items())


if __name__ == "__main__":
    main()
