"""The card of NEP89. Imports nothing heavy."""

from __future__ import annotations

from bsct_zoo.atoms.elements import SYMBOLS
from bsct_zoo.plugins.cards import ModelCard

LIANG_2025 = "T. Liang et al., arXiv:2504.21286"

CARD = ModelCard(
    name="nep89",
    title="NEP89",
    level_of_theory="not stated; mostly PBE",
    licence="GPL-3.0-or-later",
    source="package neptrainkit",
    elements=tuple(SYMBOLS[z] for z in (*range(1, 84), *range(89, 95))),
    citation=LIANG_2025,
    notes={
        "training data": "several data sets of crystals and molecules, see the paper",
        "charge": "ignored",
        "range": "6 Å, angular terms 5 Å; ZBL repulsion below 2 Å",
        "licence of the code": "GPL-3.0-or-later",
        "file": "Config/nep89.txt",
        "sha256": "75168ece02e840e4a32644f982b78d43cba697f5b64b4c8134ab66c7a8c28be1",
        "note": "computes in float64 alone; the file is text inside the package neptrainkit",
    },
)
