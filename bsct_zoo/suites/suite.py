"""A suite: scans with one name, one level of theory and one licence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING, Any

from bsct_zoo import notebook
from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.suites.scan import Scan
from bsct_zoo.tabular import data_frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Suite:
    """Scans with a common name, level of theory and licence.

    Attributes:
        name: what a user types.
        title: one line.
        level_of_theory: of the reference; None without one.
        licence: of the data.
        citation: how to cite it.
        scans: in the order of their ids.
        sha256: of the file that it was read from; empty if it was not.
        made_by: how it was made: command, versions, settings, seed.
    """

    name: str
    title: str
    level_of_theory: str | None
    licence: str
    citation: str
    scans: tuple[Scan, ...]
    sha256: str = ""
    made_by: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for scan in self.scans:
            if scan.id in seen:
                raise BadInputError(f"suite '{self.name}' has two scans called {scan.id}; ids must differ")
            seen.add(scan.id)

    def __getitem__(self, id: str) -> Scan:
        """The scan called ``id``.

        Raises:
            UnknownNameError: there is none.
        """
        for scan in self.scans:
            if scan.id == id:
                return scan
        raise UnknownNameError(f"scan of suite '{self.name}'", id, [scan.id for scan in self.scans])

    def __len__(self) -> int:
        return len(self.scans)

    def __iter__(self) -> Iterator[Scan]:
        return iter(self.scans)

    def __repr__(self) -> str:
        return f"Suite({self.name!r}: {len(self)} scans, {self.level_of_theory or 'no reference'})"

    def _repr_html_(self) -> str:
        groups = Counter(scan.group for scan in self.scans)
        return notebook.facts(
            f"suite {self.name}",
            [
                ("title", self.title),
                ("level of theory", self.level_of_theory or "none"),
                ("scans", f"{len(self)}: " + ", ".join(f"{group} {count}" for group, count in groups.items())),
                ("frames", sum(scan.n_frames for scan in self.scans)),
                ("licence", self.licence),
                ("cite", self.citation),
            ],
        )

    def to_pandas(self) -> pd.DataFrame:
        """A data frame with a row for each scan.

        Raises:
            BadInputError: pandas is not installed.
        """
        return data_frame(
            [
                {
                    "id": scan.id,
                    "group": scan.group,
                    "kind": scan.kind,
                    "atoms": scan.n_atoms,
                    "frames": scan.n_frames,
                    "charge": scan.charge,
                    "multiplicity": scan.spin,
                    "flags": "; ".join(scan.notes.get("flags", ())),
                }
                for scan in self.scans
            ]
        )

    def select(self, only: str | None = None, limit: int | None = None, seed: int = 0) -> Suite:
        """Scans whose id matches the pattern ``only`` ('C-C/*'), at most ``limit`` of them, spread over the groups.

        Raises:
            BadInputError: nothing is left.
        """
        if limit is not None and limit < 1:
            raise BadInputError(f"a limit of {limit} leaves no scan of suite '{self.name}'; take 1 or more")
        scans = [scan for scan in self.scans if only is None or fnmatchcase(scan.id, only)]
        if not scans:
            groups = ", ".join(sorted({scan.group for scan in self.scans}))
            raise BadInputError(f"no scan of suite '{self.name}' matches '{only}'; groups are {groups}")
        if limit is not None and limit < len(scans):
            scans = _spread(scans, limit, seed)
        return replace(self, scans=tuple(scans))


def _spread(scans: list[Scan], limit: int, seed: int) -> list[Scan]:
    """``limit`` scans, taken from the groups in turn, in the original order."""
    by_group: dict[str, list[Scan]] = {}
    for scan in scans:
        by_group.setdefault(scan.group, []).append(scan)
    random, turns = Random(seed), list[tuple[int, str]]()
    for members in by_group.values():
        random.shuffle(members)
        turns += enumerate(scan.id for scan in reversed(members))
    turns.sort(key=lambda turn: turn[0])  # the first of every group, then the second
    chosen = {id for _, id in turns[:limit]}
    return [scan for scan in scans if scan.id in chosen]
