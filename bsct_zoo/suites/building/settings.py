"""What a user asks of a suite, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.suites.building.sites import Choice

ScanKind = Literal["bond", "angle", "torsion", "dimer", "atom", "strain"]
KINDS: tuple[str, ...] = get_args(ScanKind)
# Range of each kind where none is given: times the covalent length, times the angle, times the gap at contact, Å, times
# the length of a crystal.
RANGES: Mapping[str, tuple[float, float]] = {
    "bond": (0.5, 2.0),
    "angle": (0.6, 1.5),
    "dimer": (1.0, 2.0),
    "strain": (0.8, 1.3),
}


@dataclass(frozen=True)
class BuildSettings:
    """How to make the scans of a suite.

    Attributes:
        kind: what moves.
        frames: of each scan.
        start, stop: range, in units of the kind's own (``RANGES``); None for its default.
        reach: Å that an atom or a plane moves to either side.
        choice: which sites.
        directions: random directions for each atom that moves, relative orientations for each pair of molecules, and
            how often a pair of atoms is turned as a whole.
        rattle: Å, standard deviation of the displacements that take a strained crystal's symmetry away.
        limit: at most so many scans, spread over the groups; None for all.
        seed: of everything that is drawn.
        relax: relax molecules with the reference first; None: those given as SMILES alone.
    """

    kind: ScanKind
    frames: int = 100
    start: float | None = None
    stop: float | None = None
    reach: float = 0.5
    choice: Choice = field(default_factory=Choice)
    directions: int = 3
    rattle: float = 0.05
    limit: int | None = None
    seed: int = 0
    relax: bool | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError("scan", self.kind, list(KINDS))
        if self.frames < 4:
            raise BadInputError(f"{self.frames} frames are no scan; take 4 or more")
        start, stop = self.range
        if not 0 < start < stop:
            raise BadInputError(f"the range {start:g} to {stop:g} is none; --start must be above 0 and below --stop")
        if (self.start is not None or self.stop is not None) and self.kind not in RANGES:
            raise BadInputError(f"--start and --stop mean nothing for a {self.kind} scan")
        if not self.reach > 0 or not self.rattle >= 0 or self.directions < 1:
            raise BadInputError("--reach and --directions must be above 0, and --rattle not below")
        for name, value in (("--per-type", self.choice.per_type), ("--limit", self.limit)):
            if value is not None and value < 1:
                raise BadInputError(f"{name} {value} leaves nothing; take 1 or more")
        if self.choice.smarts and self.choice.only:
            raise BadInputError("--smarts says which atoms already; leave --only out")
        if self.choice.smarts and self.kind in ("dimer", "strain"):
            raise BadInputError(f"--smarts chooses atoms, which a {self.kind} scan does not ask for; use --only")

    @property
    def range(self) -> tuple[float, float]:
        """Start and stop with defaults filled in."""
        start, stop = RANGES.get(self.kind, (1.0, 2.0))
        return (start if self.start is None else self.start, stop if self.stop is None else self.stop)

    def facts(self) -> dict[str, Any]:
        """As JSON holds it, what does not apply left out."""
        choice, strain = self.choice, self.kind == "strain"
        facts = {
            "range": list(self.range) if self.kind in RANGES else None,
            "reach": self.reach if strain or self.kind == "atom" else None,
            "directions": self.directions if strain or self.kind in ("atom", "dimer") else None,
            "rattle": self.rattle if strain else None,
            "only": list(choice.only) or None,
            "smarts": list(choice.smarts) or None,
            "hydrogens": choice.hydrogens or None,
            "per_type": choice.per_type,
            "limit": self.limit,
            "relax": self.relax or None,
        }
        said = {name: value for name, value in facts.items() if value is not None}
        return {"scan": self.kind, "frames": self.frames, "seed": self.seed, **said}
