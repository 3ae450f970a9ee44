"""Make the suite of dimers: `python -m suites.dimers.make_dimers` from the root of the repository."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.suites.building.settings import BuildSettings
from suites.making import CITATION, make

if __name__ == "__main__":
    make(
        "dimers",
        "Pairs of molecules and of atoms, pulled apart",
        Path(__file__).with_name("molecules.smi"),
        BuildSettings("dimer", frames=60, directions=2),
        cite=CITATION,
    )
