"""Make the suite of angles: `python -m suites.angles.make_angles` from the root of the repository."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.building.sites import Choice
from suites.making import CITATION, make

if __name__ == "__main__":
    make(
        "angles",
        "Angle scans of small molecules",
        Path(__file__).with_name("molecules.smi"),
        BuildSettings("angle", frames=60, choice=Choice(per_type=2), limit=24),
        cite=CITATION,
    )
