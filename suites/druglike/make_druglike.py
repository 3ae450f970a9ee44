"""Make the suite of bonds of drug-like molecules of 20 to 50 atoms.

    python -m suites.druglike.make_druglike

Run from the root of the repository; minutes of two cores. Given again after a kill it goes on where it was.
"""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.building.sites import Choice
from suites.making import CITATION, make

# The bond types of ``core``; bonds with hydrogen are left out, and so are P-S, N-S and O-S, which few of these have.
TYPES = ("C-C", "C-N", "C-O", "C-S", "C-P", "N-N", "N-O", "N-P", "O-P", "S-S", "C-F", "C-Cl", "C-Br", "C-I")

if __name__ == "__main__":
    make(
        "druglike",
        "Bond scans of drug-like molecules of 20 to 50 atoms, four for each of fourteen bond types",
        Path(__file__).with_name("molecules.smi"),
        BuildSettings("bond", choice=Choice(only=TYPES, per_type=4)),
        cite=CITATION,
    )
