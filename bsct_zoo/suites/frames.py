"""The frames of a scan as systems for a potential."""

from __future__ import annotations

import numpy as np

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.suites.scan import Scan


def frames_of(scan: Scan) -> list[AtomsBatch]:
    """One system for each frame of the scan."""
    n = scan.n_frames
    return AtomsBatch.from_arrays(
        positions=scan.positions.reshape(-1, 3),
        atomic_numbers=np.tile(scan.atomic_numbers, n),
        n_atoms=np.full(n, scan.n_atoms),
        cell=np.broadcast_to(scan.cell, (n, 3, 3)),
        pbc=np.broadcast_to(np.asarray(scan.pbc), (n, 3)),
        charge=np.full(n, scan.charge),
        spin=np.full(n, scan.spin),
    ).split()
