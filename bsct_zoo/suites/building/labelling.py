"""Ask the reference about every frame: in parallel, each answer kept as it comes, failures tried again with care."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import replace
from time import perf_counter

import numpy as np

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.batching import default_atoms
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.suites.building.journal import Answer, Journal, State, frame_key
from bsct_zoo.suites.building.reference import Workers
from bsct_zoo.suites.frames import frames_of
from bsct_zoo.suites.scan import Scan

OnProgress = Callable[[int, int, str], None]
_ASKED_AT_ONCE = 2.0  # seconds: a kill loses no more than this, a frame that takes longer is asked alone


def keys_of(scan: Scan) -> list[bytes]:
    """A key for each frame: of elements, positions, cell, charge and spin."""
    cells = np.broadcast_to(scan.cell, (scan.n_frames, 3, 3))
    about = (scan.atomic_numbers, scan.charge, scan.spin, tuple(bool(p) for p in scan.pbc))
    return [frame_key(*about, x, cell) for x, cell in zip(scan.positions, cells, strict=True)]


def label(
    scans: Sequence[Scan], workers: Workers, journal: Journal, jobs: int, on_progress: OnProgress
) -> tuple[list[Scan], int]:
    """The scans with reference energies and forces, NaN where there is no answer; and how many frames were steadied.

    What the journal knows is not asked again. On Ctrl-C the workers are ended and the journal stands.

    Raises:
        ModelError: the reference cannot be loaded, or keeps dying.
    """
    keys = [keys_of(scan) for scan in scans]
    first = {  # the same frame may be in two scans
        key: (s, f) for s, of_scan in enumerate(keys) for f, key in enumerate(of_scan) if key not in journal.answers
    }
    _run(_Pass(scans, keys, workers, journal, list(first.values()), on_progress), jobs)
    if workers.reference.can_steady:
        failed = [
            (s, 0) for s, of_scan in enumerate(keys) if any(journal.answers[k].state is State.FAILED for k in of_scan)
        ]
        _run(_Pass(scans, keys, workers, journal, failed, on_progress, steady=True), jobs)
    labelled = []
    for scan, of_scan in zip(scans, keys, strict=True):
        answers = [journal.answers[key] for key in of_scan]
        energy = np.array([answer.energy for answer in answers])
        labelled.append(replace(scan, energy=energy, forces=np.array([answer.forces for answer in answers])))
    steadied = {key for of_scan in keys for key in of_scan if journal.answers[key].state is State.STEADIED}
    return labelled, len(steadied)


class _Pass:
    """One way through the frames: what is left to do, who is at it, and how far it is."""

    def __init__(
        self,
        scans: Sequence[Scan],
        keys: list[list[bytes]],
        workers: Workers,
        journal: Journal,
        left: Sequence[tuple[int, int]],
        on_progress: OnProgress,
        steady: bool = False,
    ) -> None:
        """``left`` holds (scan, frame); a pass of steady settings goes by scans and does not look at the frame."""
        self.scans, self.keys, self.workers, self.journal = scans, keys, workers, journal
        self.left, self.on_progress, self.steady = deque(left), on_progress, steady
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.alone: set[tuple[int, int]] = set()  # to be asked by themselves, after a batch of theirs failed
        self.blamed: set[tuple[int, int]] = set()  # that a worker failed at alone
        self.total = len({key for of_scan in keys for key in of_scan})
        self.done = self.total - len({keys[s][f] for s, f in left}) if not steady else self.total

    def take(self, pace: float | None) -> tuple[int, list[int]] | None:
        """The next frames of one scan, as many as take two seconds at ``pace`` (s per atom); None when all is taken."""
        with self.lock:
            if not self.left or self.stopped.is_set():
                return None
            s, f = self.left.popleft()
            frames, n = [f], self.scans[s].n_atoms
            if self.steady or pace is None or (s, f) in self.alone:
                return s, frames
            most = min(default_atoms(self.workers.reference.device), _ASKED_AT_ONCE / max(pace, 1e-9))
            while self.left and self.left[0][0] == s and (len(frames) + 1) * n <= most:
                if self.left[0] in self.alone:
                    break
                frames.append(self.left.popleft()[1])
            return s, frames

    def keep(self, scan: int, frame: int, answer: Answer) -> None:
        """Write an answer down and say how far it is."""
        self.journal.add(self.keys[scan][frame], answer)
        with self.lock:
            self.done += not self.steady
            what = "frames, those that did not converge with steadier settings" if self.steady else "frames"
            self.on_progress(self.done, self.total, what)

    def put_back(self, s: int, frames: list[int]) -> None:
        """After a worker failed: its frames are asked one by one; the one that it fails at twice has no answer."""
        if self.steady:  # the frame it failed at is marked, the others of the scan are still to be asked
            with self.lock:
                self.left.appendleft((s, 0))
            return
        missing = [(s, f) for f in frames if self.keys[s][f] not in self.journal.answers]
        if len(missing) == 1 and missing[0] in self.blamed:
            self.keep(*missing[0], _none(self.scans[s]))
            return
        with self.lock:
            self.alone.update(missing)
            self.blamed.update(missing if len(missing) == 1 else [])
            self.left.extendleft(reversed(missing))


def _run(work: _Pass, jobs: int) -> None:
    """Share the work among ``jobs`` workers; end them all when one fails or the user stops."""
    jobs = min(jobs, len(work.left))
    if not jobs:
        return
    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(_worker, work) for _ in range(jobs)]
        try:
            pending = set(running)
            while pending:  # short waits, so that Ctrl-C is heard
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
                for task in done:
                    task.result()
        except BaseException:
            work.stopped.set()
            work.workers.close()
            raise


def _worker(work: _Pass) -> None:
    """Ask until nothing is left, with a new process after each that failed."""
    while _served(work):
        pass


def _served(work: _Pass) -> bool:
    """Ask one process until nothing is left, or until it fails: then True."""
    task: tuple[int, list[int]] | None = None
    try:
        with work.workers.one(work.steady) as potential:
            pace: float | None = None
            while (task := work.take(pace)) is not None:
                if work.steady:
                    _steady(work, potential, task[0])
                else:
                    pace = _ask(work, potential, *task)
        return False
    except ModelError:
        if work.stopped.is_set():
            return False
        if task is None:  # it could not even be loaded
            raise
        work.put_back(*task)
        return True


def _ask(work: _Pass, potential: Potential, s: int, frames: list[int]) -> float:
    """Answer some frames of a scan; says how many seconds an atom takes."""
    scan = work.scans[s]
    systems = frames_of(scan)
    clock = perf_counter()
    prediction = potential.compute(AtomsBatch.join([systems[f] for f in frames]))
    pace = (perf_counter() - clock) / (len(frames) * scan.n_atoms)
    forces = prediction.forces.cpu().double().numpy().reshape(len(frames), scan.n_atoms, 3)
    for energy, force, f in zip(prediction.energy.tolist(), forces, frames, strict=True):
        good = np.isfinite(energy) and bool(np.isfinite(force).all())
        work.keep(
            s, f, Answer(State.CONVERGED, energy, force) if good else _none(scan, work.workers.reference.can_steady)
        )
    return pace


def _steady(work: _Pass, potential: Potential, s: int) -> None:
    """Ask again about what did not converge, from the frames that did outwards, each after its neighbour.

    Which neighbour that is does not depend on where an earlier run was cut off.
    """
    scan, systems = work.scans[s], frames_of(work.scans[s])
    states = [work.journal.answers[key].state for key in work.keys[s]]
    usual = [f for f, state in enumerate(states) if state is State.CONVERGED]
    good = usual + [f for f, state in enumerate(states) if state is State.STEADIED]
    failed = [f for f, state in enumerate(states) if state is State.FAILED]
    for f in sorted(failed, key=lambda f: min((abs(f - g) for g in usual), default=0)):
        near = min(good, key=lambda g: (abs(f - g), g), default=None)
        asked = [f] if near is None else [near, f]
        try:
            prediction = potential.compute(AtomsBatch.join([systems[g] for g in asked]))
        except ModelError:
            if not work.stopped.is_set():
                work.keep(s, f, _none(scan))
            raise
        energy = float(prediction.energy[-1])
        force = prediction.forces.cpu().double().numpy()[-scan.n_atoms :]
        if np.isfinite(energy) and np.isfinite(force).all():
            good.append(f)
            work.keep(s, f, Answer(State.STEADIED, energy, force))
        else:
            work.keep(s, f, _none(scan))


def _none(scan: Scan, again: bool = False) -> Answer:
    """No answer, for good or to be tried ``again``."""
    return Answer(State.FAILED if again else State.GIVEN_UP, float("nan"), np.full((scan.n_atoms, 3), np.nan))
