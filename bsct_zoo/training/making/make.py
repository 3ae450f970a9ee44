"""Frames to train on: molecules read, minima found, every kind of frame made and labelled. Resumes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.events import Listener, Message, ignore
from bsct_zoo.evaluation.reference import Reference, refuse_unknown
from bsct_zoo.files import exclusive_lock, sha256
from bsct_zoo.plugins.tasks import Answer, Failure, Item, Outcome
from bsct_zoo.training.data import SPLITS, checked_frames
from bsct_zoo.training.foreign import reference_energies
from bsct_zoo.training.making.frames import FrameTask, diatomic_frames, frame_item, molecule_frames
from bsct_zoo.training.making.graphs import graph_of_pair
from bsct_zoo.training.making.minimum import Minimum, MinimumTask, minimum_of
from bsct_zoo.training.making.recipe import KINDS, Recipe
from bsct_zoo.training.making.sources import Molecule, partners_of, read_molecules, suite_graphs
from bsct_zoo.training.writing import write_training_data

PARTS = "parts"  # folder of what is known already, within that of the frames


@dataclass(frozen=True)
class FramesMade:
    """What the manifest of a made folder holds, and of how many molecules the frames were known already."""

    manifest: dict[str, Any]
    known: int


def make(
    out: Path,
    files: Sequence[Path],
    reference: Reference,
    recipe: Recipe,
    *,
    workers: int = 1,
    command: str = "",
    strict: bool = False,
    listen: Listener = ignore,
) -> FramesMade:
    """Fill ``out`` with ``train.npz``, ``valid.npz``, ``test.npz`` and ``manifest.json`` (``docs/training.md``).

    The frames depend on the files, the reference and the recipe, and not on ``workers`` or on where a run was cut off.

    Raises:
        BadInputError: a file, the folder or the reference cannot be used.
        ModelError: the reference cannot be loaded, or fails at everything.
    """
    name = reference.spec.text

    def left(names: Mapping[str, str]) -> None:
        for one, why in names.items():
            listen(Message(model=name, text=f"left out: {one}: {why}"))

    with exclusive_lock(out, "makes frames in", "another folder"):
        shipped = suite_graphs()
        molecules, left_out = read_molecules(files, recipe.seed, shipped, strict)
        pairs, pairs_left_out = _pairs(molecules, recipe, shipped)
        left_out |= pairs_left_out
        left(left_out)
        info = reference.declared(listen)
        for molecule in molecules:
            refuse_unknown(info, molecule.structure.numbers, molecule.name)
        minima = reference.answers(MinimumTask(molecules, recipe.mode > 0), workers, out / PARTS, listen)
        resting, failed = _resting(molecules, minima.outcomes)
        task = FrameTask(_items(molecules, resting, pairs, recipe))
        result = reference.answers(task, workers, out / PARTS, listen)
        failed |= {key: lost.reason for key, lost in result.outcomes.items() if isinstance(lost, Failure)}
        left(failed)
        splits = {molecule.name: molecule.split for molecule in molecules}
        facts = {
            "command": command,
            "recipe": asdict(recipe),
            "sources": [[path.name, sha256(path)] for path in files],
            "reference": name,
            "level_of_theory": info.level_of_theory,
            "versions": dict(sorted(reference.versions.items())),
            "left_out": left_out | failed,
        }
        made = [(item.id, result.outcomes[item.id]) for item in task.items]
        parts = [(name, splits.get(name, "train"), one) for name, one in made if isinstance(one, Answer)]
        stated = any(m.structure.charge or m.structure.spin > 2 for m in molecules)
        return FramesMade(_write(out, parts, facts, stated), result.known)


def _resting(
    molecules: Sequence[Molecule], outcomes: Mapping[str, Outcome]
) -> tuple[dict[str, Minimum], dict[str, str]]:
    """Molecules at their minima by name, and those that have none, with why."""
    resting, failed = {}, {}
    for molecule in molecules:
        outcome = outcomes[molecule.name]
        problem = outcome.reason if isinstance(outcome, Failure) else outcome.facts["problem"]
        if isinstance(outcome, Failure) or problem:
            failed[molecule.name] = problem
        else:
            resting[molecule.name] = minimum_of(outcome, molecule.structure)
    return resting, failed


def _pairs(
    molecules: Sequence[Molecule], recipe: Recipe, shipped: Mapping[str, str]
) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    """Pairs of elements of the training molecules by name, and those left out as a shipped suite has them.

    There are none where a molecule is a crystal: what pairs of atoms say of crystals is little.
    """
    train = [molecule for molecule in molecules if molecule.split == "train"]
    if not recipe.diatomic or any(molecule.structure.periodic for molecule in train):
        return {}, {}
    elements = sorted({int(z) for molecule in train for z in molecule.structure.numbers})
    found, left_out = {}, {}
    for a, b in combinations_with_replacement(elements, 2):
        name = f"diatomic {chemical_symbols[a]}-{chemical_symbols[b]}"
        suite = shipped.get(graph_of_pair(a, b))
        if suite is None:
            found[name] = (a, b)
        else:
            left_out[name] = f"it is in the suite {suite}"
    return found, left_out


def _items(
    molecules: Sequence[Molecule], resting: dict[str, Minimum], pairs: Mapping[str, tuple[int, int]], recipe: Recipe
) -> list[Item]:
    """What is to be made, in the order in which it will stand in the files."""
    by_split = {split: [m for m in molecules if m.split == split] for split in SPLITS}
    numbers = {field.name: repr(getattr(recipe, field.name)) for field in fields(recipe)}
    given = {molecule.name: molecule.structure for molecule in molecules}
    items = []
    for molecule in molecules:
        if molecule.name not in resting:
            continue
        drawn = partners_of(molecule.name, by_split, molecule.split, recipe.dimer, recipe.seed)
        names = [name for name in drawn if name in resting and not molecule.structure.periodic]
        structures = [given[name] for name in (molecule.name, *names)]
        others = [resting[name] for name in names]
        frames = partial(molecule_frames, molecule.name, resting[molecule.name], others, recipe)
        items.append(frame_item(molecule.name, (numbers, molecule.name, *structures), frames))
    for name, elements in pairs.items():
        frames = partial(diatomic_frames, name.removeprefix("diatomic "), elements, recipe)
        items.append(frame_item(name, (numbers, *name.split()), frames))
    return items


def _write(
    out: Path, parts: Sequence[tuple[str, str, Answer]], facts: Mapping[str, Any], stated: bool
) -> dict[str, Any]:
    """Write the splits of ``parts`` (name, split and frames of each molecule) and their manifest, which is returned.

    Where charge and multiplicity are ``stated`` they say more than what elements do, and are written.
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


