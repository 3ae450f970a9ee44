"""Checks of molecular dynamics: what they report, and the built-in ones. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from bsct_zoo.metrics.columns import Better, Column, Over
from bsct_zoo.plugins.cards import import_path

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from bsct_zoo.dynamics.session import Session
    from bsct_zoo.potentials.potential import Potential

_SOURCE = "docs/dynamics.md"


@dataclass(frozen=True)
class CheckSettings:
    """How to run a check.

    Attributes:
        temperature: of the start, and of the bath, K.
        time_ps: simulated time, ps.
        dt_fs: time step, fs.
        seed: of the velocities; system n starts from ``seed + n``, or from its own ``atoms.info["seed"]``.
        friction: of the bath, 1/ps.
        final_temperature: of the bath at the end of a ramp, K.
        relax: start from the model's own minimum, rather than from the structure as it is given.
    """

    temperature: float = 300.0
    time_ps: float = 1.0
    dt_fs: float = 0.5
    seed: int = 0
    friction: float = 10.0
    final_temperature: float = 1500.0
    relax: bool = False


@dataclass(frozen=True)
class CheckRun:
    """What a check found for one system.

    Attributes:
        system: its name.
        status: "ok" or "failed".
        message: why it failed, and when.
        values: metrics by name; None where there is none.
        seed: of its random numbers; None where there are none.
        curves: what the run looked like, arrays [n] of one length by name: "time" in ps, "energy" in meV/atom from its
            start, "temperature" in K; a few hundred numbers each.
    """

    system: str
    status: Literal["ok", "failed"]
    message: str
    values: Mapping[str, float | None]
    seed: int | None = None
    curves: Mapping[str, NDArray[Any]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Check:
    """A check: a function that runs many systems with one potential, and what it reports. It is a task as any other.

    Attributes:
        name: what a user types.
        summary: one line for people.
        units: unit of each metric of a run, by its name.
        function: "module:function", called as ``function(potential, systems, settings) -> list[CheckRun]``.
        columns: what a table says of a model; by default the median of every metric.
        headline: names of the columns that stand beside other results, in ``compare``; by default the first.
        resumes: its function takes a ``session`` too, in which its state is kept (``bsct_zoo.dynamics.session``).
    """

    name: str
    summary: str
    units: Mapping[str, str]
    function: str
    columns: tuple[Column, ...] = ()
    headline: tuple[str, ...] = ()
    resumes: bool = False

    def run(
        self, potential: Potential, systems: Sequence[Atoms], settings: CheckSettings, session: Session | None = None
    ) -> list[CheckRun]:
        """Run on every system; one that fails costs itself."""
        beside: dict[str, Any] = {"session": session} if self.resumes and session is not None else {}
        runs: list[CheckRun] = import_path(self.function)(potential, systems, settings, **beside)
        return runs

    @property
    def shown(self) -> tuple[Column, ...]:
        """``columns``, or what stands for them."""
        return self.columns or tuple(
            Column(name=name, title=name.replace("_", " "), unit=unit, over="median", source=_SOURCE)
            for name, unit in self.units.items()
        )

    @property
    def brief(self) -> tuple[str, ...]:
        """``headline``, or what stands for it."""
        return self.headline or (self.shown[0].name,)


_UNITS = {
    "drift": "meV/atom/ps",
    "drift_error": "meV/atom/ps",
    "relative_drift": "1/ps",
    "fluctuation": "meV/atom",
    "largest_jump": "meV/atom",
    "temperature": "K",
    "temperature_error": "K",
    "max_temperature": "K",
    "bonds_broken": "",
    "failure_time": "ps",
    "failure_temperature": "K",
    "simulated_time": "ps",
}


def _units(*names: str) -> dict[str, str]:
    return {name: _UNITS[name] for name in (*names, "simulated_time")}


def _column(name: str, title: str, metric: str, over: Over, better: Better | None = "lower") -> Column:
    unit = "" if over == "failures" else _UNITS[metric]
    return Column(name=name, title=title, unit=unit, better=better, metric=metric, over=over, source=_SOURCE)


_DRIFT = (
    _column("drift", "median |drift|", "drift", "median_abs"),
    _column("drift_error", "its error", "drift_error", "median", None),
    _column("drift_worst", "worst |drift|", "drift", "max_abs"),
)
_MAX_TEMPERATURE = _column("max_temperature", "max T", "max_temperature", "max")
_FAILURES = (
    _column("failed", "failed", "failure_time", "failures"),
    _column("first_failure", "first failure", "failure_time", "min", "higher"),
    _column("bonds_broken", "bonds broken", "bonds_broken", "sum"),
)

NVE = Check(
    name="nve",
    summary="energy conservation in microcanonical dynamics, all systems as one batch",
    units=_units(
        *("drift", "drift_error", "relative_drift", "fluctuation", "largest_jump", "temperature"),
        *("max_temperature", "bonds_broken", "failure_time"),
    ),
    function="bsct_zoo.dynamics.checks:check_nve",
    columns=(
        *_DRIFT,
        _column("relative_drift", "drift / kinetic spread", "relative_drift", "median_abs"),
        _column("fluctuation", "fluctuation", "fluctuation", "median"),
        _column("largest_jump", "largest jump", "largest_jump", "max"),
        _MAX_TEMPERATURE,
        *_FAILURES,
    ),
    headline=("drift", "failed"),
    resumes=True,
)

NVT = Check(
    name="nvt",
    summary="temperature and stability in a bath (Langevin), all systems as one batch",
    units=_units(
        *("temperature", "temperature_error", "drift", "drift_error", "max_temperature"),
        *("bonds_broken", "failure_time"),
    ),
    function="bsct_zoo.dynamics.checks:check_nvt",
    columns=(
        _column("temperature", "temper-ature", "temperature", "median", None),
        _column("temperature_error", "its error", "temperature_error", "median", None),
        *_DRIFT,
        _MAX_TEMPERATURE,
        *_FAILURES,
    ),
    headline=("temperature", "drift", "failed"),
    resumes=True,
)

HEAT = Check(
    name="heat",
    summary="temperature at which a molecule falls apart while its bath is heated, all systems as one batch",
    units=_units(
        *("failure_temperature", "failure_time", "bonds_broken", "max_temperature", "drift", "drift_error"),
    ),
    function="bsct_zoo.dynamics.checks:check_heat",
    columns=(
        _column("failure_temperature", "lowest failure", "failure_temperature", "min", "higher"),
        _column("failure_temperature_median", "median failure", "failure_temperature", "median", "higher"),
        *_FAILURES,
        *_DRIFT,
    ),
    headline=("failure_temperature", "failed"),
    resumes=True,
)

BUILT_IN = (NVE, NVT, HEAT)
