"""Make the suite of crystals: `python -m suites.crystals.make_crystals` from the root of the repository."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ase import Atoms
from ase.build import bulk
from ase.io import write

from bsct_zoo.suites.building.settings import BuildSettings
from suites.making import make

# Structure and lattice constants in Å at room temperature: a, or a and c.
CRYSTALS: tuple[tuple[str, str, float, float | None], ...] = (
    ("Al", "fcc", 4.050, None),
    ("Cu", "fcc", 3.615, None),
    ("Ag", "fcc", 4.086, None),
    ("Ni", "fcc", 3.524, None),
    ("Na", "bcc", 4.291, None),
    ("Fe", "bcc", 2.866, None),
    ("W", "bcc", 3.165, None),
    ("Mg", "hcp", 3.209, 5.211),
    ("Ti", "hcp", 2.951, 4.684),
    ("C", "diamond", 3.567, None),
    ("Si", "diamond", 5.431, None),
    ("NaCl", "rocksalt", 5.640, None),
    ("MgO", "rocksalt", 4.212, None),
    ("LiF", "rocksalt", 4.026, None),
    ("CsCl", "cesiumchloride", 4.123, None),
    ("GaAs", "zincblende", 5.653, None),
    ("SiC", "zincblende", 4.360, None),
    ("CaF2", "fluorite", 5.463, None),
)


def crystals() -> list[Atoms]:
    """The primitive cell of each, named by formula and structure."""
    made = []
    for formula, structure, a, c in CRYSTALS:
        atoms = bulk(formula, structure, a=a, c=c)
        atoms.info["name"] = f"{formula}-{structure}"
        made.append(atoms)
    return made


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "crystals.extxyz"
        write(source, crystals())
        make(
            "crystals",
            "Elements and compounds, strained, sheared, one atom and one plane moved",
            source,
            BuildSettings("strain", frames=40),
            reference="none",
        )
