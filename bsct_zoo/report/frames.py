"""Frames of a scan as files that other programs read."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from numpy.typing import NDArray

from bsct_zoo.evaluation.md_task import as_folder
from bsct_zoo.files import atomic_write
from bsct_zoo.suites.scan import Scan


def write_frame(folder: Path, scan: Scan, frame: int, model: str, answer: Mapping[str, NDArray[Any]] | None) -> Path:
    """Write one frame as extxyz; says where.

    Energy and forces are the model's, where its ``answer`` is known; ``reference_energy`` and ``reference_forces`` are
    the reference's.
    """
    cell = scan.cell[frame] if scan.strained else scan.cell
    atoms = Atoms(numbers=scan.atomic_numbers, positions=scan.positions[frame], cell=cell, pbc=scan.pbc)
    atoms.info |= {"scan": scan.id, "frame": frame, "coordinate": float(scan.coordinate[frame])}
    atoms.info |= {"charge": scan.charge, "spin": scan.spin}
    if scan.energy is not None and scan.forces is not None and scan.referenced[frame]:
        atoms.info["reference_energy"] = float(scan.energy[frame])
        atoms.arrays["reference_forces"] = np.array(scan.forces[frame])
    if answer is not None:
        atoms.info["model"] = model
        forces = np.array(answer["forces"][frame], np.float64)
        atoms.calc = SinglePointCalculator(atoms, energy=float(answer["energy"][frame]), forces=forces)
    buffer = io.StringIO()
    write(buffer, atoms, format="extxyz")
    path = folder / f"{as_folder(scan.id)}-{frame}.xyz"
    atomic_write(path, buffer.getvalue().encode())
    return path
