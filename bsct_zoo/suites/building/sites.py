"""Where a molecule can be scanned: its bonds, angles and torsions that a rigid cut allows, and choosing among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations
from random import Random
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.atoms.smiles import smarts_matches
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.suites.geometry import fragments
from bsct_zoo.suites.rotation import angle_axis, radius

SiteKind = Literal["bond", "angle", "torsion", "atom"]
SIZES: dict[str, int] = {"bond": 2, "angle": 3, "torsion": 4, "atom": 1}


@dataclass(frozen=True)
class Site:
    """A place of a structure that can be scanned.

    Attributes:
        structure: that it is in.
        kind: what moves there.
        atoms: that define it.
        group: their elements, "C-C-O", read from the end that comes first: carbon, then by the alphabet.
        labels: [n] 0 for atoms at rest, 1 for those that move (for a bond: the two halves).
    """

    structure: Structure
    kind: SiteKind
    atoms: tuple[int, ...]
    group: str
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Choice:
    """Which sites a user wants.

    Attributes:
        only: patterns of groups, "C-C" or "C-*"; all if empty.
        smarts: patterns of atoms; those that match one are taken.
        hydrogens: take sites with hydrogen too; a pattern that names H takes them anyway.
        per_type: at most so many of each group, drawn by the seed; None for all.
        seed: of that draw.
    """

    only: tuple[str, ...] = ()
    smarts: tuple[str, ...] = ()
    hydrogens: bool = False
    per_type: int | None = None
    seed: int = 0

    def takes(self, group: str) -> bool:
        """Whether a site of this group is wanted, by its elements."""
        bare = self.hydrogens or "H" not in group.split("-")
        if not self.only:
            return bare
        return any(bare or "H" in pattern.split("-") for pattern in fitting(group, self.only))


def fitting(group: str, patterns: Sequence[str]) -> list[str]:
    """Those of ``patterns`` that a group of elements matches, read from either end."""
    turned = "-".join(reversed(group.split("-")))
    return [pattern for pattern in patterns if fnmatchcase(group, pattern) or fnmatchcase(turned, pattern)]


def find_sites(structures: Sequence[Structure], kind: SiteKind, choice: Choice) -> tuple[list[Site], Counter[str]]:
    """The sites that a user wants, by group and structure; and how many were left out, by reason.

    Sites that the symmetry of a molecule's graph makes the same are taken once.

    Raises:
        BadInputError: a SMARTS is none.
    """
    found: list[Site] = []
    left_out: Counter[str] = Counter()
    for structure in structures:
        if structure.periodic and kind != "atom":
            left_out[f"crystals have no {kind} to scan"] += 1
            continue
        seen: set[tuple[int, ...]] = set()
        for atoms in _wanted(structure, kind, choice):
            classes = structure.classes
            alike = atoms if classes is None else tuple(classes[a] for a in atoms)
            key = min(alike, alike[::-1])  # the same from either end
            if key in seen:
                continue
            seen.add(key)
            try:
                found.append(make_site(structure, kind, atoms))
            except ValueError as error:
                left_out[_reason(str(error))] += 1
    return _drawn(found, choice), left_out


def make_site(structure: Structure, kind: SiteKind, atoms: tuple[int, ...]) -> Site:
    """The site of ``atoms``; an angle or torsion turns the side whose fastest atom is the slower one.

    Raises:
        ValueError: the molecule cannot be cut there; says why.
    """
    n = len(structure.numbers)
    if kind == "atom":
        labels = np.zeros(n, dtype=np.int64)
        labels[atoms[0]] = 1
        if n < 2:
            raise ValueError("a single atom has nothing to move against")
    elif kind == "bond":
        labels = fragments(n, structure.bonds, *atoms)
    elif kind == "torsion":
        i, j, k, m = atoms
        labels = fragments(n, structure.bonds, j, k)
        if labels[i] == 1 or labels[m] == 0:
            raise ValueError(f"atoms {i} and {m} are not on the two sides of bond ({j}, {k})")
        axis = structure.positions[k] - structure.positions[j]
        axis = axis / np.linalg.norm(axis)
        if _reach(structure, labels == 0, j, axis) < _reach(structure, labels == 1, j, axis):
            atoms, labels = (m, k, j, i), 1 - labels
    else:
        atoms, labels = _angle_sides(structure, *atoms)
    return Site(structure, kind, atoms, _group(structure, atoms), labels)


def _angle_sides(structure: Structure, i: int, j: int, k: int) -> tuple[tuple[int, ...], NDArray[np.int64]]:
    """The angle's atoms, the turning one last, and what turns with it."""
    axis = angle_axis(structure.positions, i, j, k)
    sides = []
    refused = ""
    for a, b in ((i, k), (k, i)):
        try:
            labels = fragments(len(structure.numbers), structure.bonds, j, b)
        except ValueError as error:
            refused = str(error)
            continue
        sides.append((_reach(structure, labels == 1, j, axis), (a, j, b), labels))
    if not sides:
        raise ValueError(refused)
    _, atoms, labels = min(sides, key=lambda side: side[0])
    return atoms, labels


