"""Labelled frames from folders and files that ASE reads, merged into one folder for every trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from bsct_zoo.atoms.reading import checked, read_frames
from bsct_zoo.errors import BadInputError, DamagedFileError
from bsct_zoo.files import sha256
from bsct_zoo.kept import read_json
from bsct_zoo.training.data import (
    SPLITS,
    FrameSet,
    TrainingData,
    checked_frames,
    read_training_data,
)
from bsct_zoo.training.labels import LabelKeys, Labels, has_stress, is_isolated_atom, keys_of, labels_of
from bsct_zoo.training.writing import flat_arrays, write_training_data

_FEW = 2  # compositions of training frames: too few for any other molecule
SHARES = {"valid": 0.05, "test": 0.1}  # of molecules; of a file's frames of train and valid, and its compositions


def frames_folder(data: Sequence[Path], out: Path, seed: int, keys: LabelKeys = LabelKeys()) -> Path:
    """The folder of frames for ``data``: itself, or ``out/data``, made from files and folders now or before.

    Raises:
        BadInputError: there is no such source, it cannot be read, or a frame lacks a label or has an impossible value.
    """
    for path in data:
        if not path.exists():
            raise BadInputError(f"--data {path} does not exist")
    if len(data) == 1 and data[0].is_dir():
        return data[0]
    folder = out / "data"
    recipe = {"sources": [[path.name, _hash(path)] for path in data], "seed": seed, "shares": SHARES}
    recipe |= {"reader": 3, "keys": asdict(keys)}
    if not _made(folder, recipe):
        _convert(data, folder, seed, recipe, keys)
    return folder


def remarks(folder: Path, learns_stress: bool) -> list[str]:
    """What a user must know of the frames in ``folder``: which labels were read, and how far they may reach.

    ``learns_stress``: whether the trainer does.
    """
    data = read_training_data(folder)
    said = [f"labels of {name}: {' and '.join(filter(None, keys.values()))}" for name, keys in _items(data, "labels")]
    if data.train.has_stress.any() and not learns_stress:
        said.append("the stress of the frames is not learned; this trainer learns energies and forces alone")
    if atoms := data.origin.get("isolated_atoms"):
        said.append(f"reference energies: isolated atoms of {', '.join(atoms)}, which are in no split")
    said += [f"{name}: {why}" for name, why in _items(data, "unlearned")]
    first = data.train.first
    numbers = data.train.atomic_numbers
    kinds = {tuple(sorted(numbers[first[k] : first[k + 1]])) for k in range(len(data.train))}
    if len(kinds) <= _FEW:
        said.append(
            f"warning: the training frames hold {len(kinds)} composition{'s' * (len(kinds) > 1)} only; "
            "the model learns these and is not to be trusted on any other molecule"
        )
    return said


def _items(data: TrainingData, name: str) -> list[tuple[str, Any]]:
    said = data.origin.get(name, {})
    if not isinstance(said, Mapping):  # of version 0.2.0, a list of files
        return [(str(file), "its stress is not learned") for file in said]
    return list(said.items())


def _hash(path: Path) -> str:
    """Of a file; for a folder, of its manifest, which holds those of its files."""
    file = path / "manifest.json" if path.is_dir() else path
    try:
        return sha256(file)
    except OSError as error:
        raise BadInputError(f"cannot read {file} ({error.strerror}); a folder of frames has a manifest") from error


def _made(folder: Path, recipe: Mapping[str, Any]) -> bool:
    """Whether ``folder`` was made with ``recipe`` and is whole; its manifest is written last."""
    try:
        manifest = read_json(folder / "manifest.json", unsealed=True)
        whole = all(sha256(folder / name) == digest for name, digest in manifest["sha256"].items())
        return whole and bool(manifest["recipe"] == recipe)
    except (OSError, KeyError, AttributeError, DamagedFileError):
        return False


def _convert(sources: Sequence[Path], folder: Path, seed: int, recipe: Mapping[str, Any], keys: LabelKeys) -> None:
    """Write ``folder`` from files that ASE reads (extxyz, db, ...), with labels in them, and from folders of frames.

    Frames of files are split by composition: some compositions are for ``test``, of the others' frames some for
    ``valid``. With too few compositions there is no ``test``. Folders keep their splits and kinds. Reference energies
    are those of isolated atoms (``config_type=IsolatedAtom``), which are in no split; of other elements the
    least-squares fit of energies to the compositions of the training frames, over all sources, whose energies must
    have the same zero.
    """
    parts: dict[str, list[FrameSet]] = {split: [] for split in SPLITS}
    kinds: list[str] = []
    files = [path for path in sources if not path.is_dir()]
    read = _read(files, keys)
    if files:
        kinds.append("frame")
        for split, frames in _split_frames(read.frames, seed, files[0].name).items():
            parts[split].append(frames)
    levels = {"unknown"} if files else set()
    for path in (path for path in sources if path.is_dir()):
        known = read_training_data(path)
        levels.add(known.level_of_theory)
        kinds += [kind for kind in known.kinds if kind not in kinds]
        place = np.array([kinds.index(kind) for kind in known.kinds])
        for split in SPLITS:
            frames = getattr(known, split)
            if frames is not None:
                parts[split].append(replace(frames, kind=place[frames.kind]))
    merged = {split: _joined(sets) for split, sets in parts.items() if sets}
    facts = {
        "recipe": dict(recipe),
        "level_of_theory": levels.pop() if len(levels) == 1 else "unknown",
        "kinds": kinds,
        "reference_energies": reference_energies(merged["train"], read.atoms),
        "isolated_atoms": sorted(read.atoms),
        "labels": {name: asdict(one) for name, one in read.keys.items()},
        "unlearned": read.unlearned,
        "counts": {split: len(frames) for split, frames in merged.items()},
    }
    arrays = {split: frames.arrays() for split, frames in merged.items()}
    write_training_data(folder, arrays, facts, "; choose another --seed")


def _joined(sets: Sequence[FrameSet]) -> FrameSet:
    """Frames of several sets, one after the other."""
    return FrameSet(**{f.name: np.concatenate([getattr(one, f.name) for one in sets]) for f in fields(FrameSet)})


def _split_frames(labelled: Sequence[tuple[Atoms, Labels]], seed: int, where: str) -> dict[str, FrameSet]:
    frames = [atoms for atoms, _ in labelled]
    if len(frames) < 10:
        raise BadInputError(f"{len(frames)} frames are too few to train on and validate with; give ten or more")
    splits = split_by_composition([frame.get_chemical_formula() for frame in frames], seed)
    return {
        split: _flat([labelled[i] for i in chosen], f"split {split} of {where}")
        for split, chosen in splits.items()
        if chosen
    }


def split_by_composition(formulas: Sequence[str], seed: int) -> dict[str, list[int]]:
    """Frames of each split: the same for the same formulas and seed, whatever order the compositions come in."""
    random = np.random.default_rng(seed)
    compositions = sorted(set(formulas))
    n_test = int(SHARES["test"] * len(compositions))
    test = set(random.permutation(compositions)[:n_test].tolist())
    seen = [i for i, formula in enumerate(formulas) if formula not in test]
    shuffled = random.permutation(seen).tolist()
    n_valid = max(1, round(SHARES["valid"] * len(seen)))
    return {
        "train": sorted(shuffled[n_valid:]),
        "valid": sorted(shuffled[:n_valid]),
        "test": [i for i, formula in enumerate(formulas) if formula in test],
    }


def reference_energies(frames: FrameSet, known: Mapping[str, float] | None = None) -> dict[str, float]:
    """Energy in eV of an atom of each element: ``known``, else least squares of the energies on the compositions.

    It is the shortest solution if the compositions do not distinguish elements.
    """
    known = known or {}
    elements = np.unique([*frames.atomic_numbers, *(chemical_symbols.index(symbol) for symbol in known)])
    frame_of_atom = np.repeat(np.arange(len(frames)), frames.n_atoms)
    counts = np.zeros((len(frames), len(elements)))
    np.add.at(counts, (frame_of_atom, np.searchsorted(elements, frames.atomic_numbers)), 1)
    given = np.array([chemical_symbols[number] in known for number in elements])
    solution = np.array([known.get(chemical_symbols[number], 0.0) for number in elements])
    if not given.all():
        rest = frames.energy - counts @ solution
        solution[~given], *_ = np.linalg.lstsq(counts[:, ~given], rest, rcond=None)
    return {chemical_symbols[number]: float(value) for number, value in zip(elements, solution, strict=True)}


@dataclass
class _Content:
    """What files hold."""

    frames: list[tuple[Atoms, Labels]]
    atoms: dict[str, float]  # energy in eV of an isolated atom, by symbol
    keys: dict[str, LabelKeys]  # where labels were found, by file
    unlearned: dict[str, str]  # why the stress of a file, or of some of its frames, is not among the labels, by file


def _read(files: Sequence[Path], chosen: LabelKeys) -> _Content:
    """Every frame of the files with its labels; isolated atoms apart."""
    found = _Content([], {}, {}, {})
    for path in files:
        frames = read_frames(path)
        keys = found.keys[path.name] = keys_of(frames, chosen, f"{path}")
        if why := _left_out(frames, keys):
            found.unlearned[path.name] = why
        for number, atoms in enumerate(frames):
            where = f"frame {number} of {path}"
            labels = labels_of(atoms, keys, where)
            try:
                plain = checked(atoms)
            except BadInputError as error:
                raise BadInputError(f"{where}: {error}") from error
            if not is_isolated_atom(atoms):
                found.frames.append((plain, labels))
                continue
            known = found.atoms.setdefault(str(atoms.symbols[0]), labels.energy)
            if abs(known - labels.energy) > 1e-6:
                raise BadInputError(
                    f"{where}: an isolated atom of {labels.energy:g} eV, another has {known:g}; leave one"
                )
    return found


def _left_out(frames: Sequence[Atoms], keys: LabelKeys) -> str:
    """What is said of a stress that is in a file and not among its labels; empty if there is nothing to say."""
    if not any(has_stress(atoms) for atoms in frames):
        return ""
    if not keys.stress:
        return f"its stress is not learned: it does not belong to {keys.energy}; name it with --stress-key"
    open_ones = sum(has_stress(atoms) and not atoms.pbc.all() for atoms in frames)
    if not open_ones:
        return ""
    return f"the stress of {open_ones} frames is not learned: they are not periodic in three directions"


def _flat(frames: Sequence[tuple[Atoms, Labels]], where: str) -> FrameSet:
    systems = [atoms for atoms, _ in frames]
    labels = [one for _, one in frames]
    arrays = flat_arrays(systems, *([getattr(one, name) for one in labels] for name in ("energy", "forces", "stress")))
    arrays["cell"] *= arrays["pbc"][:, :, None]
    return checked_frames(arrays, where)
