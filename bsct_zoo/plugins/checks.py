"""Checks: what a model does beyond single frames, such as molecular dynamics. A plugin may bring its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ase import Atoms

    from bsct_zoo.dynamics.session import Session
    from bsct_zoo.potentials.potential import Potential


Over = Literal["median", "median_abs", "max_abs", "max", "min", "sum", "count", "failures"]


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
        values: figures by name; None where there is none.
        seed: of its random numbers; None where there are none.
    """

    system: str
    status: Literal["ok", "failed"]
    message: str
    values: Mapping[str, float | None]
    seed: int | None = None


@dataclass(frozen=True)
class Column:
    """A figure of a model: one of its runs' figures, over all runs that have it.

    Attributes:
        name: in results.
        title: for the header of a table.
        figure: of the runs.
        over: "median", "median_abs" or "max_abs" (of |x|), "max", "min", "sum", "count" of runs that have
            it, or "failures": how many runs failed, whatever the figure says.
        better: "lower" or "higher"; None if neither is.
    """

    name: str
    title: str
    figure: str
    over: Over
    better: Literal["lower", "higher"] | None = "lower"


@dataclass(frozen=True)
class Check:
    """A check as a plugin registers it.

    Attributes:
        name: what a user types.
        summary: one line for people.
        units: unit of each figure, by its name.
        function: "module:function", called as ``function(potential, systems, settings) -> list[CheckRun]``.
        columns: what a table says of a model; by default the median of every figure.
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
        self,
        potential: Potential,
        systems: Sequence[Atoms],
        settings: CheckSettings,
        session: Session | None = None,
    ) -> list[CheckRun]:
        """Run on every system; one that fails costs itself."""
        from bsct_zoo.plugins.cards import import_path

        beside: dict[str, Any] = {"session": session} if self.resumes and session is not None else {}
        runs: list[CheckRun] = import_path(self.function)(potential, systems, settings, **beside)
        return runs

    @property
    def shown(self) -> tuple[Column, ...]:
        """``columns``, or what stands for them."""
        return self.columns or tuple(Column(name, name.replace("_", " "), name, "median") for name in self.units)

    @property
    def brief(self) -> tuple[str, ...]:
        """``headline``, or what stands for it."""
        return self.headline or (self.shown[0].name,)


_DRIFT = (
    Column("drift", "median |drift|", "drift", "median_abs"),
    Column("drift_error", "its error", "drift_error", "median"),
    Column("drift_worst", "worst |drift|", "drift", "max_abs"),
)
_FAILURES = (
    Column("failed", "failed", "failure_time", "failures"),
    Column("first_failure", "first failure", "failure_time", "min", "higher"),
    Column("bonds_broken", "bonds broken", "bonds_broken", "sum"),
)

NVE = Check(
    name="nve",
    summary="energy conservation in microcanonical dynamics, all systems as one batch",
    units={
        "drift": "meV/atom/ps",
        "drift_error": "meV/atom/ps",
        "relative_drift": "1/ps",
        "fluctuation": "meV/atom",
        "largest_jump": "meV/atom",
        "temperature": "K",
        "max_temperature": "K",
        "bonds_broken": "",
        "failure_time": "ps",
    },
    function="bsct_zoo.dynamics.checks:check_nve",
    columns=(
        *_DRIFT,
        Column("relative_drift", "drift / kinetic spread", "relative_drift", "median_abs"),
        Column("fluctuation", "fluctu-ation", "fluctuation", "median"),
        Column("largest_jump", "largest jump", "largest_jump", "max"),
        Column("max_temperature", "max_temperature", "max_temperature", "max"),
        *_FAILURES,
    ),
    headline=("drift", "failed"),
    resumes=True,
)

NVT = Check(
    name="nvt",
    summary="temperature and stability in a bath (Langevin), all systems as one batch",
    units={
        "temperature": "K",
        "temperature_error": "K",
        "drift": "meV/atom/ps",
        "drift_error": "meV/atom/ps",
        "max_temperature": "K",
        "bonds_broken": "",
        "failure_time": "ps",
    },
    function="bsct_zoo.dynamics.checks:check_nvt",
    columns=(
        Column("temperature", "temper-ature", "temperature", "median", None),
        Column("temperature_error", "its error", "temperature_error", "median"),
        *_DRIFT,
        Column("max_temperature", "max_temperature", "max_temperature", "max"),
        *_FAILURES,
    ),
    headline=("temperature", "drift", "failed"),
    resumes=True,
)

HEAT = Check(
    name="heat",
    summary="temperature at which a molecule falls apart while its bath is heated, all systems as one batch",
    units={
        "failure_temperature": "K",
        "failure_time": "ps",
        "bonds_broken": "",
        "max_temperature": "K",
        "drift": "meV/atom/ps",
        "drift_error": "meV/atom/ps",
    },
    function="bsct_zoo.dynamics.checks:check_heat",
    columns=(
        Column("failure_temperature", "lowest failure", "failure_temperature", "min", "higher"),
        Column("failure_temperature_median", "median failure", "failure_temperature", "median", "higher"),
        *_FAILURES,
        *_DRIFT,
    ),
    headline=("failure_temperature", "failed"),
    resumes=True,
)

BUILT_IN = (NVE, NVT, HEAT)
