"""The package's own ASE calculator, one frame at a time: what the batched model is timed against.

Its answers scatter around ours, since it draws the frames of the edges at random (``edge_frames``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from ase import Atoms
from ase.calculators.calculator import Calculator

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.potentials.precision import default_dtype
from bsct_zoo.runtime.checkpoints import trusted_copy
from bsct_zoo_equiformer.checkpoint import load as load_checkpoint
from bsct_zoo_equiformer.loader import load as load_batched
from bsct_zoo_equiformer.loader import scale_of


def load(card: ModelCard, device: str, dtype: Literal["float32", "float64"], level_of_theory: str = "") -> Potential:
    """``OCPCalculator`` with the checkpoint of ``card``; called as the adapter's loader is.

    Raises:
        BadInputError: float64 is asked for: this calculator has float32 alone.
    """
    from fairchem.core import OCPCalculator

    if dtype != "float32":
        raise BadInputError("fairchem-core's own calculator computes in float32 alone")
    assert card.checkpoint is not None
    batched = load_batched(card, device, dtype, level_of_theory)
    if card.executes_code:
        with trusted_copy(card) as path:
            calculator = OCPCalculator(checkpoint_path=path, cpu=device == "cpu", seed=0)
    else:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "ours.pt"
            torch.save(_as_theirs(card), path)
            calculator = OCPCalculator(checkpoint_path=path, cpu=device == "cpu", seed=0)
    return CalculatorPotential(calculator, replace(batched.info, cost="atoms"), prepare=_with_cell)


def _as_theirs(card: ModelCard) -> dict[str, Any]:
    """A checkpoint of ours as fairchem's trainer writes them."""
    assert card.checkpoint is not None
    model, config = load_checkpoint(Path(card.checkpoint), card.sha256)
    scale = scale_of(config)
    with default_dtype(torch.float32):
        unit, none = torch.tensor(1.0), torch.tensor(0.0)
        return {
            "state_dict": model.float().state_dict(),
            "normalizers": {
                "energy": {"mean": none, "rmsd": unit},
                "forces": {"mean": none, "rmsd": torch.tensor(scale.forces)},
            },
            "elementrefs": {"energy": {"element_references": scale.references}},
            "config": {
                "model": config.hydra(),
                "trainer": "ocp",
                "dataset": {"src": "none"},
                "task": {},
                "optim": {},
                "outputs": {"energy": {"level": "system"}, "forces": {"level": "atom"}},
                "loss_functions": [{"energy": {"fn": "mae", "coefficient": 1.0}}],
                "evaluation_metrics": {},
            },
        }


def _with_cell(atoms: Atoms, calculator: Calculator) -> None:
    """Its graph needs a cell around a molecule."""
    if not atoms.cell.rank:
        atoms.center(vacuum=5.0)
