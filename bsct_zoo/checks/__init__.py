"""Checks: what a model does beyond single frames, such as molecular dynamics. A plugin may bring its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ase import Atoms

    from bsct_zoo.potential import Potential


@dataclass(frozen=True)
class CheckSettings:
    """How to run a check.

    Attributes:
        temperature: of the start, K.
        time_ps: simulated time, ps.
        step_fs: time step, fs.
        seed: of the velocities; system n starts from ``seed + n``.
    """

    temperature: float = 300.0
    time_ps: float = 1.0
    step_fs: float = 0.5
    seed: int = 0


@dataclass(frozen=True)
class CheckRun:
    """What a check found for one system.

    Attributes:
        system: its name.
        status: "ok" or "failed".
        message: why it failed, and when.
        values: figures by name; None where there is none.
    """

    system: str
    status: Literal["ok", "failed"]
    message: str
    values: Mapping[str, float | None]


@dataclass(frozen=True)
class Check:
    """A check as a plugin registers it.

    Attributes:
        name: what a user types.
        summary: one line for people.
        units: unit of each figure, by its name.
        function: "module:function", called as ``function(potential, systems, settings) -> list[CheckRun]``.
    """

    name: str
    summary: str
    units: Mapping[str, str]
    function: str

    def run(self, potential: Potential, systems: Sequence[Atoms], settings: CheckSettings) -> list[CheckRun]:
        """Run on every system; one that fails costs itself."""
        from bsct_zoo.cards import import_path

        runs: list[CheckRun] = import_path(self.function)(potential, systems, settings)
        return runs


NVE = Check(
    name="nve",
    summary="energy conservation in microcanonical dynamics, all systems as one batch",
    units={"drift": "meV/atom/ps", "fluctuation": "meV/atom", "largest_jump": "meV/atom", "temperature": "K"},
    function="bsct_zoo.checks.nve:check_nve",
)
