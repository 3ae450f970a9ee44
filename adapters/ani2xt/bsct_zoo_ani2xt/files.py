"""The card of ANI-2xt. Imports nothing heavy."""

from __future__ import annotations

from bsct_zoo.plugins.cards import ModelCard

LIU_2022 = "Z. Liu et al., J. Chem. Inf. Model. 62, 5373 (2022)"

CARD = ModelCard(
    name="ani2xt",
    title="ANI-2xt of Auto3D",
    level_of_theory="not stated; probably B97-3c",
    licence="not stated",
    source="package auto3d",
    elements=("H", "C", "N", "O", "F", "S", "Cl"),
    parameters=1_713_223,
    citation=LIU_2022,
    notes={
        "training data": "not stated",
        "charge": "ignored, although its calculator takes one",
        "range": "5.2 Å, angular terms 3.5 Å",
        "licence of the code": "MIT",
        "file": "engines/models/ani2xt_no_repulsion.pt",
        "sha256": "542e353061ad5ad1370206421008f2ecbf069b8690970656109d63b281b6cbaa",
        "note": "molecules only; its energy falls where atoms come closer than 0.8 Å",
    },
)
