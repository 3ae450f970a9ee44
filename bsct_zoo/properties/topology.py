"""Bonds, angles and rotors of a molecule, as its starting structure has them. Pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from numpy.typing import ArrayLike, NDArray

from bsct_zoo.atoms.bonds import bonded_pairs
from bsct_zoo.suites import rotation
from bsct_zoo.suites.geometry import fragments

_MULTIPLE = 0.90  # times that sum; shorter bonds are at least double, and do not turn
_STRAIGHT = 170.0  # degrees from which an atom cannot say how a bond is turned


@dataclass(frozen=True)
class Rotor:
    """A bond that part of a molecule turns about.

    Attributes:
        atoms: (i, j, k, l): j-k is the bond, i and l hang on its ends.
        turning: [n_atoms] bool, the side of k.
    """

    atoms: tuple[int, int, int, int]
    turning: NDArray[np.bool_]


def bonds(numbers: ArrayLike, positions: ArrayLike) -> NDArray[np.int64]:
    """[n_bonds, 2] pairs i < j of bonded atoms, in order."""
    found = bonded_pairs(Atoms(np.asarray(numbers, dtype=np.int64), np.asarray(positions, dtype=np.float64)))
    return np.array(sorted(zip(found.first, found.second, strict=True)), dtype=np.int64).reshape(-1, 2)


def angles(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """[n_angles, 3] triples (i, j, k), i < k, both bonded to j."""
    around = _neighbours(pairs)
    found = [(i, j, k) for j, ring in sorted(around.items()) for n, i in enumerate(ring) for k in ring[n + 1 :]]
    return np.array(found, dtype=np.int64).reshape(-1, 3)


def lengths_of(positions: ArrayLike, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """[n_bonds] Å."""
    x = np.asarray(positions, dtype=np.float64)
    return np.asarray(np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1))


def degrees_of(positions: ArrayLike, triples: NDArray[np.int64]) -> NDArray[np.float64]:
    """[n_angles] degrees."""
    x = np.asarray(positions, dtype=np.float64)
    a, b = x[triples[:, 0]] - x[triples[:, 1]], x[triples[:, 2]] - x[triples[:, 1]]
    return np.asarray(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=1), (a * b).sum(1))))


def rotors(numbers: ArrayLike, positions: ArrayLike) -> list[Rotor]:
    """Single bonds that turn, each kind once.

    Not in a ring, not shorter than 0.9 times the sum of covalent radii, and with a neighbour at either end that is not
    in line. Bonds whose ends have the same elements around them count as one kind.
    """
    z, x = np.asarray(numbers, dtype=np.int64), np.asarray(positions, dtype=np.float64)
    pairs = bonds(z, x)
    around = _neighbours(pairs)
    found: dict[tuple[object, ...], Rotor] = {}
    for (j, k), length in zip(pairs.tolist(), lengths_of(x, pairs), strict=True):
        ends = [_end(x, around, j, k), _end(x, around, k, j)]
        if None in ends or length < _MULTIPLE * (covalent_radii[z[j]] + covalent_radii[z[k]]):
            continue
        try:
            labels = fragments(len(z), [(a, b) for a, b in pairs.tolist()], j, k)
        except ValueError:  # in a ring, or something lies apart
            continue
        kind = tuple(sorted((int(z[a]), *sorted(int(z[b]) for b in around[a])) for a in (j, k)))
        i, last = (end for end in ends if end is not None)
        found.setdefault(kind, Rotor((i, j, k, last), labels == 1))
    return list(found.values())


def turned(positions: ArrayLike, rotor: Rotor, angle: float) -> NDArray[np.float64]:
    """[n, 3] Å: the side of k turned rigidly by ``angle`` radians, which is what the dihedral grows by."""
    x = np.asarray(positions, dtype=np.float64)
    _, j, k, _ = rotor.atoms
    axis = (x[k] - x[j]) / np.linalg.norm(x[k] - x[j])
    return np.asarray(rotation.turned(x, rotor.turning, x[k], axis, np.array([angle]))[0])


def label(numbers: ArrayLike, atoms: ArrayLike) -> str:
    """Elements and numbers from 1, as in C1-O2."""
    z = np.asarray(numbers, dtype=np.int64)
    return "-".join(f"{chemical_symbols[z[a]]}{a + 1}" for a in np.asarray(atoms).tolist())


def _neighbours(pairs: NDArray[np.int64]) -> dict[int, list[int]]:
    around: dict[int, list[int]] = {}
    for a, b in pairs.tolist():
        around.setdefault(a, []).append(b)
        around.setdefault(b, []).append(a)
    return {atom: sorted(others) for atom, others in around.items()}


def _end(x: NDArray[np.float64], around: dict[int, list[int]], atom: int, other: int) -> int | None:
    """The first neighbour of ``atom`` that shows how the bond to ``other`` is turned."""
    for third in around.get(atom, []):
        if third != other and degrees_of(x, np.array([[third, atom, other]]))[0] < _STRAIGHT:
            return third
    return None
