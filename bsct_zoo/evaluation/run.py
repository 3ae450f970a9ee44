"""Judge models on a suite: predictions from the cache or made now, metrics, rows. One model's failure is its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from os import cpu_count
from typing import Any, Literal

from ase.data import chemical_symbols

from bsct_zoo import __version__
from bsct_zoo.errors import BadInputError, BsctZooError, EnvironmentBuildError, ModelError
from bsct_zoo.evaluation.cache import PredictionCache, ScanPrediction, model_key
from bsct_zoo.evaluation.comparison import Comparison, Row, ScanResult
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.stream import Outcome, ScanStream
from bsct_zoo.metrics.table import METRICS, mean_over_scans, score_scan
from bsct_zoo.models.identity import checkpoint_sha256, identity
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.boxes import vacuum
from bsct_zoo.potentials.potential import PotentialInfo
from bsct_zoo.runtime.folders import cache_dir, writable
from bsct_zoo.runtime.load import load_potential, package_versions, resolve_device
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite


@dataclass(frozen=True)
class Settings:
    """How to run.

    Attributes:
        device: "auto", "cpu", "cuda" or "cuda:N".
        dtype: what models compute in, where they have a choice.
        max_batch_atoms: cost that fills a batch; None for a default by device.
        jobs: models at a time.
        seed: for models that use chance.
        use_cache: read and write predictions.
        timeout: seconds that a model may be silent.
    """

    device: str = "auto"
    dtype: Literal["float32", "float64"] = "float32"
    max_batch_atoms: int | None = None
    jobs: int = 1
    seed: int = 0
    use_cache: bool = True
    timeout: float = 600.0


class Listener:
    """Is told how a comparison goes on; may be called from several threads."""

    def model_started(self, index: int, name: str) -> None:
        """Work on a model began."""

    def message(self, index: int, text: str) -> None:
        """Something worth saying happened, such as a package being installed."""

    def progress(self, index: int, done: int, total: int) -> None:
        """``done`` of ``total`` frames have a prediction."""

    def model_done(self, index: int, row: Row) -> None:
        """A model's row is complete."""


