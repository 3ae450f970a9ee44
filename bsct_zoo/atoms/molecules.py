"""Molecules of checks: the default ones, and those of the user."""

from __future__ import annotations

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


def system(name: str, seed: int) -> Atoms:
    """A molecule by its name in ASE's g2 set or from a file, with the seed of its run.

    Raises:
        BadInputError: no such molecule or file, or the file holds no structure.
    """
    atoms = read_last(name) if Path(name).exists() else g2_molecule(name)
    atoms.info |= {"name": Path(name).stem, "seed": seed}
    return atoms


def g2_molecule(name: str) -> Atoms:
    """The molecule called ``name`` of ASE's g2 set.

    Raises:
        BadInputError: there is none.
    """
    from ase.build import molecule

    try:
        atoms: Atoms = molecule(name)
    except KeyError as error:
        raise BadInputError(f"'{name}' is neither a file nor a molecule of ASE's g2 set, such as CH3CH2OH") from error
    return atoms


def read_last(name: str) -> Atoms:
    """The last structure of the file ``name``, charge and spin in ``info``.

    Raises:
        BadInputError: it cannot be read, or holds no structure.
    """
    import numpy as np
    from ase import Atoms
    from ase.io import read

    try:
        atoms = read(name, index=-1)
    except Exception as error:
        raise BadInputError(f"cannot read a structure from {name}: {' '.join(str(error).split())}") from error
    if not isinstance(atoms, Atoms) or len(atoms) == 0 or not np.isfinite(atoms.positions).all():
        raise BadInputError(f"{name} holds no structure with atoms at finite positions")
    atoms.info = {key: atoms.info[key] for key in ("charge", "spin") if key in atoms.info}
    return atoms