def _joined(parts: Sequence[tuple[str, str, Answer]], split: str) -> dict[str, NDArray[Any]]:
    """The arrays of all frames of a split, and the index of each frame's molecule; empty if there are no frames."""
    frames = [
        {**answer.arrays, "molecule": np.full(len(answer.arrays["energy"]), index)}
        for index, (_, of, answer) in enumerate(parts)
        if of == split and answer.arrays
    ]
    return {name: np.concatenate([one[name] for one in frames]) for name in sorted(frames[0])} if frames else {}


def _references(train: dict[str, NDArray[Any]]) -> dict[str, float]:
    """Energy of each element by least squares over the frames of dynamics; over all if those lack an element."""
    frames = checked_frames(train, "train", len(KINDS))
    moving = np.flatnonzero(frames.kind == KINDS.index("md")).tolist()
    if moving and frames.take(moving).elements == frames.elements:
        frames = frames.take(moving)
    return reference_energies(frames)


def _counts(arrays: dict[str, NDArray[Any]]) -> dict[str, float]:
    kinds = np.bincount(arrays["kind"], minlength=len(KINDS)).tolist()
    atoms = round(float(np.mean(arrays["n_atoms"])), 3)
    return {"frames": len(arrays["energy"]), "mean_atoms": atoms, **dict(zip(KINDS, kinds, strict=True))}
