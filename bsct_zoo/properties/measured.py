"""What a potential gives for one system, before it is compared with anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.properties.systems import Kind

MOLECULAR = ("relax", "frequencies", "barrier", "atomisation")
CRYSTALLINE = ("eos", "elastic", "phonons")


@dataclass(frozen=True)
class PropertySettings:
    """How properties are measured.

    Attributes:
        what: which, of ``MOLECULAR`` and ``CRYSTALLINE``.
        max_force: eV/Å below which a molecule is relaxed.
        max_steps: of a relaxation.
        step: Å, displacement for force constants.
        strain: size of the strains for elastic constants.
        supercell: Å, least distance between the faces of the supercell of phonons.
        turns: points of a turn about a bond.
    """

    what: tuple[str, ...] = MOLECULAR
    max_force: float = 1e-3
    max_steps: int = 1000
    step: float = 0.01
    strain: float = 0.005
    supercell: float = 9.0
    turns: int = 12


@dataclass(frozen=True)
class Measured:
    """What one potential gave for one system.

    Attributes:
        system: its name.
        kind: "molecule" or "crystal".
        arrays: numbers by name, where they could be had. Of a molecule (n atoms, m modes, r rotors):
            positions [n, 3] Å, masses [n] amu, numbers [n], bonds [b, 2], angles [a, 3], energy [] eV, force [] the
            longest that is left in eV/Å, steps []; frequencies [m] 1/cm, modes [m, n, 3], rigid [] 1/cm; rotors [r, 4],
            torsions [r, turns] eV; atomisation [] eV. Of a crystal: lattice_constant [] Å (cubes only), volume [] Å³
            of an atom, bulk_modulus [] GPa, bulk_derivative []; elastic [6, 6] GPa, cubic [] 1 or 0; phonons
            [n_q, bands] THz.
        problems: why something is not there, by property.
        notes: what is worth saying beside.
    """

    system: str
    kind: Kind
    arrays: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Draft:
    """A ``Measured`` in the making."""

    def __init__(self, system: str, kind: Kind) -> None:
        self.system, self.kind = system, kind
        self.arrays: dict[str, NDArray[np.float64]] = {}
        self.problems: dict[str, str] = {}
        self.notes: list[str] = []

    def keep(self, **values: object) -> None:
        """Take numbers in."""
        self.arrays |= {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}

    def done(self) -> Measured:
        """All that was found."""
        return Measured(self.system, self.kind, self.arrays, self.problems, tuple(dict.fromkeys(self.notes)))
