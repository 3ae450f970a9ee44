"""What can be wrong with a suite, as a person reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["units", "missing", "broken", "jump", "rough", "duplicate"]
# Faults that make every number of a scan wrong; the others are facts about its reference that a reader must know.
FATAL: tuple[Kind, ...] = ("units", "broken")


@dataclass(frozen=True)
class SuiteFault:
    """One thing that is wrong.

    Attributes:
        scan: id of the scan; empty if it is the suite as a whole.
        kind: what sort of fault.
        text: what was found, with its figures.
    """

    scan: str
    kind: Kind
    text: str
