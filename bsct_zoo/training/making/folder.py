"""The folder that trainers read, from what was made of each molecule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.tasks import Answer
from bsct_zoo.training.data import SPLITS, checked_frames, write_training_data
from bsct_zoo.training.foreign import reference_energies
from bsct_zoo.training.making.recipe import KINDS

Arrays = dict[str, NDArray[Any]]
_MD = KINDS.index("md")


def write_folder(
    out: Path, parts: Sequence[tuple[str, str, Answer]], facts: Mapping[str, Any], stated: bool
) -> dict[str, Any]:
    """Write the splits and, last, their manifest; returns what that holds.

    Args:
        out: the folder.
        parts: name, split and frames of each molecule, in order.
        facts: of the manifest, before what is counted here.
        stated: charge and multiplicity say more than what elements do, and are written.

    Raises:
        BadInputError: there is nothing to train on or to validate with, or a split has elements of its own.
    """
    splits = {split: arrays for split in SPLITS if (arrays := _joined(parts, split))}
    for split in ("train", "valid"):
        if split not in splits:
            raise BadInputError(f"there are no frames for '{split}'; give more molecules, or other numbers of frames")
    known = {
        **facts,
        "kinds": list(KINDS),
        "molecules": [{"index": k, "name": name, "split": split} for k, (name, split, _) in enumerate(parts)],
        "dropped": dict(sum((Counter(answer.facts["dropped"]) for _, _, answer in parts), Counter[str]())),
        "reference_energies": _references(splits["train"]),
        "counts": {split: _counts(arrays) for split, arrays in splits.items()},
    }
    for arrays in splits.values():  # what every frame has by default is not written
        unsaid = [] if arrays["pbc"].any() else ["pbc", "cell"]
        for name in [*unsaid, *([] if stated else ["charge", "spin"])]:
            del arrays[name]
    return write_training_data(out, splits, known, ", with none to train on; give more molecules")


def _joined(parts: Sequence[tuple[str, str, Answer]], split: str) -> Arrays:
    """The arrays of all frames of a split, and the index of each frame's molecule; empty if there are no frames."""
    frames = [
        {**answer.arrays, "molecule": np.full(len(answer.arrays["energy"]), index)}
        for index, (_, of, answer) in enumerate(parts)
        if of == split and answer.arrays
    ]
    return {name: np.concatenate([one[name] for one in frames]) for name in sorted(frames[0])} if frames else {}


def _references(train: Arrays) -> dict[str, float]:
    """Energy of each element by least squares over the frames of dynamics; over all if those lack an element."""
    frames = checked_frames(train, "train", len(KINDS))
    moving = np.flatnonzero(frames.kind == _MD).tolist()
    if moving and frames.take(moving).elements == frames.elements:
        frames = frames.take(moving)
    return reference_energies(frames)


def _counts(arrays: Arrays) -> dict[str, float]:
    kinds = np.bincount(arrays["kind"], minlength=len(KINDS)).tolist()
    atoms = round(float(np.mean(arrays["n_atoms"])), 3)
    return {"frames": len(arrays["energy"]), "mean_atoms": atoms, **dict(zip(KINDS, kinds, strict=True))}
