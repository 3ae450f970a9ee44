"""What a reference is asked: labels of every frame of scans, and minima of molecules."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.errors import ModelError
from bsct_zoo.evaluation.fallback import FALLBACK, ask_outwards
from bsct_zoo.evaluation.scan_task import scan_item
from bsct_zoo.evaluation.store import content_key
from bsct_zoo.plugins.tasks import Answer, Context, Item, Outcome, Score, Task
from bsct_zoo.potentials.batching import default_atoms
from bsct_zoo.potentials.potential import Prediction
from bsct_zoo.suites.building.relaxing import FMAX, STEPS, relax
from bsct_zoo.suites.frames import frames_of
from bsct_zoo.suites.scan import Scan

_ASKED_AT_ONCE = 2.0  # seconds: a kill loses no more than this, a frame that takes longer is asked alone
_REASON = 300  # characters that are kept of why a frame has no answer
_ATTEMPTS = 2  # at a frame alone, before it has no answer


class FrameState(IntEnum):
    """How a frame went."""

    OPEN = 0
    CONVERGED = 1
    FALLBACK = 2  # with fallback settings, after the usual ones failed
    FAILED = 3  # with the usual settings
    GIVEN_UP = 4  # with fallback settings too, or there are none


class LabelTask(Task):
    """Reference energies and forces of every frame; a frame that fails costs itself alone.

    An answer holds energy [n_frames] eV and forces [n_frames, n_atoms, 3] eV/Å, NaN without an answer, state [n_frames]
    (``FrameState``) and why frames have no answer. Where a process dies its frames are asked one by one.
    """

    name = "labels"
    kind = "labels"
    noun = "scan"
    title = "reference energies and forces"
    own_progress = True

    def __init__(self, scans: Sequence[Scan], known: Sequence[Scan] = (), has_fallback: bool = False) -> None:
        """``known`` scans were labelled by the same reference before; ``has_fallback`` if it has the option for it."""
        self.items = tuple(scan_item(scan) for scan in scans)
        self.has_fallback = has_fallback
        self._known = {scan.frames_sha256(): scan for scan in known}
        self._lock = threading.Lock()
        self.total = sum(scan.n_frames for scan in scans)
        self.asked = 0  # frames that were not known before
        self._done = 0

    def key(self) -> Mapping[str, Any]:
        """Whether there are fallback settings."""
        return {"fallback": self.has_fallback}

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Frames of each scan, as many at a time as take two seconds; then those that failed, with care."""
        for item in items:
            labels = _Labels(item, self._known.get(item.fingerprint))
            labels.restore(context.read_state(item.fingerprint))
            self._tell(context, int((labels.state != FrameState.OPEN).sum()), asked=0)
            self._ask_usual(context, labels)
            if self.has_fallback and (labels.state == FrameState.FAILED).any():
                self._ask_fallback(context, labels)
            labels.state[labels.state == FrameState.FAILED] = FrameState.GIVEN_UP
            yield item, Answer(labels.arrays(), {"failures": labels.failures()}, labels.seconds)
            context.drop_state(item.fingerprint)

    def score(self, item: Item, answer: Answer) -> Score:
        """How many frames have an answer."""
        return Score({"frames": float(np.isfinite(answer.arrays["energy"]).sum())})

    def _ask_usual(self, context: Context, labels: _Labels) -> None:
        pace: float | None = None  # seconds an atom
        alone: set[int] = set()
        failures: dict[int, int] = {}
        while (left := np.flatnonzero(labels.state == FrameState.OPEN)).size:
            frames = [int(left[0])]
            if pace is not None and frames[0] not in alone:
                limit = min(default_atoms(context.potential.info.device), _ASKED_AT_ONCE / max(pace, 1e-9))
                most = max(1, int(limit // labels.n_atoms))
                frames = [int(f) for f in left[:most] if f not in alone] or frames
            clock = perf_counter()
            try:
                prediction = labels.asked(context, frames)
            except ModelError as error:
                context.reopened()
                for f in frames:
                    alone.add(f)
                    failures[f] = failures.get(f, 0) + (len(frames) == 1)
                if len(frames) == 1 and failures[frames[0]] >= _ATTEMPTS:
                    labels.put(frames, labels.nothing(error), FrameState.GIVEN_UP)
                    self._tell(context, 1)
                continue
            seconds = perf_counter() - clock
            pace = seconds / (len(frames) * labels.n_atoms)
            labels.seconds += seconds
            labels.put(frames, prediction, FrameState.CONVERGED)
            context.keep_state(labels.item.fingerprint, labels.arrays())
            self._tell(context, len(frames))

    def _ask_fallback(self, context: Context, labels: _Labels) -> None:
        """Ask again about what did not converge, see ``fallback.ask_outwards``."""

        def ask(frames: list[int]) -> bool:
            f = frames[-1]
            try:
                prediction = labels.asked(context, frames, fallback=True)
            except ModelError as error:
                context.reopened()
                prediction = labels.nothing(error)
            labels.put([f], prediction, FrameState.FALLBACK)
            answered = bool(labels.state[f] == FrameState.FALLBACK)
            if not answered:
                labels.state[f] = FrameState.GIVEN_UP
            context.keep_state(labels.item.fingerprint, labels.arrays())
            return answered

        usual, known, failed = (
            np.flatnonzero(labels.state == state).tolist()
            for state in (FrameState.CONVERGED, FrameState.FALLBACK, FrameState.FAILED)
        )
        ask_outwards(usual, known, failed, ask)

    def _tell(self, context: Context, frames: int, asked: int | None = None) -> None:
        with self._lock:
            self._done += frames
            self.asked += frames if asked is None else asked
            done = min(self._done, self.total)
        context.progress(done, self.total, "frames")


class _Labels:
    """The labels of one scan while they come in."""

    def __init__(self, item: Item, known: Scan | None) -> None:
        scan: Scan = item.subject
        self.item, self.n_atoms, self.seconds = item, scan.n_atoms, 0.0
        self.energy = np.full(scan.n_frames, np.nan)
        self.forces = np.full(scan.positions.shape, np.nan)
        self.state = np.zeros(scan.n_frames, dtype=np.int8)
        self.reasons = np.full(scan.n_frames, "", dtype=f"<U{_REASON}")
        self._systems = frames_of(scan)
        if known is not None and known.energy is not None and known.forces is not None:
            mask = known.referenced
            self.energy[mask], self.forces[mask] = known.energy[mask], known.forces[mask]
            self.state[mask] = FrameState.CONVERGED
            self.state[known.notes.get("fallback_frames", [])] = FrameState.FALLBACK

    def restore(self, arrays: Mapping[str, NDArray[Any]] | None) -> None:
        """Take over what an interrupted run kept."""
        if arrays is not None and arrays["energy"].shape == self.energy.shape:
            self.energy, self.forces = arrays["energy"].copy(), arrays["forces"].copy()
            self.state = arrays["state"].copy()
            self.reasons[:] = arrays.get("reasons", "")  # states of 0.1 have none

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"energy": self.energy, "forces": self.forces, "state": self.state, "reasons": self.reasons}

    def failures(self) -> dict[str, str]:
        """Why frames have no answer, by frame."""
        return {str(f): str(why) for f, why in enumerate(self.reasons) if why and self.state[f] == FrameState.GIVEN_UP}

    def asked(self, context: Context, frames: Sequence[int], fallback: bool = False) -> Prediction:
        """Energy and forces of some frames; ModelError if the model fails at them."""
        potential = context.variant(**{FALLBACK: True}) if fallback else context.potential
        return potential.compute(AtomsBatch.join([self._systems[f] for f in frames]))

    def nothing(self, error: ModelError) -> Prediction:
        """What is there of one frame at which the model failed."""
        nan = torch.full((1 + 3 * self.n_atoms,), torch.nan, dtype=torch.float64)
        return Prediction(nan[:1], nan[1:].view(-1, 3), failures={0: str(error)})

    def put(self, frames: Sequence[int], prediction: Prediction, state: FrameState) -> None:
        """Take in the last systems of an answer; frames that are not finite throughout have failed."""
        before = len(prediction.energy) - len(frames)
        energy = prediction.energy.double().cpu().numpy()[before:]
        forces = prediction.forces.double().cpu().numpy().reshape(-1, self.n_atoms, 3)[before:]
        for place, why in prediction.failures.items():
            if place >= before:
                self.reasons[frames[place - before]] = why
        good = np.isfinite(energy) & np.isfinite(forces).all(axis=(1, 2))
        self.energy[frames] = np.where(good, energy, np.nan)
        self.forces[frames] = np.where(good[:, None, None], forces, np.nan)
        failed = FrameState.GIVEN_UP if state == FrameState.GIVEN_UP else FrameState.FAILED
        self.state[frames] = np.where(good, state, failed)


class RelaxTask(Task):
    """Minima of molecules on the reference's surface.

    An answer holds positions [n, 3] Å, arrived [] 1 or 0, and the problem if it did not.
    """

    name = "relaxed"
    kind = "relaxed"
    noun = "molecule"
    title = "minima"

    def __init__(self, structures: Sequence[Structure], steps: int = STEPS) -> None:
        """One item for each structure; 0 ``steps`` only ask whether there is an answer."""
        self.steps = steps
        self.items = tuple(structure_item(str(n), structure) for n, structure in enumerate(structures))

    def key(self) -> Mapping[str, Any]:
        """How far it is relaxed."""
        return {"fmax": FMAX, "steps": self.steps}

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Each molecule by itself."""
        for item in items:
            clock = perf_counter()
            positions, problem = relax(item.subject, context.potential, self.steps)
            arrays = {"positions": positions, "arrived": np.array(float(not problem))}
            yield item, Answer(arrays, {"problem": problem}, perf_counter() - clock)

    def score(self, item: Item, answer: Answer) -> Score:
        """Whether it came to a minimum."""
        return Score({"arrived": float(answer.arrays["arrived"])})


def structure_item(id: str, structure: Structure, *more: Any) -> Item:
    """A structure as an item of a task; ``more`` is what else an answer depends on."""
    arrays: tuple[NDArray[Any], ...] = (structure.numbers, structure.positions, structure.cell)
    arrays += tuple(extra for extra in (structure.masses, structure.free) if extra is not None)
    about = (structure.pbc, structure.charge, structure.spin, structure.bonds)
    digest = content_key([[array.tobytes().hex() for array in arrays], repr(about), [repr(one) for one in more]])
    return Item(
        id=id,
        subject=structure,
        fingerprint=digest,
        atomic_numbers=tuple(structure.numbers.tolist()),
        charge=structure.charge,
        multiplicity=structure.spin,
        pbc=structure.pbc,
    )
