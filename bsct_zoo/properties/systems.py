"""What properties are measured of: molecules and crystals, by name or from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ase import Atoms

from bsct_zoo.atoms.constraints import names_of
from bsct_zoo.atoms.molecules import named, read_last
from bsct_zoo.atoms.reading import checked
from bsct_zoo.errors import BadInputError

# Small closed-shell organic molecules of ASE's g2 set, their elements H C N O F P S Cl; most have a rotor.
MOLECULES = (
    *("H2O", "CH3OH", "CH3CH2OH", "CH3OCH3", "CH3CHO", "HCOOH", "CH3CONH2", "H3CNH2"),
    *("CH3CN", "CH3NO2", "C6H6", "C4H4O", "CH3SH", "H2CF2", "CH3CH2Cl", "PH3"),
)
# Structure and lattice constant in Å (room temperature, where a search for the model's own starts).
CRYSTALS = {
    "Si": ("diamond", 5.431),
    "Al": ("fcc", 4.050),
    "Cu": ("fcc", 3.615),
    "NaCl": ("rocksalt", 5.640),
    "MgO": ("rocksalt", 4.212),
}

Kind = Literal["molecule", "crystal"]


@dataclass(frozen=True)
class System:
    """A molecule or a crystal to be measured.

    Attributes:
        name: for tables.
        kind: "molecule" or "crystal".
        atoms: the start, charge and spin in ``info``.
        edge: of a crystal: how many times its cell's volume the cube of the lattice constant is, so that primitive
            cells give the lattice constant of the cube; None where no cube is known.
        asked: named by the user, rather than by default.
    """

    name: str
    kind: Kind
    atoms: Atoms
    edge: int | None = None
    asked: bool = True


def molecule(name: str, asked: bool = True) -> System:
    """A molecule by its name in ASE's g2 set, as a SMILES, or of a structure file.

    Raises:
        BadInputError: it is none of these, or not a molecule.
    """
    atoms = named(name)
    if atoms.pbc.any():
        raise BadInputError(f"{name} is periodic; give it to --crystal")
    return System(atoms.info["name"], "molecule", atoms, asked=asked)


def crystal(name: str, asked: bool = True) -> System:
    """One of the crystals known by name, or of a structure file.

    Raises:
        BadInputError: it is neither, or not periodic in three directions.
    """
    from ase.build import bulk

    if name in CRYSTALS:
        structure, edge = CRYSTALS[name]
        return System(name, "crystal", checked(bulk(name, structure, a=edge)), edge=4, asked=asked)
    if not Path(name).exists():
        raise BadInputError(f"'{name}' is neither a file nor one of the crystals {', '.join(CRYSTALS)}")
    atoms = read_last(name)
    if not atoms.pbc.all() or abs(atoms.cell.volume) < 1e-6:
        raise BadInputError(f"{name} is not periodic in three directions; a crystal must be")
    if atoms.constraints:
        raise BadInputError(
            f"{name} has constraints ({', '.join(names_of(atoms))}), under which a crystal cannot be strained; "
            "remove them"
        )
    return System(Path(name).stem, "crystal", atoms, asked=asked)
