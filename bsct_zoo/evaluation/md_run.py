"""A check on models, one after the other; finished ones are read back, an unfinished one goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from ase import Atoms

from bsct_zoo import __version__
from bsct_zoo.dynamics.checks import name_of
from bsct_zoo.dynamics.session import Session
from bsct_zoo.errors import BadInputError, BsctZooError, EnvironmentBuildError
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.md_results import MDReport, MDRow, over_runs, run_from_json, run_json
from bsct_zoo.files import atomic_write
from bsct_zoo.models.identity import checkpoint_sha256, code_sha256, identity
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.checks import Check, CheckRun, CheckSettings
from bsct_zoo.runtime.folders import cache_dir, writable
from bsct_zoo.runtime.load import load_potential, package_versions, resolve_device

_LAYOUT = 1  # raised whenever what is kept changes its meaning


@dataclass(frozen=True)
class MDSettings:
    """How to run a check on models.

    Attributes:
        physics: of the check.
        device: "auto", "cpu", "cuda" or "cuda:N".
        dtype: what models compute in; the state is in float64 always.
        keep: folder for states and results; None for the user's cache.
        use_cache: read and keep results.
        trajectories: folder for them, one below it for each model; None for none.
        stride: steps between frames.
        every_s: seconds between two writings of the state.
        timeout: seconds that a model may be silent.
    """

    physics: CheckSettings = field(default_factory=CheckSettings)
    device: str = "auto"
    dtype: Literal["float32", "float64"] = "float64"
    keep: Path | None = None
    use_cache: bool = True
    trajectories: Path | None = None
    stride: int = 20
    every_s: float = 30.0
    timeout: float = 600.0


class Watcher:
    """Is told how the check goes on; ``session`` is that of the model at work."""

    session: Session | None = None

    def started(self, index: int) -> None:
        """Work on a model began."""

    def message(self, index: int, text: str) -> None:
        """Something worth saying happened, such as a package being installed."""

    def stepped(self, index: int, done: int, total: int) -> None:
        """``done`` of ``total`` steps are done."""

    def finished(self, index: int, row: MDRow) -> None:
        """A model's row is complete."""


def run_models(
    specs: Sequence[ModelSpec],
    check: Check,
    systems: Sequence[Atoms],
    settings: MDSettings,
    watcher: Watcher | None = None,
) -> MDReport:
    """Every model on every system; rows in the order of ``specs``.

    Raises:
        BadInputError: the device is not there, or the folder of states cannot be written to.
    """
    watcher = watcher or Watcher()
    settings = replace(settings, device=resolve_device(settings.device))
    if settings.use_cache:
        settings = replace(settings, keep=writable(settings.keep or cache_dir() / "dynamics"))
    rows = []
    problems = []
    for index, spec in enumerate(specs):
        watcher.started(index)
        run = _ModelRun(index, spec, check, systems, settings, watcher)
        rows.append(run.row())
        problems.append(run.problem)
        watcher.finished(index, rows[-1])
    asked = asdict(settings.physics) | {"device": settings.device, "dtype": settings.dtype}
    asked["systems"] = list(dict.fromkeys(map(name_of, systems)))
    return MDReport(
        version=__version__,
        check=check,
        settings=asked,
        machine=machine(settings.device),
        rows=tuple(rows),
        problem=next(filter(None, problems), ""),
    )