def compare(
    models: Sequence[ModelSpec], suite: Suite, settings: Settings, listener: Listener | None = None
) -> Comparison:
    """Judge every model on every scan of the suite; rows in the order of ``models``.

    Raises:
        BadInputError: the device is not there, or the cache cannot be written to.
    """
    listener = listener or Listener()
    settings = replace(settings, device=resolve_device(settings.device))
    cache = PredictionCache(cache_dir() / "predictions")
    if settings.use_cache:
        writable(cache.folder)
    threads = max(1, (cpu_count() or 1) // settings.jobs)
    runs = [_ModelRun(i, spec, suite, settings, listener, cache, threads) for i, spec in enumerate(models)]
    with ThreadPoolExecutor(max_workers=settings.jobs) as pool:
        rows = tuple(pool.map(lambda run: run.row(), runs))
    kept = asdict(settings)
    errors = [run.cache_error for run in runs if run.cache_error]
    if errors:
        kept["cache_error"] = errors[0]
    return Comparison(
        version=__version__,
        suite=suite.name,
        suite_sha256=suite.sha256,
        suite_level=suite.level_of_theory,
        n_scans=len(suite.scans),
        machine=machine(settings.device),
        rows=rows,
        settings=kept,
        flagged=tuple(scan.id for scan in suite.scans if scan.notes.get("flags")),
    )


class _ModelRun:
    """One model on its way through the suite; lives for one comparison."""

    def __init__(
        self,
        index: int,
        spec: ModelSpec,
        suite: Suite,
        settings: Settings,
        listener: Listener,
        cache: PredictionCache,
        threads: int,
    ) -> None:
        self.index, self.spec, self.suite = index, spec, suite
        self.settings, self.listener, self.cache, self.threads = settings, listener, cache, threads
        self.key: str | None = None
        self.info: dict[str, Any] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.log_tail = ""
        self.cache_error = ""
        self.made_now = 0

    def row(self) -> Row:
        """Everything about this model; never raises for what is the model's own fault."""
        self.listener.model_started(self.index, self.spec.text)
        versions: dict[str, str] = {}
        sha256, fatal, user_error = None, "", False
        try:
            sha256 = checkpoint_sha256(self.spec)
            versions = package_versions(self.spec.adapter, on_event=self._say)
            self._open_cache(sha256, versions)
            self._predict()
        except BsctZooError as error:
            fatal, user_error = str(error), isinstance(error, BadInputError | EnvironmentBuildError)
            self.log_tail = getattr(error, "log_tail", "") or self.log_tail
        row = replace(self._row(sha256, versions, fatal), bad_input=user_error)
        self.listener.model_done(self.index, row)
        return row

    # -- predictions ---------------------------------------------------------------------------------------

    def _open_cache(self, sha256: str | None, versions: dict[str, str]) -> None:
        """Find what is kept of this model."""
        if not self.settings.use_cache:
            return
        known = identity(self.spec, sha256, self.settings.device, self.settings.dtype, versions)
        if known is None:
            return
        self.key = model_key(known)
        info = self.cache.read_info(self.key)
        if info is None:
            return
        self.info = info
        self._refuse_unknown_elements()
        for scan in self.suite.scans:
            found = self.cache.read(self.key, scan.frames_sha256())
            if found is not None and found.forces.shape == scan.positions.shape:
                self.outcomes[scan.id] = found

    def _predict(self) -> None:
        """Make the predictions that are missing."""
        if all(scan.id in self.outcomes for scan in self.suite.scans):
            return
        self._say("loading")
        with load_potential(
            self.spec.adapter,
            self.spec.card,
            device=self.settings.device,
            dtype=self.settings.dtype,
            options=dict(self.spec.options),
            timeout=self.settings.timeout,
            threads=self.threads,
            on_event=self._say,
        ) as potential:
            self._declare(potential.info)
            self._refuse_unknown_elements()
            missing = [scan for scan in self.suite.scans if scan.id not in self.outcomes]
            batcher = Batcher(potential, self.settings.max_batch_atoms or self.info.get("batch_atoms"))
            started = batcher.limit
            total = sum(scan.n_frames for scan in self.suite.scans)
            before = total - sum(scan.n_frames for scan in missing)
            stream = ScanStream(batcher, missing, lambda done: self.listener.progress(self.index, before + done, total))
            try:
                for scan, outcome in stream:
                    self.outcomes[scan.id] = outcome
                    self._keep(scan, outcome)
            finally:
                self.log_tail = stream.log_tail or self.log_tail
            if batcher.limit < started:  # what worked is where the next run starts
                self.info["batch_atoms"] = int(batcher.limit)
                self._guard(lambda key: self.cache.write_info(key, self.info))

    # -- what the model is ---------------------------------------------------------------------------------

    def _declare(self, info: PotentialInfo) -> None:
        self.info = {
            **self.info,
            "elements": sorted(info.elements) if info.elements is not None else None,
            "level_of_theory": info.level_of_theory,
            "device": info.device,
            "dtype": info.dtype,
            "forces": "gradient" if info.conservative else "direct",
            "cutoff": info.cutoff,
            "periodic_only": info.periodic_only,
            "charges": info.supports_charge_spin,
            "rotation": "exact" if info.equivariant else "learned",
            "versions": dict(info.versions),
            "model": f"{self.spec.adapter.name}:{self.spec.card.name}",
            "machine": machine(info.device),
        }
        self._guard(lambda key: self.cache.write_info(key, self.info))

    def _refuse_unknown_elements(self) -> None:
        """Scans with an element that the model does not know fail; the others stand."""
        elements = self.info.get("elements")
        if elements is None:
            return
        for scan in self.suite.scans:
            foreign = sorted(set(scan.atomic_numbers.tolist()) - set(elements))
            if foreign:
                names = ", ".join(chemical_symbols[z] for z in foreign)
                self.outcomes[scan.id] = f"the model does not know {names}"

    # -- keeping -------------------------------------------------------------------------------------------

    def _keep(self, scan: Scan, outcome: Outcome) -> None:
        self.made_now += 1
        if isinstance(outcome, ScanPrediction):
            self._guard(lambda key: self.cache.write(key, scan.frames_sha256(), outcome))

    def _guard(self, write: Any) -> None:
        """Write to the cache; a full disk must not cost what is already computed."""
        if self.key is None or self.cache_error:
            return
        try:
            write(self.key)
        except OSError as error:
            self.cache_error = (
                f"predictions could not be kept in {self.cache.folder}: {error.strerror}; "
                "free some room or set BSCT_ZOO_CACHE to another folder"
            )

    def _say(self, text: str) -> None:
        self.listener.message(self.index, text)

    # -- the row -------------------------------------------------------------------------------------------

    def _row(self, sha256: str | None, versions: dict[str, str], fatal: str) -> Row:
        scans, seconds = [], 0.0
        for scan in self.suite.scans:
            outcome = self.outcomes.get(scan.id, fatal or "no answer")
            if isinstance(outcome, ScanPrediction):
                seconds += outcome.seconds
            scans.append(_judge(scan, outcome))
        good = [result.metrics for result in scans if result.status == "ok"]
        means = mean_over_scans([dict(metrics) for metrics in good])
        n_failed = len(scans) - len(good)
        reasons = list(dict.fromkeys(result.message for result in scans if result.message))
        shown = dict(self.info.get("versions") or {}) or versions
        return Row(
            model=self.spec.text,
            card=self.spec.card.name,
            checkpoint_sha256=sha256,
            level_of_theory=self.info.get("level_of_theory") or self.spec.card.level_of_theory,
            device=self.info.get("device", self.settings.device),
            dtype=self.info.get("dtype", self.settings.dtype),
            versions={**shown, "bsct-zoo": __version__},
            status="ok" if not n_failed else ("partial" if good else "failed"),
            message=fatal or _summary(reasons, n_failed),
            seconds=seconds,
            metrics={name: value for name, (value, _) in means.items()},
            counts={name: count for name, (_, count) in means.items()},
            scans=tuple(scans),
            log_tail=self.log_tail,
            notes=tuple(_notes(self.info, self.suite)),
            cached=self.made_now == 0 and bool(good),
            licence=self.spec.card.licence,
            elements=self._elements(),
            forces=str(self.info.get("forces", "")),
            parameters=self.spec.card.parameters,
        )

    def _elements(self) -> tuple[str, ...] | None:
        """Symbols that the model declared; none of them if it takes any, None if it never came up."""
        if "elements" not in self.info:
            return None
        return tuple(chemical_symbols[z] for z in self.info["elements"] or ())


def _judge(scan: Scan, outcome: Outcome) -> ScanResult:
    if isinstance(outcome, str):
        return ScanResult(scan.id, scan.group, "failed", outcome, dict.fromkeys(METRICS))
    try:
        metrics = score_scan(scan, outcome.energy, outcome.forces)
    except (ModelError, BadInputError) as error:
        return ScanResult(scan.id, scan.group, "failed", str(error), dict.fromkeys(METRICS))
    return ScanResult(scan.id, scan.group, "ok", "", metrics)


def _summary(reasons: list[str], n_failed: int) -> str:
    if not reasons:
        return ""
    more = f" (and {len(reasons) - 1} other reasons)" if len(reasons) > 1 else ""
    return f"{n_failed} scans failed: {reasons[0]}{more}" if n_failed > 1 else reasons[0]


def _notes(info: dict[str, Any], suite: Suite) -> Iterator[str]:
    """What a reader must know of a model that its numbers do not say; ``info`` as kept by ``_declare``."""
    if info.get("forces") == "direct":
        yield "forces are predicted directly, not as a gradient"
    if info.get("rotation") == "learned":
        yield "forces turn with the molecule only as far as was learned"
    if info.get("periodic_only") and not all(all(scan.pbc) for scan in suite.scans):
        gap = vacuum(info.get("cutoff"))
        yield f"a model of periodic systems: molecules are in a box, {gap:g} Å of vacuum to the nearest image"
    ignored = sum(scan.charge != 0 or scan.spin != 1 for scan in suite.scans)
    if ignored and info.get("charges") is False:
        which = "a charge or unpaired electrons, which the model ignores"
        yield f"{ignored} of {len(suite.scans)} scan{'s' * (len(suite.scans) != 1)} with {which}"
