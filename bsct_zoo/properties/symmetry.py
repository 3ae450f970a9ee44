"""The space group of a crystal, its crystal system, and whether it is cubic along x, y and z."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Number of the last space group of each system (International Tables for Crystallography A).
_SYSTEMS = {
    2: "triclinic",
    15: "monoclinic",
    74: "orthorhombic",
    142: "tetragonal",
    167: "trigonal",
    194: "hexagonal",
    230: "cubic",
}
_THREEFOLD = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # about the diagonal of the cube
_TWOFOLD = np.diag([-1.0, -1.0, 1.0])  # about z; the two make the smallest cubic group, 23


@dataclass(frozen=True)
class Symmetry:
    """What carries a crystal into itself.

    Attributes:
        number: of its space group, 1 to 230.
        symbol: of Hermann and Mauguin, such as "Fm-3m".
        rotations: [n, 3, 3] of the point group in Cartesian axes, x' = R x.
    """

    number: int
    symbol: str
    rotations: NDArray[np.float64]

    @property
    def system(self) -> str:
        """Crystal system: "triclinic" ... "cubic"."""
        return _SYSTEMS[list(_SYSTEMS)[bisect_left(list(_SYSTEMS), self.number)]]

    def has(self, rotation: NDArray[np.float64]) -> bool:
        """Whether ``rotation`` [3, 3] is among them."""
        return bool((np.abs(self.rotations - rotation).max((1, 2)) < 1e-3).any())


def symmetry_of(
    numbers: NDArray[np.int64], positions: NDArray[np.float64], cell: NDArray[np.float64], tolerance: float = 1e-3
) -> Symmetry:
    """The symmetry of a crystal, as spglib finds it.

    Args:
        numbers: [n] atomic numbers.
        positions: [n, 3] Å.
        cell: [3, 3] Å, rows are lattice vectors.
        tolerance: Å that an atom may be off.
    """
    import spglib

    inverse = np.linalg.inv(cell)
    found = spglib.get_symmetry_dataset(
        (cell.tolist(), (positions @ inverse).tolist(), numbers.tolist()), symprec=tolerance
    )
    if found is None:  # atoms on top of each other, say
        return Symmetry(1, "P1", np.eye(3)[None])
    return Symmetry(int(found.number), str(found.international), cell.T @ found.rotations @ inverse.T)


def is_cubic(
    numbers: NDArray[np.int64], positions: NDArray[np.float64], cell: NDArray[np.float64], tolerance: float = 1e-3
) -> bool:
    """Whether three elastic constants are all there are: a cubic crystal whose axes are x, y and z."""
    found = symmetry_of(numbers, positions, cell, tolerance)
    return found.system == "cubic" and found.has(_THREEFOLD) and found.has(_TWOFOLD)