class _ModelRun:
    """One model under the check; lives for one call."""

    def __init__(
        self,
        index: int,
        spec: ModelSpec,
        check: Check,
        systems: Sequence[Atoms],
        settings: MDSettings,
        watcher: Watcher,
    ) -> None:
        self.index, self.spec, self.check, self.systems = index, spec, check, systems
        self.settings, self.watcher = settings, watcher
        self.folder: Path | None = None
        self.info: dict[str, Any] = {}
        self.seconds, self.simulated_ps, self.cached, self.log_tail, self.problem = 0.0, 0.0, False, "", ""

    def row(self) -> MDRow:
        """Everything about this model; never raises for what is the model's own fault."""
        versions: dict[str, str] = {}
        sha256, fatal, user_error = None, "", False
        runs: list[CheckRun] = []
        try:
            sha256 = checkpoint_sha256(self.spec)
            versions = package_versions(self.spec.adapter, on_event=self._say)
            key = self._key(sha256, versions)
            runs = self._kept(key) or self._made(key)
        except BsctZooError as error:
            fatal, user_error = str(error), isinstance(error, BadInputError | EnvironmentBuildError)
            self.log_tail = getattr(error, "log_tail", "") or self.log_tail
        return self._row(sha256, versions, runs, fatal, user_error)

    # -- kept and made -------------------------------------------------------------------------------------

    def _key(self, sha256: str | None, versions: dict[str, str]) -> str:
        """Hash of all that decides the runs; empty if that cannot be known, or nothing is to be kept."""
        settings = self.settings
        if not settings.use_cache or not self.check.resumes:
            return ""
        known = identity(self.spec, sha256, settings.device, settings.dtype, versions)
        if known is None:
            return ""
        trajectories = None if self._trajectories is None else [str(self._trajectories.resolve()), settings.stride]
        everything = {
            "layout": _LAYOUT,
            "model": known,
            "check": self.check.name,
            "code": [code_sha256("bsct_zoo.plugins.checks"), code_sha256("bsct_zoo.dynamics")],
            "physics": asdict(settings.physics),
            "systems": [_fingerprint(atoms) for atoms in self.systems],
            "trajectories": trajectories,
        }
        key = hashlib.sha256(json.dumps(everything, sort_keys=True, default=str).encode()).hexdigest()
        assert settings.keep is not None
        self.folder = settings.keep / key
        return key

    @property
    def _trajectories(self) -> Path | None:
        return None if self.settings.trajectories is None else self.settings.trajectories / _as_folder(self.spec.text)

    def _kept(self, key: str) -> list[CheckRun] | None:
        """The runs of an earlier call that came to its end."""
        if self.folder is None or (self._trajectories is not None and not self._trajectories.is_dir()):
            return None
        try:
            data = json.loads((self.folder / "result.json").read_text(encoding="utf-8"))
            runs = [run_from_json(run) for run in data["runs"]]
            self.info, self.cached = data["info"], True
            self.seconds, self.simulated_ps = float(data["seconds"]), float(data["simulated_ps"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return runs

    def _made(self, key: str) -> list[CheckRun]:
        settings = self.settings
        session = Session(
            on_step=lambda done, total: self.watcher.stepped(self.index, done, total),
            state=None if self.folder is None else self.folder / "state.npz",
            key=key,
            every_s=settings.every_s,
            folder=self._trajectories,
            stride=settings.stride,
            dt_fs=settings.physics.dt_fs,
        )
        self._say("loading")
        clock = perf_counter()
        with load_potential(
            self.spec.adapter,
            self.spec.card,
            device=settings.device,
            dtype=settings.dtype,
            options=dict(self.spec.options),
            timeout=settings.timeout,
            on_event=self._say,
        ) as potential:
            info = potential.info
            self.info = {
                "level_of_theory": info.level_of_theory,
                "device": info.device,
                "dtype": info.dtype,
                "versions": dict(info.versions),
            }
            clock = perf_counter()
            self.watcher.session = session
            try:
                runs = self.check.run(potential, self.systems, settings.physics, session)
            finally:
                self.watcher.session = None
        self.seconds, self.simulated_ps = session.seconds or perf_counter() - clock, session.simulated_ps
        self._keep(runs)
        return runs

    def _keep(self, runs: list[CheckRun]) -> None:
        """Keep the result; the state that led to it is of no use any more."""
        if self.folder is None:
            return
        times = {"seconds": self.seconds, "simulated_ps": self.simulated_ps}
        data = {"info": self.info, **times, "runs": [run_json(run) for run in runs]}
        try:
            atomic_write(self.folder / "result.json", json.dumps(data, allow_nan=False).encode())
            (self.folder / "state.npz").unlink(missing_ok=True)
        except OSError as error:
            self.problem = f"results could not be kept in {self.folder}: {error.strerror}; free some room"

    def _say(self, text: str) -> None:
        self.watcher.message(self.index, text)

    # -- the row -------------------------------------------------------------------------------------------

    def _row(
        self, sha256: str | None, versions: dict[str, str], runs: list[CheckRun], fatal: str, user_error: bool
    ) -> MDRow:
        n_failed = sum(run.status == "failed" for run in runs)
        simulated = self.simulated_ps * 1e-3
        shown = dict(self.info.get("versions") or {}) or versions
        return MDRow(
            model=self.spec.text,
            card=self.spec.card.name,
            checkpoint_sha256=sha256,
            level_of_theory=self.info.get("level_of_theory") or self.spec.card.level_of_theory,
            licence=self.spec.card.licence,
            device=self.info.get("device", self.settings.device),
            dtype=self.info.get("dtype", self.settings.dtype),
            versions={**shown, "bsct-zoo": __version__},
            status="failed" if n_failed == len(runs) else ("partial" if n_failed else "ok"),
            message=fatal or next((f"{run.system}: {run.message}" for run in runs if run.message), ""),
            seconds=self.seconds,
            ns_per_day=simulated * 86400 / self.seconds if self.seconds and simulated else None,
            values=over_runs(self.check.shown, runs),
            runs=tuple(runs),
            log_tail=self.log_tail,
            cached=self.cached,
            bad_input=user_error,
        )


def _fingerprint(atoms: Atoms) -> list[Any]:
    """What a run depends on of its system."""
    arrays = (atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc)
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
    return [name_of(atoms), digest, *(atoms.info.get(name) for name in ("charge", "spin", "seed"))]


def _as_folder(model: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "+-." else "_" for letter in model)
