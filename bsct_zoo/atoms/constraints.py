"""Which Cartesian coordinates of a system may move, by the constraints of ``ase.Atoms``."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms, FixCartesian, FixedLine, FixedPlane, FixScaled
from numpy.typing import NDArray

from bsct_zoo.errors import BadInputError

_ALONG = 1e-8  # a direction so near to an axis is that axis


def free_coordinates(atoms: Atoms) -> NDArray[np.bool_]:
    """[n_atoms, 3] whether a Cartesian coordinate may move.

    ``FixAtoms`` and ``FixCartesian`` fix coordinates; so do ``FixScaled``, ``FixedPlane`` and ``FixedLine`` where
    their directions are Cartesian axes.

    Raises:
        BadInputError: a constraint that is anything else, by its name.
    """
    free = np.ones((len(atoms), 3), dtype=bool)
    for constraint in atoms.constraints:
        name = type(constraint).__name__
        if isinstance(constraint, FixAtoms):
            free[constraint.get_indices()] = False
            continue
        if isinstance(constraint, FixCartesian):
            fixed = np.asarray(constraint.mask, dtype=bool)  # True where fixed
        elif isinstance(constraint, FixScaled):
            fixed = _fixed_scaled(atoms, np.asarray(constraint.mask, dtype=bool))
        elif isinstance(constraint, FixedPlane):
            fixed = _axis(constraint.dir, name)
        elif isinstance(constraint, FixedLine):
            fixed = ~_axis(constraint.dir, name)
        else:
            raise BadInputError(
                f"the constraint {name} cannot be honoured; FixAtoms and FixCartesian can. Remove it, or fix atoms"
            )
        free[constraint.get_indices()] &= ~fixed
    return free


def names_of(atoms: Atoms) -> tuple[str, ...]:
    """Constraints by name, with the number of their atoms, as results hold them."""
    return tuple(f"{type(one).__name__} ({len(one.get_indices())} atoms)" for one in atoms.constraints)


def as_constraints(free: NDArray[np.bool_]) -> list[FixAtoms | FixCartesian]:
    """Constraints that fix what is not ``free`` [n_atoms, 3], in the forms that files can hold."""
    held = ~free.all(1)
    if not held.any():
        return []
    if not free[held].any():
        return [FixAtoms(np.flatnonzero(held))]
    return [FixCartesian([atom], mask=~free[atom]) for atom in np.flatnonzero(held)]


def _fixed_scaled(atoms: Atoms, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """[3] Cartesian coordinates fixed by fixed scaled ones; all or none, or those along axes of the cell."""
    if mask.all() or not mask.any():
        return mask
    fixed = np.zeros(3, dtype=bool)
    # Scaled coordinates stay where a move has no part along the reciprocal vectors of the fixed ones.
    for row in np.linalg.inv(atoms.cell.array).T[mask]:
        fixed |= _axis(row, "FixScaled")
    return fixed


def _axis(direction: NDArray[np.float64], name: str) -> NDArray[np.bool_]:
    """[3] which axis ``direction`` is.

    Raises:
        BadInputError: it is none.
    """
    parts = np.abs(np.asarray(direction, dtype=np.float64))
    along: NDArray[np.bool_] = parts > _ALONG * parts.max()
    if along.sum() != 1:
        raise BadInputError(f"the constraint {name} is not along x, y or z, and only those can be honoured")
    return along
