"""Load an EquiformerV2: our own checkpoints, or a checkpoint of fairchem-core 1.x."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential
from bsct_zoo_equiformer.checkpoint import EquiformerConfig
from bsct_zoo_equiformer.checkpoint import load as load_checkpoint
from bsct_zoo_equiformer.fairchem_file import load_fairchem_file
from bsct_zoo_equiformer.potential import EquiformerPotential, Scale


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    level_of_theory: str = "",
) -> Potential:
    """The model of ``card``.

    Raises:
        BadInputError: its file is missing, damaged or not an EquiformerV2.
    """
    assert card.checkpoint is not None
    path = Path(card.checkpoint)
    if card.executes_code:
        model, scale, elements = load_fairchem_file(path)
    else:
        model, config = load_checkpoint(path, card.sha256)
        scale, elements = scale_of(config), frozenset(config.elements)
    theory = level_of_theory or card.level_of_theory
    return EquiformerPotential(model, scale, elements, device, dtype, theory, card.licence)


def scale_of(config: EquiformerConfig) -> Scale:
    """Energies of our models are in eV, references on top; forces are in a unit of their own."""
    references = torch.zeros(119, dtype=torch.float64)
    references[list(config.elements)] = torch.tensor(config.reference_energies, dtype=torch.float64)
    return Scale(forces=config.forces_scale, references=references)
