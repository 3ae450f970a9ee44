"""Scans of crystals: strained as a whole, or with one atom or one plane moved in a cell that is large enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from bsct_zoo.atoms.smiles import seed_of
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.strain import nearest_vectors, strain_scan
from bsct_zoo.suites.translation import shift_scan

MODES = ("isotropic", "shear", "atom", "plane")
_ROOM = 2.4  # a moved atom's images are at least so many nearest-neighbour distances away


def crystal_scans(structures: Sequence[Structure], settings: BuildSettings, left_out: Counter[str]) -> Iterator[Scan]:
    """For each crystal one scan of every mode that ``--only`` takes; what is no crystal is counted in ``left_out``."""
    modes = [m for m in MODES if not settings.choice.only or any(fnmatchcase(m, p) for p in settings.choice.only)]
    for structure in structures:
        if not all(structure.pbc):
            left_out["molecules and slabs have no strain: give crystals, periodic in three directions"] += 1
            continue
        for mode in modes:
            try:
                yield _scan(structure, mode, settings)
            except ValueError as error:
                left_out[str(error)] += 1


def _scan(structure: Structure, mode: str, settings: BuildSettings) -> Scan:
    random = np.random.default_rng(seed_of("crystal", settings.seed, structure.name, mode))
    numbers, x, cell = structure.numbers, structure.positions, structure.cell
    indices: tuple[int, ...] = ()
    labels = None
    if mode in ("isotropic", "shear"):
        if len(x) == 1:  # a displaced lattice is the same lattice: several atoms, so that forces do not vanish
            numbers, x, cell = repeated(numbers, x, cell, [2, 2, 2])
        rattled = x + random.normal(0.0, settings.rattle, x.shape) if settings.rattle else x
        start, stop = settings.range
        coordinate, frames, cell = strain_scan(rattled, cell, mode == "shear", settings.frames, start, stop)
    else:
        numbers, x, cell = roomy(numbers, x, cell)
        if mode == "atom":
            moving = np.arange(len(x)) == 0
            indices, direction = (0,), random.normal(size=3)
        else:
            moving, direction = upper_half(x, cell)
        labels = moving.astype(np.int64)
        coordinate, frames = shift_scan(x, moving, direction, settings.frames, settings.reach)
    return Scan(
        id=f"{mode}/{structure.name}",
        kind="strain",
        group=mode,
        atomic_numbers=numbers,
        coordinate=coordinate,
        positions=frames,
        indices=indices,
        labels=labels,
        charge=structure.charge,
        spin=structure.spin,
        cell=cell,
        pbc=structure.pbc,
    )


def roomy(
    numbers: NDArray[np.int64], positions: NDArray[np.float64], cell: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The crystal in a cell whose faces are 2.4 nearest-neighbour distances apart, so that one atom can move."""
    shortest = np.linalg.norm(nearest_vectors(positions, cell), axis=1).min()
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)  # between opposite faces
    return repeated(numbers, positions, cell, np.maximum(1, np.ceil(_ROOM * shortest / heights - 1e-6)).astype(int))


def repeated(
    numbers: NDArray[np.int64], positions: NDArray[np.float64], cell: NDArray[np.float64], times: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The crystal in a cell ``times`` as long along each vector."""
    atoms = Atoms(numbers, positions, cell=cell).repeat(tuple(times))
    return atoms.numbers.astype(np.int64), atoms.positions, atoms.cell.array


def upper_half(
    positions: NDArray[np.float64], cell: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Atoms of the upper half of a cell along its third vector, cut at the widest gap near the middle, and the normal.

    Moving them along the normal opens one gap between planes of the crystal and closes another.
    Raises `ValueError` where the cell holds one plane of atoms alone.
    """
    normal = np.cross(cell[0], cell[1])
    normal /= np.linalg.norm(normal)
    height = positions @ normal
    levels = np.unique(np.round(height, 3))
    if len(levels) < 2 or np.diff(levels).max() < 0.3:
        raise ValueError("no two planes of atoms to move against each other")
    gaps = np.diff(levels)
    middle = np.abs(np.arange(1, len(levels)) - len(levels) / 2)
    cut = min((k for k in range(len(gaps)) if gaps[k] > 0.5 * gaps.max()), key=lambda k: (middle[k], k))
    return height > 0.5 * (levels[cut] + levels[cut + 1]), normal
