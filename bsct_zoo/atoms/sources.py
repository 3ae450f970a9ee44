"""Structures from a user's file, whatever its format; every fault of the file is said before anything is computed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.units import Bohr

from bsct_zoo.atoms.charge_spin import check_parity
from bsct_zoo.atoms.constraints import free_coordinates
from bsct_zoo.atoms.reading import checked, info_of, read_frames
from bsct_zoo.atoms.smiles import read_sdf, read_smiles
from bsct_zoo.atoms.structure import Structure, alike_by_distance, bonds_by_distance, nearest_ratio
from bsct_zoo.errors import BadInputError

_SMILES, _SDF = (".smi", ".smiles"), (".sdf", ".mol")
GRAPHS = (*_SMILES, *_SDF)  # formats that hold bonds
_OVERLAP = 0.4  # of the sum of covalent radii: two atoms at one place
_APART = 1.6  # a molecule whose atoms' nearest neighbours are further off has no bonds, or other units


@dataclass(frozen=True)
class Sources:
    """What a file holds.

    Attributes:
        structures: names made unique.
        left_out: why an entry of the file is not among them, by what it is called.
    """

    structures: list[Structure]
    left_out: dict[str, str]


def read_structures(path: Path, seed: int, strict: bool = False) -> Sources:
    """All molecules and crystals of a file; one that cannot be used costs itself.

    ``.smi`` and ``.smiles`` hold SMILES, ``.sdf`` and ``.mol`` graphs with coordinates; anything else is ASE's to read.

    Args:
        path: of the file.
        seed: of geometries that are made up.
        strict: whether the first entry that cannot be used ends it.

    Raises:
        BadInputError: the file is missing or cannot be read, or nothing in it can be used.
    """
    if not path.exists():
        raise BadInputError(f"there is no file {path} to build from")
    suffix = path.suffix.lower()
    try:
        if suffix in GRAPHS:
            found, left_out = read_smiles(path, seed) if suffix in _SMILES else read_sdf(path)
        else:
            found, left_out = _read_ase(path)
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror or error}") from error
    structures = []
    for structure in found:
        try:
            _refuse(structure)
            structures.append(structure)
        except BadInputError as error:
            left_out[structure.name] = str(error)
    if left_out and (strict or not structures):
        name, reason = next(iter(left_out.items()))
        more = f" ({len(left_out) - 1} more entries cannot be used)" if len(left_out) > 1 else ""
        raise BadInputError(f"{path}: {name}: {reason}{more}")
    if not structures:
        raise BadInputError(f"{path} holds no structure")
    return Sources(_named(_distinct(structures)), left_out)


def _read_ase(path: Path) -> tuple[list[Structure], dict[str, str]]:
    structures, left_out = [], {}
    for number, atoms in enumerate(read_frames(path), start=1):
        try:
            structures.append(_from_atoms(checked(atoms), str(info_of(atoms).get("name", "")), number))
        except BadInputError as error:
            left_out[f"structure {number}"] = str(error)
    return structures, left_out


def _from_atoms(atoms: Atoms, name: str, number: int) -> Structure:
    numbers = atoms.numbers.astype(np.int64)
    pbc = (bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2]))
    free = free_coordinates(atoms)
    return Structure(
        name=name or f"{atoms.get_chemical_formula()}-{number}",
        numbers=numbers,
        positions=atoms.get_positions(),
        cell=np.asarray(atoms.cell, dtype=np.float64) if any(pbc) else np.zeros((3, 3)),
        pbc=pbc,
        charge=atoms.info["charge"],
        spin=atoms.info["spin"],
        bonds=() if any(pbc) else bonds_by_distance(atoms),
        classes=None if any(pbc) else alike_by_distance(numbers, atoms.get_positions()),
        masses=atoms.get_masses() if atoms.has("masses") else None,
        free=None if free.all() else free,
        notes=atoms.info.get("notes", ()),
    )


def _refuse(structure: Structure) -> None:
    """Raise for what is no molecule in Å."""
    numbers, x = structure.numbers, structure.positions
    if structure.periodic:
        return
    check_parity(numbers, structure.charge, structure.spin)
    if len(numbers) < 2:
        return
    distance = np.linalg.norm(x[:, None] - x, axis=-1)
    np.fill_diagonal(distance, np.inf)
    radii = covalent_radii[numbers]
    close = distance < _OVERLAP * (radii[:, None] + radii)
    ratio = nearest_ratio(numbers, x)
    if 0.7 < 10 * ratio < 1.5:
        raise BadInputError(f"neighbours are at {ratio:.2f} of their bond lengths; is the file in nm? Å are meant")
    if close.any():
        i, j = np.argwhere(close)[0]
        raise BadInputError(f"atoms {i} and {j} are {distance[i, j]:.2f} Å apart, too near for a structure")
    if ratio > _APART:
        hint = "is the file in Bohr? Å are meant" if 0.7 < ratio * Bohr < 1.4 else "it has no bonds"
        raise BadInputError(f"neighbours are at {ratio:.2f} times their bond lengths; {hint}")


def _distinct(structures: list[Structure]) -> list[Structure]:
    """Without molecules that are there twice by their SMILES; the first stands."""
    seen: set[str] = set()
    kept = []
    for structure in structures:
        if not structure.smiles or structure.smiles not in seen or structure.graph is None:
            kept.append(structure)
        seen.add(structure.smiles)
    return kept


def _named(structures: list[Structure]) -> list[Structure]:
    """With names that are words and differ."""
    counts: Counter[str] = Counter()
    named = []
    for structure in structures:
        name = re.sub(r"[^\w.,()+@=-]+", "-", structure.name).strip("-") or "structure"
        counts[name] += 1
        named.append(replace(structure, name=name if counts[name] == 1 else f"{name}~{counts[name]}"))
    return named
