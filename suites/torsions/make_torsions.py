"""Make the suite of torsions: `python -m suites.torsions.make_torsions` from the root of the repository."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.building.sites import Choice
from suites.making import CITATION, make

if __name__ == "__main__":
    make(
        "torsions",
        "Torsion scans of small molecules",
        Path(__file__).with_name("molecules.smi"),
        BuildSettings("torsion", frames=73, choice=Choice(per_type=2), limit=20),
        cite=CITATION,
    )
