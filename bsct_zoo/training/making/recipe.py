"""Which frames are made of a molecule, and how many of each kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bsct_zoo.errors import BadInputError, UnknownNameError

VERSION = 1  # of how frames are made; another one makes them all again
KINDS = ("md", "rattle", "mode", "bond", "dimer", "diatomic", "near")  # a frame's ``kind`` is an index of these
_COUNTS = ("md", "rattle", "mode", "bond", "heavy_bond", "dimer", "diatomic", "near")


@dataclass(frozen=True)
class Recipe:
    """Every number that decides which frames are made.

    Attributes:
        seed: of all that is drawn.
        md: snapshots of Langevin dynamics at each temperature.
        rattle: of the minimum, every coordinate displaced by a Gaussian.
        mode: of the minimum, displaced along all normal modes by the thermal distribution of quantum oscillators.
        bond: pulled or pressed at a bond outside rings, drawn among all.
        heavy_bond: the same at each bond between two atoms other than hydrogen.
        dimer: pairs with another molecule of the same split.
        diatomic: of each pair of elements.
        near: about the minimum, with a bond outside rings a little longer or shorter: where FSD is decided.
        temperatures: K, of dynamics and of normal modes.
        md_step: fs.
        md_hydrogen: u that a hydrogen weighs in the dynamics. Masses do not enter the distribution of positions, and
            heavy hydrogens allow for a longer step.
        md_friction: 1/fs.
        md_first, md_every: fs before the first snapshot, and between two.
        rattle_range: Å, least and largest standard deviation of a rattle.
        bond_range: least and largest bond length, in covalent lengths (the sum of ASE's covalent radii).
        bond_rattle: Å, largest standard deviation of the rattle before a bond is set.
        dimer_range: least and largest distance of the nearest two atoms, in contacts: their covalent radii plus 1 Å.
        diatomic_range: least and largest distance of two atoms, in covalent lengths.
        near_rattle: Å, largest standard deviation of the rattle of such a frame.
        near_range: least and largest bond length there, in lengths of that bond.
        max_force: eV/Å; a frame with a larger force on some atom is dropped.
    """

    seed: int = 0
    md: int = 8
    rattle: int = 8
    mode: int = 12
    bond: int = 16
    heavy_bond: int = 8
    dimer: int = 10
    diatomic: int = 20
    near: int = 8
    temperatures: tuple[float, ...] = (300.0, 600.0, 1000.0)
    md_step: float = 2.0
    md_hydrogen: float = 4.0
    md_friction: float = 0.02
    md_first: float = 80.0
    md_every: float = 40.0
    rattle_range: tuple[float, float] = (0.02, 0.15)
    bond_range: tuple[float, float] = (0.5, 2.0)
    bond_rattle: float = 0.08
    dimer_range: tuple[float, float] = (0.6, 1.6)
    diatomic_range: tuple[float, float] = (0.5, 3.0)
    near_rattle: float = 0.02
    near_range: tuple[float, float] = (0.94, 1.06)
    max_force: float = 500.0

    def __post_init__(self) -> None:
        if any(getattr(self, name) < 0 for name in _COUNTS):
            raise BadInputError("a number of frames must not be negative")
        if not any(getattr(self, name) for name in _COUNTS):
            raise BadInputError("no frames of any kind are asked for")
        if not self.temperatures or not all(0 < t <= 5000 for t in self.temperatures):
            raise BadInputError("temperatures must be from above 0 to 5000 K")


def with_frames(recipe: Recipe, texts: Sequence[str]) -> Recipe:
    """``recipe`` with other numbers of frames, each from a text ``KIND=N``.

    Raises:
        UnknownNameError: there is no such kind; names the nearest.
        BadInputError: a text is not of that form.
    """
    changes: dict[str, Any] = {}
    for text in texts:
        kind, equals, number = text.partition("=")
        name = kind.strip().replace("-", "_")
        if not equals or not re.fullmatch(r"\s*\d{1,6}\s*", number):
            raise BadInputError(f"--frames {text} is not a kind and a number; write --frames {kind or 'md'}=8")
        if name not in _COUNTS:
            raise UnknownNameError("kind of frames", kind, [known.replace("_", "-") for known in _COUNTS])
        changes[name] = int(number)
    return replace(recipe, **changes)


def parse_temperatures(text: str) -> tuple[float, ...]:
    """Temperatures in K from "300,600,1000".

    Raises:
        BadInputError: it is none of that.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise BadInputError(f"--temperatures {text} are not numbers; write 300,600,1000 (K)") from error
