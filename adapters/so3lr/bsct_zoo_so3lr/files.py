"""The card of SO3LR. Imports nothing heavy."""

from __future__ import annotations

from bsct_zoo.plugins.cards import ModelCard

KABYLDA_2025 = "A. Kabylda, J. T. Frank et al., J. Am. Chem. Soc. 147, 33723 (2025)"

CARD = ModelCard(
    name="so3lr",
    title="SO3LR",
    level_of_theory="PBE0+MBD",
    licence="MIT",
    source="package so3krates-torch",
    elements=("H", "C", "N", "O", "F", "P", "S", "Cl"),
    parameters=529_852,
    citation=KABYLDA_2025,
    notes={
        "training data": "4 million fragments of QCML, DES15K, GEMS, AQM and others",
        "charge": "used, and the spin",
        "range": "4.5 Å for each of 3 layers; electrostatics and dispersion to r_max_lr",
        "file": "pretrained/so3lr/so3lr.model",
        "sha256": "b5145564911ff983ed076ccb2bca5ce63454b74c9c8291092695463f1e6732be",
        "trust": "the weights are a pickled module inside so3krates-torch; it is read only if its sha256 is this",
    },
)
