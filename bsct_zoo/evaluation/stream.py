"""Predictions of whole scans out of batches that take no notice of where a scan ends; a bad scan fails alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.errors import ModelError
from bsct_zoo.evaluation.cache import ScanPrediction
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.suites.frames import frames_of
from bsct_zoo.suites.scan import Scan

Outcome = ScanPrediction | str  # a prediction, or why there is none


class ScanStream:
    """Iterates over scans with their outcomes, each as soon as its last frame is done; small scans come first.

    When a batch fails, the scan that it stopped at is tried alone, so that one bad scan does not take others along.

    Attributes:
        log_tail: last words of the model where it failed last.
    """

    def __init__(self, batcher: Batcher, scans: Sequence[Scan], progress: Callable[[int], None]) -> None:
        """``progress`` is told how many frames have been dealt with, as often as some more are."""
        self.batcher, self.progress = batcher, progress
        self.scans = sorted(scans, key=lambda scan: scan.n_atoms)
        self.log_tail = ""

    def __iter__(self) -> Iterator[tuple[Scan, Outcome]]:
        scans, done = self.scans, 0
        owner = [(s, f) for s, scan in enumerate(scans) for f in range(scan.n_frames)]
        frames = [frame for scan in scans for frame in frames_of(scan)]
        partial = [_Partial(scan) for scan in scans]
        left = list(range(len(frames)))
        while left:
            try:
                clock = perf_counter()
                for batch, prediction in self.batcher.stream([frames[i] for i in left]):
                    seconds = perf_counter() - clock
                    energies = prediction.energy.cpu().double().numpy()
                    forces = prediction.forces.cpu().double().numpy()
                    first, share = 0, seconds / sum(frames[left[i]].n_atoms for i in batch)
                    for k, i in enumerate(batch):
                        s, f = owner[left[i]]
                        n = scans[s].n_atoms
                        partial[s].put(f, float(energies[k]), forces[first : first + n], share * n)
                        first += n
                    done += len(batch)
                    self.progress(done)
                    for s in {owner[left[i]][0] for i in batch}:
                        if partial[s].complete:  # so this was its last batch
                            yield scans[s], partial[s].prediction()
                    clock = perf_counter()
                left = []
            except ModelError as error:
                self.log_tail = error.log_tail or self.log_tail
                left = [i for i in left if not partial[owner[i][0]].has(owner[i][1])]
                s = owner[left[0]][0]
                failed, left = left, [i for i in left if owner[i][0] != s]
                outcome = self._alone(scans[s], partial[s], str(error))
                done += len(failed) - len(left)
                self.progress(done)
                yield scans[s], outcome

    def _alone(self, scan: Scan, partial: _Partial, reason: str) -> Outcome:
        """Try one scan by itself, frame by frame."""
        batcher = Batcher(self.batcher.potential, max(1, scan.n_atoms))
        frames = frames_of(scan)
        missing = [f for f in range(scan.n_frames) if not partial.has(f)]
        clock = perf_counter()
        try:
            for batch, prediction in batcher.stream([frames[f] for f in missing]):
                for k, i in enumerate(batch):
                    forces = prediction.forces.cpu().double().numpy().reshape(len(batch), scan.n_atoms, 3)[k]
                    partial.put(missing[i], float(prediction.energy[k]), forces, perf_counter() - clock)
                    clock = perf_counter()
        except ModelError as error:
            self.log_tail = error.log_tail or self.log_tail
            return str(error) or reason
        return partial.prediction()


class _Partial:
    """A scan's prediction while its frames come in."""

    def __init__(self, scan: Scan) -> None:
        self.energy = np.zeros(scan.n_frames)
        self.forces = np.zeros((scan.n_frames, scan.n_atoms, 3))
        self.there = np.zeros(scan.n_frames, dtype=bool)
        self.seconds = 0.0

    def put(self, frame: int, energy: float, forces: NDArray[np.float64], seconds: float) -> None:
        self.energy[frame], self.forces[frame] = energy, forces
        self.there[frame] = True
        self.seconds += seconds

    def has(self, frame: int) -> bool:
        return bool(self.there[frame])

    @property
    def complete(self) -> bool:
        return bool(self.there.all())

    def prediction(self) -> ScanPrediction:
        return ScanPrediction(self.energy, self.forces, self.seconds)
