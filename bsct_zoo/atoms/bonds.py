"""Which atoms of a system are bonded, by their distances."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

# Times the sum of two covalent radii (ASE's): closer atoms are bonded. H-H is at 1.2 of it.
BONDED = 1.25
# Where a structure as it is given is cut into fragments: a contact taken for a bond would close a ring, and the bonds
# that it bridges could not be scanned.
BONDED_AT_REST = 1.15


class BondList(NamedTuple):
    """Bonded pairs, each once; in a molecule ``first`` < ``second`` and ``shift`` is zero.

    Attributes:
        first, second: [n_bonds] atoms.
        shift: [n_bonds, 3] lattice vectors from the second atom to the image that is meant.
        length: [n_bonds] Å.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    shift: NDArray[np.int64]
    length: NDArray[np.float64]


def bonded_pairs(atoms: Atoms, factor: float = BONDED) -> BondList:
    """Pairs of atoms closer than ``factor`` times the sum of their covalent radii."""
    from ase.neighborlist import natural_cutoffs, neighbor_list  # late: a third of a second, and kept scans need none

    first, second, length, shift = neighbor_list("ijdS", atoms, natural_cutoffs(atoms, mult=factor))
    # Of an atom and its own image one of the two shifts: the one whose first number that is not zero is positive.
    once = (first < second) | ((first == second) & (np.sign(shift) @ np.array([9, 3, 1]) > 0))
    return BondList(first[once], second[once], shift[once], length[once])
