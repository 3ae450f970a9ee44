"""Make a folder of labelled frames: minima first, then the frames of every molecule, then the splits. Resumes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

from ase.data import chemical_symbols

from bsct_zoo.files import exclusive_lock
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.suites.building.reference import Reference, Workers, refuse_unknown
from bsct_zoo.training.data import SPLITS
from bsct_zoo.training.making.folder import write_folder
from bsct_zoo.training.making.frames import Made, Resting, diatomic_frames, molecule_frames
from bsct_zoo.training.making.graphs import graph_of_pair
from bsct_zoo.training.making.minimum import Minimum, find_minimum
from bsct_zoo.training.making.parts import part_key, read_made, read_minimum, write_made, write_minimum
from bsct_zoo.training.making.recipe import Recipe
from bsct_zoo.training.making.sources import Molecule, partners_of, read_molecules, suite_graphs
from bsct_zoo.training.making.tasks import Task, carried_out

PARTS = "parts"
OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Outcome:
    """A folder of frames that was made.

    Attributes:
        manifest: what its ``manifest.json`` holds.
        known: molecules whose frames were there already.
    """

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
    on_progress: OnProgress = lambda done, total, what: None,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Fill ``out`` with ``train.npz``, ``valid.npz``, ``test.npz`` and ``manifest.json`` (``docs/training.md``).

    The frames depend on the files, the reference and the recipe, and not on ``workers`` or on where a run was cut off.

    Raises:
        BadInputError: a file, the folder or the reference cannot be used.
        ModelError: the reference cannot be loaded, or fails over and over.
    """
    with exclusive_lock(out, "makes frames in", "another folder"):
        shipped = suite_graphs()
        molecules, left_out = read_molecules(files, recipe.seed, shipped)
        pairs, pairs_left_out = _pairs(molecules, recipe, shipped)
        left_out |= pairs_left_out
        for name, why in left_out.items():
            say(f"left out: {name}: {why}")
        pool = Workers(reference)
        try:
            with pool.one() as potential:
                info = potential.info
            for molecule in molecules:
                refuse_unknown(info, molecule.structure.numbers, molecule.name)
            minima, failed = _minima(out / PARTS, molecules, reference, recipe, pool, workers, on_progress)
            tasks = _tasks(out / PARTS, molecules, minima, pairs, reference, recipe)
            known = sum(read_made(task.path) is not None for task in tasks)
            what = "molecules and pairs of elements"
            made, lost = carried_out(
                tasks, read_made, write_made, pool, workers, lambda done, total: on_progress(done, total, what)
            )
        finally:
            pool.close()
        for name, why in (failed | lost).items():
            say(f"left out: {name}: {why}")
        splits = {molecule.name: molecule.split for molecule in molecules}
        facts = {
            "command": command,
            "recipe": recipe.facts(),
            "sources": [[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in files],
            "reference": reference.spec.text,
            "level_of_theory": info.level_of_theory,
            "versions": dict(sorted(reference.versions.items())),
            "left_out": left_out | failed | lost,
        }
        parts = [(task.name, splits.get(task.name, "train"), made[task.name]) for task in tasks if task.name in made]
        stated = any(m.structure.charge or m.structure.spin > 2 for m in molecules)
        return Outcome(write_folder(out, parts, facts, stated), known)


def _minima(
    parts: Path,
    molecules: Sequence[Molecule],
    reference: Reference,
    recipe: Recipe,
    pool: Workers,
    workers: int,
    on_progress: OnProgress,
) -> tuple[dict[str, Minimum], dict[str, str]]:
    """The minimum of each molecule by its name, and the molecules that have none, with why."""
    curvature = recipe.mode > 0
    tasks = [
        Task(
            molecule.name,
            parts / f"minimum-{part_key(reference.key, 'minimum', curvature, molecule.structure)}.npz",
            _finding(molecule, curvature),
        )
        for molecule in molecules
    ]
    found, failed = carried_out(
        tasks, read_minimum, write_minimum, pool, workers, lambda done, total: on_progress(done, total, "minima")
    )
    failed |= {name: minimum.problem for name, minimum in found.items() if minimum.problem}
    return {name: minimum for name, minimum in found.items() if not minimum.problem}, failed


def _finding(molecule: Molecule, curvature: bool) -> Callable[[Potential], Minimum]:
    return lambda potential: find_minimum(molecule.structure, potential, curvature)


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


def _tasks(
    parts: Path,
    molecules: Sequence[Molecule],
    minima: Mapping[str, Minimum],
    pairs: Mapping[str, tuple[int, int]],
    reference: Reference,
    recipe: Recipe,
) -> list[Task[Made]]:
    """What is to be made, in the order in which it will stand in the files."""
    by_split = {split: [m for m in molecules if m.split == split] for split in SPLITS}
    resting = {m.name: Resting(m.structure, minima[m.name]) for m in molecules if m.name in minima}
    numbers = {field.name: repr(getattr(recipe, field.name)) for field in fields(recipe)}
    tasks = []
    for molecule in molecules:
        if molecule.name not in resting:
            continue
        drawn = partners_of(molecule.name, by_split, molecule.split, recipe.dimer, recipe.seed)
        names = [name for name in drawn if name in resting and not molecule.structure.periodic]
        structures = [resting[name].structure for name in (molecule.name, *names)]
        key = part_key(reference.key, numbers, molecule.name, *structures)
        tasks.append(Task(molecule.name, parts / f"frames-{key}.npz", _framing(molecule.name, resting, names, recipe)))
    for name, elements in pairs.items():
        key = part_key(reference.key, numbers, *name.split())
        tasks.append(Task(name, parts / f"frames-{key}.npz", _pairing(name, elements, recipe)))
    return tasks


def _framing(
    name: str, resting: dict[str, Resting], partners: Sequence[str], recipe: Recipe
) -> Callable[[Potential], Made]:
    others = [resting[partner] for partner in partners]
    return lambda potential: molecule_frames(name, resting[name], others, recipe, potential)


def _pairing(name: str, elements: tuple[int, int], recipe: Recipe) -> Callable[[Potential], Made]:
    return lambda potential: diatomic_frames(name.removeprefix("diatomic "), elements, recipe, potential)
