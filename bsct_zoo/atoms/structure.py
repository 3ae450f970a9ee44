"""A molecule or crystal that scans are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import NDArray

from bsct_zoo.atoms.bonds import BONDED_AT_REST, bonded_pairs
from bsct_zoo.atoms.constraints import as_constraints


@dataclass(frozen=True)
class Structure:
    """One molecule or crystal.

    Attributes:
        name: unique within its source, fit for the id of a scan.
        numbers: [n] atomic numbers.
        positions: [n, 3] Å.
        cell: [3, 3] Å, zero where not periodic.
        pbc: [3].
        charge: in e.
        spin: multiplicity 2S+1.
        bonds: pairs of bonded atoms; none where periodic.
        smiles: canonical; empty where nobody said.
        classes: [n] equal for atoms that symmetry of the graph, or of the geometry where there is no graph, makes
            the same; None where unknown.
        graph: the molecule as RDKit knows it; None where it was not given as a graph.
        embedded: its geometry was made up by a force field, nobody gave it.
        masses: [n] u where they are not the usual ones; None where they are.
        free: [n, 3] which coordinates may move; None where all may.
        notes: what a reader must know of it.
    """

    name: str
    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, 3)))
    pbc: tuple[bool, bool, bool] = (False, False, False)
    charge: int = 0
    spin: int = 1
    bonds: tuple[tuple[int, int], ...] = ()
    smiles: str = ""
    classes: tuple[int, ...] | None = None
    graph: Any = None
    embedded: bool = False
    masses: NDArray[np.float64] | None = None
    free: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()

    @property
    def periodic(self) -> bool:
        """Whether it is periodic in any direction."""
        return any(self.pbc)

    def symbol(self, atom: int) -> str:
        """Chemical symbol of an atom."""
        return str(chemical_symbols[self.numbers[atom]])

    def to_atoms(self) -> Atoms:
        """As ASE knows it, charge and spin in ``info``, with masses and constraints."""
        fixed = [] if self.free is None else as_constraints(self.free)
        atoms = Atoms(self.numbers, self.positions, cell=self.cell, pbc=self.pbc, masses=self.masses, constraint=fixed)
        atoms.info.update(charge=self.charge, spin=self.spin)
        return atoms


def bonds_by_distance(atoms: Atoms) -> tuple[tuple[int, int], ...]:
    """Pairs of bonded atoms of a molecule at rest."""
    found = bonded_pairs(atoms, BONDED_AT_REST)
    return tuple(zip(found.first.tolist(), found.second.tolist(), strict=True))


def alike_by_distance(numbers: NDArray[np.int64], positions: NDArray[np.float64]) -> tuple[int, ...]:
    """[n] equal for atoms of one element that have the same atoms at the same distances, to 1e-3 Å."""
    distance = np.round(np.linalg.norm(positions[:, None] - positions, axis=-1), 3)
    seen: dict[object, int] = {}
    around = [tuple(sorted(zip(numbers.tolist(), row.tolist(), strict=True))) for row in distance]
    return tuple(seen.setdefault((z, row), len(seen)) for z, row in zip(numbers.tolist(), around, strict=True))


def nearest_ratio(numbers: NDArray[np.int64], positions: NDArray[np.float64]) -> float:
    """Median over atoms of the nearest neighbour's distance over the sum of covalent radii; about 1 if in Å."""
    from ase.data import covalent_radii

    distance = np.linalg.norm(positions[:, None] - positions, axis=-1)
    np.fill_diagonal(distance, np.inf)
    radii = covalent_radii[numbers]
    return float(np.median((distance / (radii[:, None] + radii)).min(1)))
