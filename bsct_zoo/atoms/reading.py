"""Structures from files, read in one way by every command. What is read is in docs/structures.md."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from ase import Atoms
from ase.geometry import complete_cell, wrap_positions
from ase.io.formats import open_with_compression
from scipy.spatial import cKDTree

from bsct_zoo.atoms.charge_spin import charge_spin, refuse_bare_words
from bsct_zoo.atoms.constraints import free_coordinates
from bsct_zoo.atoms.elements import SYMBOLS
from bsct_zoo.atoms.limits import limited
from bsct_zoo.errors import BadInputError
from bsct_zoo.files import refuse_bomb

ISOTOPES = {"D": 2.014, "T": 3.016}  # u
_READING = Lock()  # of ASE's table of symbols
ALONE = 1000.0  # Å to the nearest other atom: no structure, but a wrong unit or a lost atom
LONGEST = 10_000.0  # Å, of a cell vector
_FULL = 1e-3  # an occupancy so near to one is one


def read_frames(path: Path) -> list[Atoms]:
    """Every frame of a file as ASE reads it, key-value pairs and data of a database in ``info``.

    D and T are hydrogen with their masses.

    Raises:
        BadInputError: there is no such file, ASE cannot read it, or it holds no frame.
    """
    if not path.exists():
        raise BadInputError(f"there is no file {path}")
    if path.is_dir():
        raise BadInputError(f"{path} is a folder; give a file of structures")
    try:
        with limited(path):
            frames = list(_read(path))
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror or error}") from error
    except BadInputError:
        raise
    except Exception as error:  # its readers raise whatever they meet
        raise BadInputError(f"cannot read structures from {path}: {_why(error)}") from error
    if not frames:
        raise BadInputError(f"{path} holds no structure")
    for number, atoms in enumerate(frames, start=1):
        if not isinstance(atoms, Atoms):
            raise BadInputError(f"{path}: entry {number} is not a structure")
    return frames


def checked(atoms: Atoms) -> Atoms:
    """``atoms`` with what a model is told and nothing else: charge, spin and notes in ``info``, masses, constraints.

    Raises:
        BadInputError: no structure that can be computed, or what it says of itself cannot be; see docs/structures.md.
    """
    if not len(atoms):
        raise BadInputError("it has no atoms")
    refuse_ghosts(atoms)
    _refuse_partial_sites(atoms)
    _refuse_positions(atoms)
    charge = charge_spin(atoms)
    free_coordinates(atoms)
    plain = Atoms(atoms.numbers, atoms.get_positions(), cell=atoms.cell, pbc=atoms.pbc, constraint=atoms.constraints)
    if atoms.has("masses"):
        plain.set_masses(atoms.get_masses())
    plain.info |= {"charge": charge.charge, "spin": charge.spin}
    if charge.spin == 2 and not charge.said:
        plain.info["notes"] = ("odd number of electrons and no multiplicity given: a doublet",)
    return plain


def refuse_ghosts(atoms: Atoms) -> None:
    """Raise for atoms that are no element.

    Raises:
        BadInputError: names the first.
    """
    for atom in np.flatnonzero((atoms.numbers < 1) | (atoms.numbers >= len(SYMBOLS))):
        what = "a ghost or dummy atom (X)" if atoms.numbers[atom] == 0 else f"atomic number {atoms.numbers[atom]}"
        raise BadInputError(f"atom {atom} is {what}, which no model computes; leave it out")


def _refuse_partial_sites(atoms: Atoms) -> None:
    """Raise where a site is not one whole atom: alloys, vacancies, split sites, alternate locations."""
    sites: dict[str, str] = {}  # and where the first of a kind is
    occupancy = atoms.info.get("occupancy")
    if isinstance(occupancy, Mapping):  # of a CIF, by kind of site
        kinds = atoms.arrays.get("spacegroup_kinds")
        for kind, species in occupancy.items():
            shares = {str(symbol): float(share) for symbol, share in dict(species).items()}
            if len(shares) > 1 or any(abs(share - 1) > _FULL for share in shares.values()):
                where = np.flatnonzero(kinds == int(kind)) if kinds is not None else np.array([])
                place = f" (atom {where[0]})" if len(where) else ""
                text = "+".join(f"{symbol} {shares[symbol]:g}" for symbol in sorted(shares))
                sites.setdefault(text, place)
    elif (column := atoms.arrays.get("occupancy")) is not None:  # of a PDB, where zero throughout means "not said"
        shares_of = np.asarray(column, dtype=np.float64)
        if shares_of.any():
            partial = np.flatnonzero(shares_of < 1 - _FULL)
            sites = {f"{atoms.symbols[k]} {shares_of[k]:g} (atom {k})": "" for k in partial}
    if sites:
        first = ", ".join(text + place for text, place in list(sites.items())[:4])
        more = f" and {len(sites) - 4} more" if len(sites) > 4 else ""
        raise BadInputError(f"partly occupied sites: {first}{more}; give an ordered structure, one whole atom a site")


def _refuse_positions(atoms: Atoms) -> None:
    x = atoms.get_positions()
    if not np.isfinite(x).all() or not np.isfinite(atoms.cell.array).all():
        raise BadInputError("a position or a cell vector is not a number")
    if atoms.cell.lengths()[atoms.pbc].max(initial=0.0) > LONGEST:
        raise BadInputError(f"a cell vector is longer than {LONGEST:g} Å; are the units right?")
    if atoms.pbc.all() and atoms.cell.volume < 1e-3 * len(atoms):
        raise BadInputError("it is periodic but its cell has no volume")
    if len(atoms) < 2:
        return
    inside = wrap_positions(x, complete_cell(atoms.cell), atoms.pbc)
    nearest = cKDTree(inside).query(inside, k=2)[0][:, 1]
    for atom in np.flatnonzero(nearest > ALONE):
        raise BadInputError(
            f"atom {atom} ({atoms.symbols[atom]}) is {nearest[atom]:.3g} Å from every other atom; are the units right?"
        )


# -- formats -----------------------------------------------------------------------------------------------------


def _read(path: Path) -> Iterator[Atoms]:
    import ase.io
    from ase.io.formats import filetype

    kind = filetype(str(path))
    if kind in ("extxyz", "xyz"):
        text, isotopes = _checked_xyz(path)
        frames = ase.io.read(io.StringIO(text), index=":", format=kind)
        for number, (frame, masses) in enumerate(zip(frames, isotopes, strict=False), start=1):
            try:
                refuse_bare_words(frame.info)
            except BadInputError as error:
                raise BadInputError(f"{path}: frame {number}: {error}") from error
            if masses:
                all_masses = frame.get_masses()
                all_masses[list(masses)] = list(masses.values())
                frame.set_masses(all_masses)
        yield from frames
    elif kind in ("db", "json"):
        from ase.db import connect

        for row in connect(str(path)).select():
            atoms = row.toatoms()
            # ``row.key_value_pairs`` hides a key that is called like a property of the row, such as "charge".
            pairs = {key: vars(row).get(key, value) for key, value in row.key_value_pairs.items()}
            atoms.info |= {"key_value_pairs": pairs, "data": dict(row.data)}
            yield atoms
    else:
        try:
            found = ase.io.read(path, index=":", format=kind)
        except Exception:
            heavy = _with_isotopes(path, kind)
            if heavy is None:
                raise
            found = heavy
        yield from found if isinstance(found, list) else [found]


def _with_isotopes(path: Path, kind: str) -> list[Atoms] | None:
    """The frames of a file that ASE may be unable to read because of D or T, which are H with a mass.

    ASE's readers know symbols from one table. While the file is read D and T stand there for elements that nobody
    has simulated; None if the file has these. What ASE raises now has another reason.
    """
    import ase.io
    from ase.data import atomic_numbers

    stand_ins = {"D": atomic_numbers["Og"], "T": atomic_numbers["Ts"]}
    if re.search(rb"Og|Ts", path.read_bytes()):
        return None
    with _READING:
        atomic_numbers.update(stand_ins)
        try:
            found = ase.io.read(path, index=":", format=kind)
        finally:
            for symbol in stand_ins:
                del atomic_numbers[symbol]
    frames: list[Atoms] = found if isinstance(found, list) else [found]
    for atoms in frames:
        masses = atoms.get_masses()
        for symbol, number in stand_ins.items():
            masses[atoms.numbers == number] = ISOTOPES[symbol]
        atoms.numbers[np.isin(atoms.numbers, list(stand_ins.values()))] = 1
        atoms.set_masses(masses)
    return frames


def _checked_xyz(path: Path) -> tuple[str, list[dict[int, float]]]:
    """The text of an (ext)xyz file with H for D and T, and the masses of these by atom, for each frame.

    Raises:
        BadInputError: a frame claims more atoms than there are lines, or a symbol is none.
    """
    content = bytearray()
    with open_with_compression(str(path), "rb") as file:
        while part := file.read(1 << 20):
            content += part
            refuse_bomb(path, path.stat().st_size, len(content))
    lines = content.decode("utf-8", errors="replace").splitlines()
    isotopes: list[dict[int, float]] = []
    at = 0
    while at < len(lines) and lines[at].strip():
        where = f"{path}: frame {len(isotopes) + 1}"
        try:
            n = int(lines[at])
        except ValueError as error:
            raise BadInputError(f"{where}: line {at + 1} must be a number of atoms, not '{lines[at][:40]}'") from error
        if n < 0 or at + 2 + n > len(lines):
            left = max(len(lines) - at - 2, 0)
            lines_left = "1 line is" if left == 1 else f"{left} lines are"
            raise BadInputError(f"{where} claims {n} atoms, but {lines_left} left in the file")
        column = _species_column(lines[at + 1])
        masses: dict[int, float] = {}
        for atom in range(n if column is not None else 0):
            words = lines[at + 2 + atom].split()
            symbol = words[column] if column is not None and column < len(words) else ""
            if symbol in ISOTOPES:
                masses[atom] = ISOTOPES[symbol]
                words[column or 0] = "H"
                lines[at + 2 + atom] = " ".join(words)
            elif symbol.capitalize() not in SYMBOLS and not re.fullmatch(r"VEC\d", symbol):
                raise BadInputError(f"{where}, atom {atom}: {not_a_symbol(symbol)}")
        isotopes.append(masses)
        at += 2 + n
    return "\n".join(lines) + "\n", isotopes


def _species_column(comment: str) -> int | None:
    """Where the symbols stand in a line of an atom; None where there are numbers in place of them."""
    found = re.search(r'Properties="?([^"\s]+)', comment, re.IGNORECASE)
    if found is None:
        return 0
    column = 0
    fields = found.group(1).split(":")
    for name, _, width in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        if name.lower() in ("species", "symbols", "symbol", "element"):
            return column
        column += int(width) if width.isdigit() else 1
    return None


def not_a_symbol(symbol: str) -> str:
    """What is wrong with a symbol, and what to write."""
    if symbol.isdigit():
        return f"'{symbol}' is a number in the column of symbols; write the symbol {_symbol_of(int(symbol))}"
    letters = re.match(r"[A-Za-z]+", symbol)
    known = letters is not None and letters.group().capitalize() in SYMBOLS[1:]
    hint = f"; write {letters.group().capitalize()} without a label" if letters and known else ""
    return f"'{symbol}' is not a chemical symbol{hint}"


def _symbol_of(number: int) -> str:
    return SYMBOLS[number] if 0 < number < len(SYMBOLS) else "of an element"


def _why(error: Exception) -> str:
    """One line from whatever a reader of ASE raised."""
    text = " ".join(str(error).split())[:200]
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        label = re.search(r"species from label (\w+)", error.args[0])  # ASE's reader of PDB
        symbol = error.args[0] if label is None else label.group(1)
        if label is not None and symbol[0] in ISOTOPES:
            return f"isotope '{symbol}' is not read from this format; give the structure as xyz, CIF or POSCAR"
        if len(symbol) <= 8:
            return not_a_symbol(symbol)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def info_of(atoms: Atoms) -> dict[str, Any]:
    """``info`` with key-value pairs and data of a database beside it."""
    pairs = [atoms.info.get(key) for key in ("key_value_pairs", "data")]
    return {**{k: v for pair in pairs if isinstance(pair, Mapping) for k, v in pair.items()}, **atoms.info}
