"""Molecules of checks: the default ones, and those that a user names."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from bsct_zoo.errors import BadInputError

if TYPE_CHECKING:
    from ase import Atoms

# Small closed-shell organic molecules of ASE's g2 set, their elements H C N O F P S Cl.
MOLECULES = (
    *("CH3CH2OH", "CH3OCH3", "CH3CHO", "CH3COOH", "HCOOCH3", "CH3CONH2", "H3CNH2", "CH3CN", "CH3NO2"),
    *("C6H6", "C5H5N", "C4H4O", "C4H4S", "CH3SH", "CH3SCH3", "H2CF2", "CH3CH2Cl", "PH3"),
)
_SMILES = "smiles:"


def system(name: str, seed: int) -> Atoms:
    """A molecule, or what a file holds, with the seed of its run; see ``named``.

    Raises:
        BadInputError: no such molecule or file, or it cannot be computed.
    """
    atoms = named(name)
    atoms.info["seed"] = seed
    return atoms


def named(name: str) -> Atoms:
    """What ``name`` means, with name, charge, spin and notes in ``info``.

    It is the last structure of the file of that name, else the molecule of ASE's g2 set, else a SMILES; "smiles:CO" is
    a SMILES whatever else it is.

    Raises:
        BadInputError: it is none of them, or cannot be computed.
    """
    from ase.collections import g2

    if Path(name).exists():
        return read_last(name)
    if name in g2.names and not name.startswith(_SMILES):
        return g2_molecule(name)
    return _from_smiles(name)


def g2_molecule(name: str) -> Atoms:
    """The molecule called ``name`` of ASE's g2 set, in its ground state: multiplicities are those of the set."""
    from ase.build import molecule

    from bsct_zoo.atoms.reading import checked

    atoms = checked(molecule(name))
    atoms.info["name"] = name
    return atoms


def read_last(name: str) -> Atoms:
    """The last structure of the file ``name``, with name, charge, spin and notes in ``info``.

    Raises:
        BadInputError: it cannot be read, or its last structure cannot be computed.
    """
    from bsct_zoo.atoms.reading import checked, read_frames
    from bsct_zoo.atoms.sources import GRAPHS, read_structures

    path = Path(name)
    if path.suffix.lower() in GRAPHS:
        found = [structure.to_atoms() for structure in read_structures(path, seed=0, strict=True).structures]
    else:
        found = read_frames(path)
    try:
        atoms = checked(found[-1])
    except BadInputError as error:
        raise BadInputError(f"{name}: {error}") from error
    atoms.info["name"] = path.stem
    if len(found) > 1:
        atoms.info["notes"] = (*atoms.info.get("notes", ()), f"the last of {len(found)} structures of its file")
    return atoms


def _from_smiles(name: str) -> Atoms:
    from ase.collections import g2

    from bsct_zoo.atoms.reading import checked
    from bsct_zoo.atoms.smiles import from_smiles

    smiles = name.removeprefix(_SMILES)
    if smiles == name and (("/" in name and Path(name).suffix) or Path(name).suffix.lower() in _FILES):
        raise BadInputError(f"there is no file {name}")
    try:
        structure = from_smiles(smiles, smiles, seed=0)
    except BadInputError as error:
        if smiles != name or "RDKit" in str(error):
            raise
        near = get_close_matches(name, g2.names, n=2)
        hint = f"; did you mean {' or '.join(near)}?" if near else ", such as CH3CH2OH or CCO"
        raise BadInputError(f"'{name}' is neither a file nor a molecule of ASE's g2 set nor a SMILES{hint}") from error
    atoms = checked(structure.to_atoms())
    atoms.info["name"] = smiles
    return atoms


_FILES = (".xyz", ".extxyz", ".traj", ".cif", ".pdb", ".vasp", ".db", ".json", ".sdf", ".mol", ".smi", ".gen")
