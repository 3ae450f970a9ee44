"""Structures from a user's file, whatever its format; every fault of the file is said before anything is computed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.units import Bohr

from bsct_zoo.atoms.smiles import read_sdf, read_smiles
from bsct_zoo.atoms.structure import Structure, alike_by_distance, bonds_by_distance, lowest_spin, nearest_ratio
from bsct_zoo.errors import BadInputError

_SMILES, _GRAPHS = (".smi", ".smiles"), (".sdf", ".mol")
_OVERLAP = 0.4  # of the sum of covalent radii: two atoms at one place
_APART = 1.6  # a molecule whose atoms' nearest neighbours are further off has no bonds, or other units


def read_structures(path: Path, seed: int) -> list[Structure]:
    """All molecules and crystals of a file, names made unique.

    ``.smi`` and ``.smiles`` hold SMILES, ``.sdf`` and ``.mol`` graphs with coordinates; anything else is ASE's to read.

    Raises:
        BadInputError: the file is missing, empty, or holds what is not a structure; says where.
    """
    if not path.is_file():
        raise BadInputError(f"there is no file {path} to build from")
    suffix = path.suffix.lower()
    try:
        if suffix in _SMILES:
            structures = read_smiles(path, seed)
        elif suffix in _GRAPHS:
            structures = read_sdf(path)
        else:
            structures = _read_ase(path)
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror or error}") from error
    if not structures:
        raise BadInputError(f"{path} holds no structure")
    for structure in structures:
        _refuse(path, structure)
    return _named(_distinct(structures))


def _read_ase(path: Path) -> list[Structure]:
    import ase.io

    try:
        frames = ase.io.read(path, index=":")
    except Exception as error:  # its readers raise whatever they meet
        why = " ".join(str(error).split()) or type(error).__name__
        raise BadInputError(f"ASE cannot read structures from {path}: {why}") from error
    return [_from_atoms(path, atoms, k) for k, atoms in enumerate(frames, start=1) if isinstance(atoms, Atoms)]


def _from_atoms(path: Path, atoms: Atoms, number: int) -> Structure:
    numbers = atoms.numbers.astype(np.int64)
    info = {**atoms.info, **atoms.info.get("key_value_pairs", {})}
    try:
        charge = int(info.get("charge", 0))
        spin = int(info.get("spin", info.get("multiplicity", lowest_spin(numbers, charge))))
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{path}: structure {number} has a charge or spin that is not a whole number") from error
    pbc = (bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2]))
    molecule = not any(pbc) and bool(np.isfinite(atoms.positions).all())
    return Structure(
        name=str(info.get("name", f"{atoms.get_chemical_formula()}-{number}")),
        numbers=numbers,
        positions=atoms.get_positions(),
        cell=np.asarray(atoms.cell, dtype=np.float64) if any(pbc) else np.zeros((3, 3)),
        pbc=pbc,
        charge=charge,
        spin=spin,
        bonds=bonds_by_distance(atoms) if molecule else (),
        classes=alike_by_distance(numbers, atoms.get_positions()) if molecule else None,
    )


def _refuse(path: Path, structure: Structure) -> None:
    """Raise for what is no molecule or crystal in Å."""
    where, numbers, x = f"{path}: {structure.name}", structure.numbers, structure.positions
    if not len(numbers) or (numbers < 1).any() or (numbers > 118).any():
        raise BadInputError(f"{where} has no atoms, or atoms that are no element")
    if not np.isfinite(x).all():
        raise BadInputError(f"{where} has a position that is not a number")
    if (structure.spin - lowest_spin(numbers, structure.charge)) % 2 or structure.spin < 1:
        raise BadInputError(f"{where}: multiplicity {structure.spin} does not go with charge {structure.charge}")
    if structure.periodic:
        if abs(np.linalg.det(structure.cell)) < 1.0 and all(structure.pbc):
            raise BadInputError(f"{where} is periodic but its cell has no volume")
        return
    if len(numbers) < 2:
        return
    distance = np.linalg.norm(x[:, None] - x, axis=-1)
    np.fill_diagonal(distance, np.inf)
    radii = covalent_radii[numbers]
    close = distance < _OVERLAP * (radii[:, None] + radii)
    ratio = nearest_ratio(numbers, x)
    if 0.7 < 10 * ratio < 1.5:
        raise BadInputError(
            f"{where}: neighbours are at {ratio:.2f} of their bond lengths; is the file in nm? Å are meant"
        )
    if close.any():
        i, j = np.argwhere(close)[0]
        raise BadInputError(f"{where}: atoms {i} and {j} are {distance[i, j]:.2f} Å apart, too near for a structure")
    if ratio > _APART:
        hint = "is the file in Bohr? Å are meant" if 0.7 < ratio * Bohr < 1.4 else "it has no bonds"
        raise BadInputError(f"{where}: neighbours are at {ratio:.2f} times their bond lengths; {hint}")


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
