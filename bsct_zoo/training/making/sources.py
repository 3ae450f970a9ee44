"""The molecules that frames are made of: read, split, and none of them in a suite that is shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols

from bsct_zoo.atoms.smiles import seed_of
from bsct_zoo.atoms.sources import read_structures
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.registry import registry
from bsct_zoo.suites.suite_file import read_suite
from bsct_zoo.training.data import OLD_SPLITS, SPLITS
from bsct_zoo.training.foreign import SHARES
from bsct_zoo.training.making.graphs import canonical, graph_of, graphs_of_scan

_SHOWN = 3  # molecules that a message names
_SMILES = (".smi", ".smiles")


@dataclass(frozen=True)
class Molecule:
    """One molecule, or one geometry of it.

    Attributes:
        name: unique.
        split: "train", "valid" or "test"; all geometries of a molecule are in one.
        graph: what tells it from other molecules, see ``graphs``.
        structure: its geometry as it was given or embedded.
    """

    name: str
    split: str
    graph: str
    structure: Structure


def read_molecules(
    files: Sequence[Path], seed: int, shipped: Mapping[str, str], strict: bool = False
) -> tuple[list[Molecule], dict[str, str]]:
    """The molecules of some files, and those left out as they are among ``shipped`` (see ``suite_graphs``).

    A line of a SMILES file may name its split behind the SMILES; all other molecules are split by the seed.

    Raises:
        BadInputError: a file cannot be read, nothing is left, or a split has no molecule that it needs.
    """
    said: dict[str, str] = {}
    structures: list[Structure] = []
    left_out: dict[str, str] = {}
    for path in files:
        read = read_structures(path, seed, strict)
        found = read.structures
        left_out |= {f"{path.name}: {entry}": reason for entry, reason in read.left_out.items()}
        if path.suffix.lower() in _SMILES:
            said |= _splits_said(path)
            found = [replace(structure, name=structure.smiles) for structure in found]
        structures += found
    kept: list[Molecule] = []
    names: set[str] = set()
    for structure in structures:
        graph = graph_of(structure)
        suites = sorted({shipped[part] for part in graph.split(".") if part in shipped})
        if suites:
            left_out[structure.name] = f"it is in the suite {', '.join(suites)}"
            continue
        name = structure.name
        if name in names:
            if structure.graph is not None:  # the same SMILES again
                continue
            name = f"{name}~{len(kept)}"
        names.add(name)
        split = said.get(structure.smiles) or split_of(graph, seed)
        kept.append(Molecule(name, split, graph, structure))
    if not kept:
        raise BadInputError(f"no molecule is left to make frames of{_listed(left_out, said)}")
    marked = {molecule.graph for molecule in kept if molecule.structure.smiles in said}
    try:
        return _usable(kept, marked), left_out
    except BadInputError as error:  # what is left is not all that was given
        raise BadInputError(f"{error}{_listed(left_out, said)}") from error


def _listed(left_out: Mapping[str, str], said: Mapping[str, str]) -> str:
    """What was left out and why, with the split that its line named, to end a message with."""
    if not left_out:
        return ""
    marks = {name: f"marked {said[name]!r}, " if name in said else "" for name in left_out}
    lines = [f"{name} ({marks[name]}{why})" for name, why in left_out.items()]
    more = f", and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return f"; left out: {', '.join(lines[:_SHOWN])}{more}"


def split_of(graph: str, seed: int) -> str:
    """The split of a molecule, by the seed and itself alone: adding others never moves it."""
    draw = seed_of(seed, "split", graph) / 2**64
    if draw < SHARES["test"]:
        return "test"
    return "valid" if draw < SHARES["test"] + SHARES["valid"] else "train"


def suite_graphs() -> dict[str, str]:
    """The suite that each molecule of the suites on this machine is in, by its graph: shipped and imported ones.

    Raises:
        BadInputError: a suite cannot be read.
    """
    found: dict[str, str] = {}
    for name, source in sorted(registry().suites.items()):
        if source.path is not None:
            for scan in read_suite(Path(source.path)).scans:
                found |= dict.fromkeys(graphs_of_scan(scan), name)
    return found


def partners_of(name: str, molecules: Mapping[str, Sequence[Molecule]], split: str, count: int, seed: int) -> list[str]:
    """Names of ``count`` molecules of the same split, drawn with repetition, for dimers; no crystals.

    They have at most nine atoms; where none has, they are the smallest.
    """
    sizes = {m.name: len(m.structure.numbers) for m in molecules[split] if not m.structure.periodic}
    if not sizes:
        return []
    small = [one for one, size in sizes.items() if size <= max(9, min(sizes.values()))]
    rng = np.random.default_rng(seed_of(seed, "partners", name))
    return [small[k] for k in rng.integers(len(small), size=count)]


def _splits_said(path: Path) -> dict[str, str]:
    """The split that lines of a SMILES file name, by canonical SMILES."""
    lines = (line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    marked = [
        words
        for words in lines
        if len(words) > 1 and not words[0].startswith("#") and words[1] in {*SPLITS, *OLD_SPLITS}
    ]
    return {canonical(words[0]): OLD_SPLITS.get(words[1], words[1]) for words in marked}


def _usable(molecules: list[Molecule], marked: set[str]) -> list[Molecule]:
    """One split for all geometries of a molecule, every element among the training ones, and some to validate with.

    Where the draw has it otherwise, molecules change their split; those that the file marks do not.

    Raises:
        BadInputError: the marks forbid that, or there are too few molecules.
    """
    splits: dict[str, str] = {}
    elements: dict[str, set[int]] = {}
    for molecule in molecules:
        splits.setdefault(molecule.graph, molecule.split)
        elements[molecule.graph] = set(molecule.structure.numbers.tolist())
    if "train" not in splits.values():  # few molecules: the draw may spare none
        splits[molecules[0].graph] = "train"
    names = {molecule.graph: molecule.name for molecule in reversed(molecules)}
    for graph, split in splits.items():
        foreign = elements[graph] - _known(splits, elements)
        if foreign and graph in marked:
            symbols = ", ".join(chemical_symbols[z] for z in sorted(foreign))
            raise BadInputError(
                f"{names[graph]} is marked '{split}', but no training molecule has {symbols}; mark one 'train'"
            )
        if foreign:
            splits[graph] = "train"
    if "valid" not in splits.values():
        splits[_spare(splits, elements, marked)] = "valid"
    return [replace(molecule, split=splits[molecule.graph]) for molecule in molecules]


def _spare(splits: Mapping[str, str], elements: Mapping[str, set[int]], marked: set[str]) -> str:
    """A molecule to validate with, whose elements others have: one of the test split, or else one of the training.

    Raises:
        BadInputError: there is none.
    """
    for wanted in ("test", "train"):
        for graph in reversed([one for one, split in splits.items() if split == wanted and one not in marked]):
            others = {one: split for one, split in splits.items() if one != graph}
            if elements[graph] <= _known(others, elements):
                return graph
    raise BadInputError("no molecule can be spared to validate with; give more, or mark one 'valid' in a SMILES file")


def _known(splits: Mapping[str, str], elements: Mapping[str, set[int]]) -> set[int]:
    """Elements of the training molecules."""
    return set().union(*(elements[graph] for graph, split in splits.items() if split == "train"))
