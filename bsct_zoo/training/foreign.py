"""Labelled frames from folders and files that ASE reads, merged into one folder for every trainer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from bsct_zoo.errors import BadInputError
from bsct_zoo.files import atomic_write, json_bytes, npz_bytes, sha256
from bsct_zoo.training.data import SPLITS, FrameSet, checked_frames, flat_arrays, read_training_data

# Where tools put labels: in ``info`` and ``arrays`` of a frame; a calculator's results come before them.
ENERGY_KEYS = ("REF_energy", "energy", "dft_energy", "total_energy", "E")
FORCES_KEYS = ("REF_forces", "forces", "dft_forces", "force", "F")
SHARES = {"valid": 0.05, "test": 0.1}  # of molecules; of a file's frames of train and valid, and its compositions

_Labels = tuple[float, np.ndarray]  # energy in eV, forces [n_atoms, 3] in eV/Å


def frames_folder(data: Sequence[Path], out: Path, seed: int) -> Path:
    """The folder of frames for ``data``: itself, or ``out/data``, made from files and folders now or before.

    Raises:
        BadInputError: no such folder or file, or they cannot be used.
    """
    for path in data:
        if not path.exists():
            raise BadInputError(f"--data {path} does not exist")
    if len(data) == 1 and data[0].is_dir():
        return data[0]
    folder = out / "data"
    recipe = {"sources": [[path.name, _hash(path)] for path in data], "seed": seed, "shares": SHARES}
    if not _made(folder, recipe):
        convert(data, folder, seed, recipe)
    return folder


def _hash(path: Path) -> str:
    """Of a file; for a folder, of its manifest, which holds those of its files."""
    file = path / "manifest.json" if path.is_dir() else path
    try:
        return sha256(file)
    except OSError as error:
        raise BadInputError(f"cannot read {file} ({error.strerror}); a folder of frames has a manifest") from error


def _made(folder: Path, recipe: Mapping[str, Any]) -> bool:
    """Whether ``folder`` was made with ``recipe``; its manifest is written last."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        return bool(manifest["recipe"] == recipe)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def convert(sources: Sequence[Path], folder: Path, seed: int, recipe: Mapping[str, Any]) -> None:
    """Write ``folder`` from files that ASE reads (extxyz, db, ...), with labels in them, and from folders of frames.

    Frames of files are split by composition: some compositions are for ``test``, of the others' frames some for
    ``valid``. With too few compositions there is no ``test``. Folders keep their splits and kinds. Reference energies
    are the least-squares fit of energies to the compositions of the training frames, over all sources, whose energies
    must have the same zero.

    Raises:
        BadInputError: a source cannot be read, or a frame lacks a label or has an impossible value.
    """
    parts: dict[str, list[FrameSet]] = {split: [] for split in SPLITS}
    kinds: list[str] = []
    files = [path for path in sources if not path.is_dir()]
    if files:
        kinds.append("frame")
        for split, frames in _split_files(files, seed).items():
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
    merged = {split: joined(sets) for split, sets in parts.items() if sets}
    references = reference_energies(merged["train"])
    for split, frames in merged.items():
        if foreign := {chemical_symbols[z] for z in frames.elements} - references.keys():
            raise BadInputError(f"{', '.join(sorted(foreign))}: only in frames of '{split}'; choose another --seed")
    arrays = {split: npz_bytes(vars(frames)) for split, frames in merged.items()}
    for split, content in arrays.items():
        atomic_write(folder / f"{split}.npz", content)
    if "test" not in arrays:
        (folder / "test.npz").unlink(missing_ok=True)
    manifest = {
        "recipe": dict(recipe),
        "level_of_theory": levels.pop() if len(levels) == 1 else "unknown",
        "kinds": kinds,
        "reference_energies": references,
        "counts": {split: len(frames) for split, frames in merged.items()},
        "sha256": {f"{split}.npz": sha256(content) for split, content in arrays.items()},
    }
    atomic_write(folder / "manifest.json", json_bytes(manifest))


def joined(sets: Sequence[FrameSet]) -> FrameSet:
    """Frames of several sets, one after the other."""
    return FrameSet(**{f.name: np.concatenate([getattr(one, f.name) for one in sets]) for f in fields(FrameSet)})


def _split_files(files: Sequence[Path], seed: int) -> dict[str, FrameSet]:
    labelled = [pair for path in files for pair in _read(path)]
    frames = [atoms for atoms, _ in labelled]
    if len(frames) < 10:
        raise BadInputError(f"{len(frames)} frames are too few to train on and validate with; give ten or more")
    splits = split_by_composition([frame.get_chemical_formula() for frame in frames], seed)
    return {
        split: _flat([labelled[i] for i in chosen], f"split {split} of {files[0].name}")
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


def reference_energies(frames: FrameSet) -> dict[str, float]:
    """Energy in eV of an atom of each element: least squares of the energies on the compositions.

    It is the shortest solution if the compositions do not distinguish elements.
    """
    elements = np.unique(frames.atomic_numbers)
    frame_of_atom = np.repeat(np.arange(len(frames)), frames.n_atoms)
    counts = np.zeros((len(frames), len(elements)))
    np.add.at(counts, (frame_of_atom, np.searchsorted(elements, frames.atomic_numbers)), 1)
    solution, *_ = np.linalg.lstsq(counts, frames.energy, rcond=None)
    return {chemical_symbols[number]: float(value) for number, value in zip(elements, solution, strict=True)}


def _read(path: Path) -> list[tuple[Atoms, _Labels]]:
    """Every frame of a file with its labels."""
    from ase.io import read

    try:
        content = read(path, index=":")
    except Exception as error:  # a reader of another format may raise anything
        text = " ".join(str(error).split())[:200]
        raise BadInputError(f"ASE cannot read {path} ({type(error).__name__}: {text})") from error
    frames = list(content) if isinstance(content, list) else [content]
    return [(atoms, _labels(atoms, f"frame {k} of {path}")) for k, atoms in enumerate(frames)]


def _labels(atoms: Atoms, where: str) -> _Labels:
    """Energy in eV and forces [n_atoms, 3] in eV/Å of a frame."""
    results: dict[str, Any] = dict(getattr(atoms.calc, "results", None) or {})
    energy: Any = results.get("energy")
    forces: Any = results.get("forces")
    for key in ENERGY_KEYS:
        energy = atoms.info.get(key) if energy is None else energy
    for key in FORCES_KEYS:
        forces = atoms.arrays.get(key) if forces is None else forces
    for what, value, keys in (("energy", energy, ENERGY_KEYS), ("forces", forces, FORCES_KEYS)):
        if value is None:
            raise BadInputError(f"{where} has no {what}; looked for {', '.join(keys)} and a calculator's results")
    try:
        labels = float(energy), np.asarray(forces, dtype=np.float64).reshape(len(atoms), 3)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{where}: energy must be one number, forces three for each atom ({error})") from error
    for what, value in zip(("energy", "forces"), labels, strict=True):
        if not np.isfinite(np.asarray(value)).all():
            raise BadInputError(f"{where}: its {what} is not finite; leave the frame out")
    return labels


def _flat(frames: Sequence[tuple[Atoms, _Labels]], where: str) -> FrameSet:
    systems, labels = zip(*frames, strict=True)
    arrays = flat_arrays(systems, *zip(*labels, strict=True))
    arrays["cell"] *= arrays["pbc"][:, :, None]
    return checked_frames(arrays, where)
