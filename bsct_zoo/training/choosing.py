"""Which frames are worth training on: those on whose forces models disagree (query by committee).

The deviation of a frame is that of DP-GEN (Y. Zhang et al., Comput. Phys. Commun. 253, 107206 (2020), eq. 2), with each
force in the unit that the loss has for it:

    d = max_a √⟨|F_a^m - F̄_a|²⟩_m / (1 + |F̄_a| / F₀)             F̄_a = ⟨F_a^m⟩_m over the models m, F₀ as in the loss

Labels do not enter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.events import Listener, Message, ignore
from bsct_zoo.files import exclusive_lock
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.runtime.load import load_potential
from bsct_zoo.training.data import FrameSet, TrainingData, read_training_data
from bsct_zoo.training.errors import forces_of
from bsct_zoo.training.loss import FORCE_SCALE
from bsct_zoo.training.writing import write_training_data


@dataclass(frozen=True)
class FramesChosen:
    """What came out.

    Attributes:
        kinds: names of the kinds of frames.
        kind: [n_frames] index into ``kinds``, of all training frames.
        deviation: [n_frames] eV/Å.
        chosen: [n_kept] which of them are kept, ascending.
    """

    kinds: tuple[str, ...]
    kind: NDArray[np.int64]
    deviation: NDArray[np.float64]
    chosen: NDArray[np.int64]


def choose(
    out: Path,
    source: Path,
    committee: Sequence[ModelSpec],
    keep: float,
    *,
    device: str = "auto",
    command: str = "",
    listen: Listener = ignore,
) -> FramesChosen:
    """Write a folder with those training frames of ``source`` on which the committee disagrees most.

    Validation and test frames and reference energies stay as they are.

    Args:
        out: folder to write, another one than ``source``.
        source: folder of frames.
        committee: two models or more.
        keep: how many frames, or the share of them if it is below one.
        device: of the models.
        command: for the manifest.
        listen: hears which model is asked.

    Raises:
        BadInputError: a folder or ``keep`` cannot be used, or a model does not know an element of the frames.
        ModelError: a model failed.
    """
    if len(committee) < 2:
        raise BadInputError("one model cannot disagree; name two or more with --by")
    if out.resolve() == source.resolve():
        raise BadInputError(f"{out} holds the frames to choose from; give another folder")
    data = read_training_data(source)
    count = _count(keep, len(data.train))
    forces = np.stack(
        [_forces(spec, data.train, device, partial(_tell, listen, k, spec)) for k, spec in enumerate(committee)]
    )
    deviation = deviations(forces, data.train.n_atoms)
    chosen = most_uncertain(deviation, count)
    with exclusive_lock(out, "writes frames in", "another folder"):
        _write(out, data, chosen, {"command": command, "committee": [spec.text for spec in committee]})
    return FramesChosen(data.kinds, data.train.kind, deviation, chosen)


def deviations(forces: NDArray[np.float64], n_atoms: NDArray[np.int64]) -> NDArray[np.float64]:
    """[n_frames] deviation in eV/Å of ``forces`` [n_models, total_atoms, 3] in eV/Å; infinite if one is not finite."""
    mean = forces.mean(0)
    spread = np.sqrt(((forces - mean) ** 2).sum(2).mean(0)) / (1 + np.linalg.norm(mean, axis=1) / FORCE_SCALE)
    spread[~np.isfinite(spread)] = np.inf  # where a model has no answer there is much to learn
    first = np.cumsum(n_atoms) - n_atoms
    largest: NDArray[np.float64] = np.maximum.reduceat(spread, first)
    return largest


def most_uncertain(deviation: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The frames of the ``count`` largest deviations, ascending; of equals the earlier one."""
    chosen: NDArray[np.int64] = np.sort(np.argsort(-deviation, kind="stable")[:count])
    return chosen


def _count(keep: float, n_frames: int) -> int:
    count = round(keep * n_frames) if keep < 1 else round(keep)
    if not 1 <= count <= n_frames:
        raise BadInputError(f"--keep {keep:g} must be a share, or 1 to {n_frames} of the training frames")
    return count


def _tell(listen: Listener, row: int, spec: ModelSpec, text: str) -> None:
    listen(Message(model=spec.text, row=row, text=text))


def _forces(spec: ModelSpec, frames: FrameSet, device: str, say: Callable[[str], None]) -> NDArray[np.float64]:
    say(f"asked about {len(frames):,} frames")
    with load_potential(
        spec.adapter, spec.card, device=device, dtype="float32", options=dict(spec.options), on_event=say
    ) as potential:
        known = potential.info.elements
        foreign = sorted(frames.elements - known) if known is not None else []
        if foreign:
            names = ", ".join(chemical_symbols[z] for z in foreign)
            raise BadInputError(f"{spec.text} does not know {names}, which the frames hold; leave it out")
        return forces_of(potential, frames)


def _write(out: Path, data: TrainingData, chosen: NDArray[np.int64], facts: dict[str, object]) -> None:
    splits = {"train": data.train.take(chosen.tolist()).arrays(), "valid": data.valid.arrays()}
    if data.test is not None:
        splits["test"] = data.test.arrays()
    known = {
        **facts,
        "chosen_from": dict(data.sha256),
        "level_of_theory": data.level_of_theory,
        "kinds": list(data.kinds),
        "reference_energies": {chemical_symbols[z]: energy for z, energy in data.reference_energies.items()},
        **data.origin,
    }
    write_training_data(out, splits, known, "")
