"""The frames of a scan as systems for a potential."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.suites.scan import Scan

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline


def frames_of(scan: Scan) -> list[AtomsBatch]:
    """One system for each frame of the scan."""
    return systems_at(scan, scan.positions, scan.cell)


def path_of(scan: Scan) -> CubicSpline:
    """Positions [n_atoms, 3] Å as a function of the coordinate: the frames of the scan, joined smoothly."""
    from scipy.interpolate import CubicSpline  # late: most commands need none

    return CubicSpline(scan.coordinate, scan.positions)


def systems_at(scan: Scan, positions: NDArray[np.float64], cell: NDArray[np.float64]) -> list[AtomsBatch]:
    """The system of the scan at other ``positions`` [n, n_atoms, 3] Å; ``cell`` [3, 3] or [n, 3, 3] Å."""
    n = len(positions)
    return AtomsBatch.from_arrays(
        positions=positions.reshape(-1, 3),
        atomic_numbers=np.tile(scan.atomic_numbers, n),
        n_atoms=np.full(n, scan.n_atoms),
        cell=np.broadcast_to(cell, (n, 3, 3)),
        pbc=np.broadcast_to(np.asarray(scan.pbc), (n, 3)),
        charge=np.full(n, scan.charge),
        spin=np.full(n, scan.spin),
    ).split()