def _reach(structure: Structure, moving: NDArray[np.bool_], origin: int, axis: NDArray[np.float64]) -> float:
    return round(radius(structure.positions, moving, structure.positions[origin], axis), 6)


def _wanted(structure: Structure, kind: SiteKind, choice: Choice) -> Iterator[tuple[int, ...]]:
    """Atoms of the sites that are asked for, whether they can be cut or not."""
    for smarts in choice.smarts:
        yield from smarts_matches(structure, smarts, SIZES[kind])
    if choice.smarts:
        return
    for atoms in _candidates(structure, kind):
        if choice.takes(_group(structure, atoms)):
            yield atoms


def _candidates(structure: Structure, kind: SiteKind) -> Iterator[tuple[int, ...]]:
    """All bonds, angles, atoms; of the torsions about a bond one, as they all are the same frames."""
    n = len(structure.numbers)
    near: list[list[int]] = [[] for _ in range(n)]
    for i, j in structure.bonds:
        near[i].append(j)
        near[j].append(i)
    for around in near:  # heavy atoms first
        around.sort(key=lambda atom: (structure.numbers[atom] == 1, atom))
    if kind == "atom":
        yield from ((atom,) for atom in range(n))
    elif kind == "bond":
        yield from structure.bonds
    elif kind == "angle":
        for j in range(n):
            yield from ((i, j, k) for i, k in combinations(near[j], 2))
    else:
        for j, k in structure.bonds:
            first, last = ([a for a in near[x] if a != y] for x, y in ((j, k), (k, j)))
            if first and last and first[0] != last[0]:
                yield first[0], j, k, last[0]


def _group(structure: Structure, atoms: tuple[int, ...]) -> str:
    symbols = [structure.symbol(atom) for atom in atoms]
    return "-".join(min(symbols, symbols[::-1], key=lambda read: [(symbol != "C", symbol) for symbol in read]))


def _reason(text: str) -> str:
    """Why, without which atoms, so that reasons can be counted."""
    if "part of a ring" in text:
        return "bonds in rings: cutting one leaves one fragment, not two"
    if "neither side" in text:
        return "bonds of one part of several: the others would hang in the air"
    return text


def _drawn(sites: Iterable[Site], choice: Choice) -> list[Site]:
    groups: dict[str, list[Site]] = {}
    for site in sites:
        groups.setdefault(site.group, []).append(site)
    random = Random(choice.seed)
    drawn = []
    for group in sorted(groups):
        members = groups[group]
        if choice.per_type is not None and choice.per_type < len(members):
            kept = set(random.sample(range(len(members)), choice.per_type))
            members = [site for k, site in enumerate(members) if k in kept]
        drawn += members
    return drawn
