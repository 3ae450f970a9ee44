"""Properties of models, one model after the other; what was measured before is read back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
from ase.data import chemical_symbols

from bsct_zoo import __version__
from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, BsctZooError, EnvironmentBuildError, UnknownElementError
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.files import atomic_write
from bsct_zoo.models.identity import checkpoint_sha256, code_sha256, identity
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.potential import Potential, PotentialInfo, check_elements
from bsct_zoo.properties.crystals import measure_crystals
from bsct_zoo.properties.judge import judge
from bsct_zoo.properties.measured import CRYSTALLINE, MOLECULAR, Measured, Settings, read, write
from bsct_zoo.properties.molecules import measure_molecules
from bsct_zoo.properties.quantities import PropertiesReport, PropertyRow, Status, SystemResult
from bsct_zoo.properties.systems import System
from bsct_zoo.runtime.folders import cache_dir, writable
from bsct_zoo.runtime.load import load_potential, package_versions, resolve_device

_LAYOUT = 1  # raised whenever what is kept changes its meaning


@dataclass(frozen=True)
class RunSettings:
    """How to run on models.

    Attributes:
        measure: what and how exactly.
        device: "auto", "cpu", "cuda" or "cuda:N".
        dtype: what models compute in; everything else is in float64.
        max_batch_atoms: cost that fills a batch; None for a default by device.
        use_cache: read and keep results.
        timeout: seconds that a model may be silent.
    """

    measure: Settings = field(default_factory=Settings)
    device: str = "auto"
    dtype: Literal["float32", "float64"] = "float64"
    max_batch_atoms: int | None = None
    use_cache: bool = True
    timeout: float = 600.0


class Watcher:
    """Is told how it goes on."""

    def message(self, model: str, text: str) -> None:
        """Something worth saying happened."""


def run_models(
    specs: Sequence[ModelSpec],
    reference: ModelSpec | None,
    systems: Sequence[System],
    settings: RunSettings,
    watcher: Watcher | None = None,
) -> PropertiesReport:
    """Every model on every system, with errors against ``reference``; rows in the order of ``specs``.

    The reference is measured by the same code, once, first.

    Raises:
        BadInputError: the device is not there, or the cache cannot be written to.
    """
    watcher = watcher or Watcher()
    settings = replace(settings, device=resolve_device(settings.device))
    folder = writable(cache_dir() / "properties") if settings.use_cache else None
    measured: dict[str, _ModelRun] = {}
    for spec in [*([reference] if reference else []), *specs]:
        if spec.text not in measured:
            measured[spec.text] = _ModelRun(spec, systems, settings, folder, watcher)
    truth = measured[reference.text] if reference else None
    rows = tuple(measured[spec.text].row(truth) for spec in specs)
    asked: dict[str, Any] = {**asdict(settings), "systems": [system.name for system in systems]}
    return PropertiesReport(
        version=__version__,
        reference=truth.row(None) if truth else None,
        settings=asked,
        machine=machine(settings.device),
        rows=rows,
        problem=next((run.problem for run in measured.values() if run.problem), ""),
    )


class _ModelRun:
    """One model measured; lives for one call. Never raises for what is the model's own fault."""

    def __init__(
        self,
        spec: ModelSpec,
        systems: Sequence[System],
        settings: RunSettings,
        folder: Path | None,
        watcher: Watcher,
    ) -> None:
        self.spec, self.systems, self.settings, self.folder, self.watcher = spec, systems, settings, folder, watcher
        self.sha256: str | None = None
        self.versions: dict[str, str] = {}
        self.info: dict[str, Any] = {}
        self.found: dict[int, Measured] = {}
        self.seconds, self.fatal, self.user_error, self.log_tail, self.problem = 0.0, "", False, "", ""
        self.cached = False
        try:
            self.sha256 = checkpoint_sha256(spec)
            self.versions = package_versions(spec.adapter, on_event=self._say)
            self._measure()
        except BsctZooError as error:
            self.fatal, self.user_error = str(error), isinstance(error, BadInputError | EnvironmentBuildError)
            self.log_tail = getattr(error, "log_tail", "") or self.log_tail

    # -- measuring -----------------------------------------------------------------------------------------

    def _measure(self) -> None:
        paths = self._paths()
        self._read(paths)
        if self.info and not self._missing():
            self.cached = True
            return
        self._say("loading")
        settings = self.settings
        with load_potential(
            self.spec.adapter,
            self.spec.card,
            device=settings.device,
            dtype=settings.dtype,
            options=dict(self.spec.options),
            timeout=settings.timeout,
            on_event=self._say,
        ) as potential:
            self.info = _declared(potential.info)
            missing = self._missing()
            clock = perf_counter()
            self._run(potential, missing)
            seconds = perf_counter() - clock
        self.seconds += seconds
        self._keep({n: paths[n] for n in missing if n in paths}, seconds)

    def _missing(self) -> list[int]:
        return [n for n, system in enumerate(self.systems) if n not in self.found and not self._left_out(system)]

    def _run(self, potential: Potential, missing: list[int]) -> None:
        """Molecules as one batch, crystals as another; elements that the model does not know fail by name."""
        batcher = Batcher(potential, self.settings.max_batch_atoms)
        for kind, measure in (("molecule", measure_molecules), ("crystal", measure_crystals)):
            mine = []
            for n in missing:
                system = self.systems[n]
                if system.kind != kind:
                    continue
                try:
                    check_elements(AtomsBatch.from_atoms(system.atoms), potential.info.elements)
                except UnknownElementError as error:
                    first = "relax" if kind == "molecule" else "eos"
                    self.found[n] = Measured(system.name, system.kind, {}, {first: str(error)})
                    continue
                mine.append(n)
            systems = [self.systems[n] for n in mine]
            if systems:
                settings = _for(systems[0], self.settings.measure)
                results = measure(potential, systems, settings, batcher, self._say)
                self.found |= dict(zip(mine, results, strict=True))

    def _left_out(self, system: System) -> bool:
        """Whether nobody asked for ``system`` and the model was not made for it.

        Of crystals that is also one without a cut-off, whose sums over images nobody promised.
        """
        elements = self.info.get("elements")
        strange = elements is not None and not set(system.atoms.get_chemical_symbols()) <= set(elements)
        return not system.asked and (strange or (system.kind == "crystal" and self.info["cutoff"] is None))

    # -- kept ----------------------------------------------------------------------------------------------

    def _paths(self) -> dict[int, Path]:
        """Where the measurement of each system is kept; none if it cannot be known what decides it."""
        if self.folder is None:
            return {}
        settings = self.settings
        known = identity(self.spec, self.sha256, settings.device, settings.dtype, self.versions)
        if known is None:
            return {}
        model = _hash({"layout": _LAYOUT, "model": known})
        code = [code_sha256("bsct_zoo.properties"), code_sha256("bsct_zoo.dynamics")]
        keys = [_hash([code, asdict(_for(system, settings.measure)), _fingerprint(system)]) for system in self.systems]
        return {n: self.folder / model / f"{key}.npz" for n, key in enumerate(keys)}

    def _read(self, paths: dict[int, Path]) -> None:
        if not paths:
            return
        try:
            about = json.loads((paths[0].parent / "model.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        self.info = about
        for n, path in paths.items():
            found = read(path, self.systems[n].name, self.systems[n].kind)
            if found is not None:
                self.found[n] = found
                self.seconds += float(found.arrays["seconds"])

    def _keep(self, paths: dict[int, Path], seconds: float) -> None:
        """Keep what was measured now, each system with its share of the time."""
        try:
            for n, path in paths.items():
                share = {"seconds": np.asarray(seconds / len(paths))}
                write(path, replace(self.found[n], arrays={**self.found[n].arrays, **share}))
                atomic_write(path.parent / "model.json", json.dumps(self.info).encode())
        except OSError as error:
            self.problem = f"results could not be kept in {self.folder}: {error.strerror}; free some room"

    def _say(self, text: str) -> None:
        self.watcher.message(self.spec.text, text)

    # -- the row -------------------------------------------------------------------------------------------

    def row(self, truth: _ModelRun | None) -> PropertyRow:
        """Everything about this model, held against ``truth``."""
        systems = [judge(self.found[n], truth.found.get(n) if truth else None) for n in sorted(self.found)]
        shown = dict(self.info.get("versions") or {}) or self.versions
        return PropertyRow(
            model=self.spec.text,
            card=self.spec.card.name,
            checkpoint_sha256=self.sha256,
            level_of_theory=self.info.get("level_of_theory") or self.spec.card.level_of_theory,
            licence=self.spec.card.licence,
            device=self.info.get("device", self.settings.device),
            dtype=self.info.get("dtype", self.settings.dtype),
            versions={**shown, "bsct-zoo": __version__},
            status=_status(systems),
            message=self.fatal,
            seconds=self.seconds,
            notes=self._notes(truth),
            systems=tuple(systems),
            log_tail=self.log_tail,
            cached=self.cached,
            bad_input=self.user_error,
        )

    def _notes(self, truth: _ModelRun | None) -> tuple[str, ...]:
        notes = []
        spared = [system for system in self.systems if self.info and self._left_out(system)]
        left_out = [system.name for system in spared if system.kind == "molecule" or not self.found]
        if left_out:  # crystals that a model of molecules is spared are no news beside its molecules
            notes.append(
                f"{self.spec.text} was not made for {', '.join(left_out)}, which it is spared; "
                "name them with --molecule or --crystal to have them all the same"
            )
        if truth is not None and truth is not self and self.info and truth.info:
            mine, theirs = self.info["level_of_theory"], truth.info["level_of_theory"]
            if mine != theirs:
                notes.append(f"{self.spec.text} is made for {mine}, the reference {truth.spec.text} is {theirs}")
        return tuple(notes)


def _status(systems: Sequence[SystemResult]) -> Status:
    if all(system.status == "failed" for system in systems):  # so too where there is none
        return "failed"
    return "ok" if all(system.status == "ok" for system in systems) else "partial"


def _for(system: System, settings: Settings) -> Settings:
    """``settings`` with what concerns systems of this kind."""
    names = MOLECULAR if system.kind == "molecule" else CRYSTALLINE
    return replace(settings, what=tuple(name for name in settings.what if name in names))


def _declared(info: PotentialInfo) -> dict[str, Any]:
    return {
        "level_of_theory": info.level_of_theory,
        "device": info.device,
        "dtype": info.dtype,
        "versions": dict(info.versions),
        "elements": None if info.elements is None else sorted(chemical_symbols[z] for z in info.elements),
        "cutoff": info.cutoff,
    }


def _fingerprint(system: System) -> list[Any]:
    """What a measurement depends on of its system."""
    atoms = system.atoms
    arrays = (atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc, atoms.get_masses())
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
    return [digest, system.kind, system.edge, atoms.info.get("charge", 0), atoms.info.get("spin", 1)]


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
