"""The scans of a suite as a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError
from bsct_zoo.evaluation.curves import reference_curves, scan_curves
from bsct_zoo.evaluation.fallback import FALLBACK, ask_outwards
from bsct_zoo.evaluation.scoring import lost_to_both, score_scan, why_missing
from bsct_zoo.metrics.catalogue import HEADLINE, METRICS
from bsct_zoo.plugins.tasks import Answer, Context, Failure, Item, Outcome, Score, Task
from bsct_zoo.potentials.batching import Lost
from bsct_zoo.suites.frames import frames_of
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite


class ScanTask(Task):
    """Energies and forces of every frame of a suite, judged by the metrics of scans.

    An answer holds energy [n_frames] in eV and forces [n_frames, n_atoms, 3] in eV/Å, NaN without an answer, why by
    frame, and the frames that fallback SCF settings found.
    """

    kind = "scans"
    noun = "scan"
    columns = tuple(METRICS.values())
    headline = HEADLINE

    def __init__(self, suite: Suite, settings: Mapping[str, Any] | None = None) -> None:
        """``settings`` say how ``suite`` was chosen from a larger one."""
        self.suite, self._settings = suite, dict(settings or {})
        self.name, self.title = suite.name, suite.title
        self.level_of_theory, self.sha256 = suite.level_of_theory, suite.sha256
        self.items = tuple(scan_item(scan) for scan in suite.scans)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Which scans were chosen."""
        return self._settings

    @property
    def flagged(self) -> tuple[str, ...]:
        """Scans whose reference is not smooth or not whole, as the suite says."""
        return tuple(scan.id for scan in self.suite.scans if scan.notes.get("flags"))

    def key(self) -> Mapping[str, Any]:
        """Nothing: frames alone decide, so that suites share what they have in common."""
        return {}

    def bare(self) -> ScanTask:
        """Without the scans: a hundred thousand of them are gigabytes for every node."""
        return ScanTask(replace(self.suite, scans=()))

    def is_kept(self, item: Item, answer: Answer) -> bool:
        """Not where frames have no answer and nobody noted why, as up to 0.1."""
        return "failures" in answer.facts or all(np.isfinite(array).all() for array in answer.arrays.values())

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Frames in batches, on a GPU across scans; small scans come first."""
        items = sorted(items, key=lambda item: len(item.atomic_numbers))
        scans: list[Scan] = [item.subject for item in items]
        owners = [s for s, scan in enumerate(scans) for _ in range(scan.n_frames)]
        places = [f for scan in scans for f in range(scan.n_frames)]
        frames = [frame for scan in scans for frame in frames_of(scan)]
        drafts = [_Draft(scan) for scan in scans]
        done = 0
        for part in context.batcher.isolated(frames, owners, apart=True):
            if isinstance(part, Lost):
                done += drafts[part.owner].left
                context.progress(done, len(frames), "frames")
                yield items[part.owner], Failure(str(part.error), part.error.log_tail)
                continue
            energies = part.prediction.energy.cpu().double().numpy()
            forces = part.prediction.forces.cpu().double().numpy()
            first, share = 0, part.seconds / sum(frames[i].n_atoms for i in part.indices)
            failures = part.failures
            for energy, i in zip(energies, part.indices, strict=True):
                n = frames[i].n_atoms
                part_of = drafts[owners[i]]
                part_of.put(places[i], float(energy), forces[first : first + n], share * n, failures.get(i, ""))
                first += n
            done += len(part.indices)
            context.progress(done, len(frames), "frames")
            for s in sorted({owners[i] for i in part.indices}):
                if not drafts[s].left:  # so this was its last batch
                    if context.takes(FALLBACK) and not drafts[s].answered.all():
                        _ask_fallback(context, scans[s], drafts[s])
                    yield items[s], drafts[s].answer()

    def score(self, item: Item, answer: Answer) -> Score:
        """See ``scoring.score_scan``."""
        reasons = {int(frame): why for frame, why in answer.facts.get("failures", {}).items()}
        metrics = score_scan(item.subject, answer.arrays["energy"], answer.arrays["forces"], reasons)
        missing = {name: why_missing(item.subject, name) for name, value in metrics.items() if value is None}
        return Score(metrics, missing=missing, notes=tuple(_notes(item.subject, answer)))

    def curves(self, item: Item, answer: Answer) -> Mapping[str, NDArray[Any]]:
        """See ``curves.scan_curves``."""
        energy, forces = answer.arrays["energy"], answer.arrays["forces"]
        return scan_curves(item.subject, np.asarray(energy, np.float64), np.asarray(forces, np.float64))

    def reference_curves(self, item: Item) -> Mapping[str, NDArray[Any]]:
        """See ``curves.reference_curves``."""
        return reference_curves(item.subject)


def _notes(scan: Scan, answer: Answer) -> Iterator[str]:
    if again := len(answer.facts.get("fallback", ())):
        yield f"{again} of {scan.n_frames} frames converged with fallback SCF settings only"
    if lost := int(lost_to_both(scan, answer.arrays["energy"], answer.arrays["forces"]).sum()):
        yield f"{lost} of {scan.n_frames} frames have an answer neither of the reference nor of the model"


def _ask_fallback(context: Context, scan: Scan, draft: _Draft) -> None:
    """Ask again about frames without an answer, as a reference is asked (``fallback.ask_outwards``)."""
    systems = frames_of(scan)

    def ask(frames: list[int]) -> bool:
        clock = perf_counter()
        try:
            prediction = context.variant(**{FALLBACK: True}).compute(AtomsBatch.join([systems[f] for f in frames]))
        except ModelError as error:
            draft.failures[str(frames[-1])] = str(error)
            return False
        why = prediction.failures.get(len(frames) - 1, "")
        forces = prediction.forces.double().cpu().numpy()[-scan.n_atoms :]
        draft.put_again(frames[-1], float(prediction.energy[-1]), forces, perf_counter() - clock, why)
        return bool(draft.answered[frames[-1]])

    usual, failed = np.flatnonzero(draft.answered).tolist(), np.flatnonzero(~draft.answered).tolist()
    ask_outwards(usual, (), failed, ask)


def scan_item(scan: Scan) -> Item:
    """A scan as an item of a task."""
    return Item(
        id=scan.id,
        subject=scan,
        fingerprint=scan.frames_sha256(),
        atomic_numbers=tuple(scan.atomic_numbers.tolist()),
        group=scan.group,
        charge=scan.charge,
        multiplicity=scan.spin,
        pbc=scan.pbc,
    )


class _Draft:
    """A scan's answer while its frames come in."""

    def __init__(self, scan: Scan) -> None:
        self.energy = np.zeros(scan.n_frames)
        self.forces = np.zeros((scan.n_frames, scan.n_atoms, 3))
        self.left, self.seconds = scan.n_frames, 0.0
        self.failures: dict[str, str] = {}
        self.fallback: list[int] = []

    def put(self, frame: int, energy: float, forces: np.ndarray, seconds: float, failure: str) -> None:
        self.energy[frame], self.forces[frame] = energy, forces
        if failure:
            self.failures[str(frame)] = failure
        self.left -= 1
        self.seconds += seconds

    @property
    def answered(self) -> NDArray[np.bool_]:
        """[n_frames] which frames have an answer."""
        return np.isfinite(self.energy) & np.isfinite(self.forces).all(axis=(1, 2))

    def put_again(self, frame: int, energy: float, forces: np.ndarray, seconds: float, failure: str) -> None:
        """Take in what fallback settings found."""
        self.energy[frame], self.forces[frame] = energy, forces
        self.seconds += seconds
        if self.answered[frame]:
            self.failures.pop(str(frame), None)
            self.fallback.append(frame)
        elif failure:
            self.failures[str(frame)] = failure

    def answer(self) -> Answer:
        return Answer(
            {"energy": self.energy, "forces": self.forces},
            {"failures": self.failures, "fallback": self.fallback},
            self.seconds,
        )
