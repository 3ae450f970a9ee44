"""Labelled frames: read once, checked, and batched in the same way for every family.

A folder holds ``train.npz``, ``valid.npz`` and perhaps ``test.npz`` (molecules that no other file has), and
``manifest.json`` (``docs/training.md`` has the format). ``writing`` writes such a folder, ``foreign`` makes one from
files of ASE.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase.data import atomic_numbers as number_of
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.files import opened_zip, sha256
from bsct_zoo.kept import read_json

SPLITS = ("train", "valid", "test")
OLD_SPLITS = {"unseen": "test"}  # spellings of 0.1
# Shape of each array for F frames and A atoms in all of them, and its type once read.
_ARRAYS: dict[str, tuple[str, tuple[int, ...], type]] = {
    "n_atoms": ("F", (), np.int64),
    "atomic_numbers": ("A", (), np.int64),
    "positions": ("A", (3,), np.float64),
    "energy": ("F", (), np.float64),
    "forces": ("A", (3,), np.float64),
    "kind": ("F", (), np.int64),
    "cell": ("F", (3, 3), np.float64),
    "pbc": ("F", (3,), np.bool_),
    "charge": ("F", (), np.int64),
    "spin": ("F", (), np.int64),
    "stress": ("F", (3, 3), np.float64),
}
_DAMAGE = (OSError, ValueError, KeyError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)
_MAY_LACK = {"kind": 0, "cell": 0, "pbc": 0, "charge": 0, "spin": 1, "stress": np.nan}  # with their defaults


@dataclass(frozen=True)
class FrameSet:
    """Labelled frames of one split, as flat arrays, frame after frame.

    Attributes:
        n_atoms: [n_frames] int64.
        atomic_numbers: [total_atoms] int64.
        positions: [total_atoms, 3] Å.
        energy: [n_frames] total energy in eV.
        forces: [total_atoms, 3] eV/Å.
        kind: [n_frames] int64, an index into ``TrainingData.kinds``.
        cell: [n_frames, 3, 3] Å, zero where not periodic.
        pbc: [n_frames, 3] bool.
        charge: [n_frames] e.
        spin: [n_frames] multiplicity 2S+1.
        stress: [n_frames, 3, 3] eV/Å³ with ASE's sign; NaN for frames without one.
    """

    n_atoms: np.ndarray
    atomic_numbers: np.ndarray
    positions: np.ndarray
    energy: np.ndarray
    forces: np.ndarray
    kind: np.ndarray
    cell: np.ndarray
    pbc: np.ndarray
    charge: np.ndarray
    spin: np.ndarray
    stress: np.ndarray

    def __len__(self) -> int:
        return len(self.n_atoms)

    @property
    def elements(self) -> set[int]:
        """Atomic numbers of all frames."""
        return set(self.atomic_numbers.tolist())

    @property
    def first(self) -> np.ndarray:
        """[n_frames + 1] row of each frame's first atom, and the end."""
        return np.concatenate([[0], np.cumsum(self.n_atoms)])

    @property
    def has_stress(self) -> np.ndarray:
        """[n_frames] bool."""
        known: np.ndarray = np.isfinite(self.stress).all(axis=(1, 2))
        return known

    @property
    def state(self) -> np.ndarray:
        """[n_frames, 2] charge in e, and whether more electrons are unpaired than their number asks for."""
        electrons = np.add.reduceat(self.atomic_numbers, self.first[:-1]) - self.charge
        return np.stack([self.charge, self.spin > 1 + electrons % 2], axis=1)

    @property
    def states(self) -> list[tuple[int, int]]:
        """Charges in e and multiplicities of all frames, in pairs, each once."""
        return sorted(set(zip(self.charge.tolist(), self.spin.tolist(), strict=True)))

    def rows(self, indices: Sequence[int]) -> np.ndarray:
        """Rows of the atoms of some frames, in the order of ``indices``."""
        first = self.first
        return np.concatenate([np.arange(first[i], first[i + 1]) for i in indices])

    def take(self, indices: Sequence[int]) -> FrameSet:
        """Some frames, at least one, in the order of ``indices``."""
        chosen = {"F": np.asarray(indices), "A": self.rows(indices)}
        return FrameSet(**{name: getattr(self, name)[chosen[along]] for name, (along, _, _) in _ARRAYS.items()})

    def batch(
        self, indices: Sequence[int], dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
    ) -> tuple[AtomsBatch, Tensor, Tensor]:
        """Systems, total energies [n_systems] (float64: -1e4 eV does not fit float32) and forces [n_atoms, 3]."""
        rows, chosen = self.rows(indices), np.asarray(indices)
        batch = AtomsBatch.from_arrays(
            self.positions[rows],
            self.atomic_numbers[rows],
            self.n_atoms[chosen],
            cell=self.cell[chosen],
            pbc=self.pbc[chosen],
            charge=self.charge[chosen],
            spin=self.spin[chosen],
            dtype=dtype,
            device=device,
        )
        energy = torch.tensor(self.energy[chosen], device=device)
        return batch, energy, torch.tensor(self.forces[rows], dtype=dtype, device=device)

    def strain_gradients(
        self, indices: Sequence[int], dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
    ) -> Tensor | None:
        """[n_systems, 3, 3] derivative of the energy by strain in eV: volume times stress; NaN where none is known.

        None if it is known for none of the frames.
        """
        chosen = np.asarray(indices)
        if not np.isfinite(self.stress[chosen, 0, 0]).any():
            return None
        volume = np.abs(np.linalg.det(self.cell[chosen]))
        return torch.tensor(volume[:, None, None] * self.stress[chosen], dtype=dtype, device=device)

    def arrays(self) -> dict[str, np.ndarray]:
        """All that a file must hold: without the stress where no frame has one."""
        return {name: value for name, value in vars(self).items() if name != "stress" or self.has_stress.any()}


@dataclass(frozen=True)
class TrainingData:
    """The data of a training run.

    Attributes:
        train: training frames.
        valid: validation frames, of the same molecules or, better, of others.
        test: frames of molecules that neither of the others has, if there are any; no trainer uses them.
        reference_energies: energy in eV of an atom by atomic number, ascending; a model learns the remainder.
        kinds: names of the kinds of frames.
        level_of_theory: of the labels, e.g. "GFN2-xTB (Te=3000 K)".
        sha256: of each file.
        origin: of frames that were read from files: names of their labels ("labels"), elements with an isolated atom
            ("isolated_atoms"), files with a stress that nobody can learn ("unlearned").
    """

    train: FrameSet
    valid: FrameSet
    test: FrameSet | None
    reference_energies: Mapping[int, float]
    kinds: tuple[str, ...]
    level_of_theory: str
    sha256: Mapping[str, str]
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def splits(self) -> tuple[FrameSet, ...]:
        """Those that are there."""
        return (self.train, self.valid) if self.test is None else (self.train, self.valid, self.test)

    @property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers, ascending."""
        return tuple(self.reference_energies)

    def of_one_state(self) -> TrainingData:
        """Frames of the commonest state of the training frames alone, for models that cannot tell states apart.

        Raises:
            BadInputError: no validation frame is in it.
        """
        states, counts = np.unique(self.train.state, axis=0, return_counts=True)
        commonest = states[counts.argmax()]
        if all((frames.state == commonest).all() for frames in self.splits):
            return self

        def alike(frames: FrameSet | None) -> FrameSet | None:
            indices = [] if frames is None else np.flatnonzero((frames.state == commonest).all(axis=1)).tolist()
            return frames.take(indices) if frames is not None and indices else None

        train, valid = alike(self.train), alike(self.valid)
        if train is None or valid is None:
            raise BadInputError(
                f"no validation frame has a charge of {commonest[0]}, as most training frames have; "
                "validate on molecules of that charge"
            )
        return replace(self, train=train, valid=valid, test=alike(self.test))

    def reference_table(self) -> Tensor:
        """[119] reference energy in eV by atomic number, float64; zero for an element that no frame has."""
        table = torch.zeros(119, dtype=torch.float64)
        table[list(self.reference_energies)] = torch.tensor(list(self.reference_energies.values()), dtype=torch.float64)
        return table


class SizedBatches:
    """Batches of frames of similar size, filled by atoms; one pass over it is one epoch.

    With a ``seed`` the order changes from epoch to epoch, and is the same for the same seed and ``epoch``, so that an
    interrupted run can resume in it. Without a seed, frames come once each, sorted by size.
    """

    def __init__(self, n_atoms: np.ndarray, batch_atoms: int, seed: int | None = None) -> None:
        """``batch_atoms``: atoms that a batch may hold; a larger frame is a batch of its own."""
        self.n_atoms, self.batch_atoms, self.seed, self.epoch = n_atoms, batch_atoms, seed, 0

    def __iter__(self) -> Iterator[list[int]]:
        order, noise = np.arange(len(self.n_atoms)), np.zeros(len(self.n_atoms))
        random = None
        if self.seed is not None:
            random = np.random.default_rng((self.seed, self.epoch))
            order = random.permutation(len(order))
            noise = random.uniform(-2, 2, len(order))  # so that the same frames do not always share a batch
        self.epoch += 1
        order = order[np.argsort(self.n_atoms[order] + noise, kind="stable")]
        batches: list[list[int]] = [[]]
        filled = 0
        for index in order.tolist():
            if batches[-1] and filled + self.n_atoms[index] > self.batch_atoms:
                batches.append([])
                filled = 0
            batches[-1].append(index)
            filled += int(self.n_atoms[index])
        if random is not None:
            random.shuffle(batches)
        yield from batches


def batch_stream(batches: SizedBatches, first: int = 0) -> Iterator[list[int]]:
    """Batches of epoch after epoch without end, from number ``first``, where an interrupted run resumes."""
    batches.epoch, number = 0, 0
    while True:
        for batch in batches:
            if number >= first:
                yield batch
            number += 1


def read_training_data(folder: Path, one_state: bool = False) -> TrainingData:
    """The frames in ``folder``; with ``one_state`` those of the commonest state alone (``TrainingData.of_one_state``).

    Raises:
        BadInputError: a file is missing, damaged or not the one that the manifest names, an array is missing or of
            the wrong shape, a number is not finite, or an element has no reference energy.
    """
    manifest = _manifest(folder)
    references = _references(folder, manifest)
    kinds = manifest.get("kinds", ["frame"])
    if not isinstance(kinds, list) or not kinds:
        raise BadInputError(f"{folder / 'manifest.json'}: 'kinds' must be a list of names")
    hashes = manifest.get("sha256") or {}
    splits: dict[str, FrameSet] = {}
    digests: dict[str, str] = {}
    for split in SPLITS:
        path = _split_file(folder, split)
        if not path.exists():
            if split == "test":
                continue
            raise BadInputError(f"{folder} has no {split}.npz; training needs train.npz and valid.npz")
        digests[path.name] = sha256(path)
        if hashes.get(path.name, digests[path.name]) != digests[path.name]:
            raise BadInputError(
                f"{path} is not the file that manifest.json names (sha256 differs); make the data again"
            )
        splits[split] = _read_frames(path, len(kinds))
        foreign = sorted(splits[split].elements - references.keys())
        if foreign:
            raise BadInputError(f"{path}: elements {foreign} have no reference energy in manifest.json; add them")
    data = TrainingData(
        splits["train"],
        splits["valid"],
        splits.get("test"),
        references,
        tuple(str(kind) for kind in kinds),
        _level_of_theory(manifest),
        digests,
        {name: manifest[name] for name in ("labels", "isolated_atoms", "unlearned") if manifest.get(name)},
    )
    return data.of_one_state() if one_state else data


def _split_file(folder: Path, split: str) -> Path:
    """The file of a split, under its name of version 0.1 if only that one exists."""
    names = [split, *(old for old, new in OLD_SPLITS.items() if new == split)]
    paths = [folder / f"{name}.npz" for name in names]
    return next((path for path in paths if path.exists()), paths[0])


def _manifest(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise BadInputError(f"no such folder: {folder}")
    path = folder / "manifest.json"
    try:
        return read_json(path, unsealed=True)
    except OSError as error:
        raise BadInputError(f"cannot read {path} ({error.strerror}); frames need a manifest beside them") from error


def _references(folder: Path, manifest: Mapping[str, Any]) -> dict[int, float]:
    """Reference energies by atomic number, ascending."""
    path, energies = folder / "manifest.json", manifest.get("reference_energies")
    if not isinstance(energies, dict) or not energies:
        raise BadInputError(f"{path} has no 'reference_energies' (eV by chemical symbol)")
    unknown = [symbol for symbol in energies if number_of.get(symbol, 0) < 1]
    if unknown:
        raise BadInputError(f"{path}: '{unknown[0]}' in 'reference_energies' is not a chemical symbol")
    values = energies.values()
    if not all(type(value) in (int, float) and abs(value) < 1e18 for value in values):
        raise BadInputError(f"{path}: every reference energy must be a number in eV")
    return dict(sorted((int(number_of[symbol]), float(value)) for symbol, value in energies.items()))


def _level_of_theory(manifest: Mapping[str, Any]) -> str:
    if "level_of_theory" in manifest:
        return str(manifest["level_of_theory"])
    settings, method = manifest.get("settings"), str(manifest.get("method", "unknown"))
    temperature = settings.get("electronic_temperature") if isinstance(settings, dict) else None
    return f"{method} (Te={temperature:g} K)" if isinstance(temperature, int | float) else method


def _read_frames(path: Path, n_kinds: int) -> FrameSet:
    try:
        with opened_zip(path, path), np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in _ARRAYS if name in file.files}
    except (*_DAMAGE, AttributeError) as error:
        raise BadInputError(f"{path} is not an .npz of plain arrays, or a damaged one: {error}") from error
    missing = [name for name in _ARRAYS if name not in arrays and name not in _MAY_LACK]
    if missing:
        raise BadInputError(f"{path} lacks {', '.join(missing)}; it needs {', '.join(set(_ARRAYS) - set(_MAY_LACK))}")
    return checked_frames(arrays, str(path), n_kinds)


def checked_frames(raw: Mapping[str, np.ndarray], where: str, n_kinds: int = 1) -> FrameSet:
    """Arrays as frames, if they are valid; optional ones are filled in.

    Raises:
        BadInputError: an array has a wrong shape or type, or an impossible value; names ``where``.
    """
    n_atoms = np.asarray(raw["n_atoms"])
    if n_atoms.ndim != 1 or n_atoms.dtype.kind not in "iu" or not len(n_atoms) or n_atoms.min() < 1:
        raise BadInputError(f"{where}: 'n_atoms' must be whole numbers of one or more, one for each frame")
    sizes = {"F": len(n_atoms), "A": int(n_atoms.sum())}
    arrays: dict[str, np.ndarray] = {}
    for name, (along, rest, kind) in _ARRAYS.items():
        shape = (sizes[along], *rest)
        array = np.asarray(raw[name]) if name in raw else np.full(shape, _MAY_LACK[name])
        if array.shape != shape:
            raise BadInputError(f"{where}: '{name}' has shape {list(array.shape)}, expected {list(shape)}")
        if array.dtype.kind not in ("f" if kind is np.float64 else "") + "iub":
            raise BadInputError(f"{where}: '{name}' holds {array.dtype}, expected {kind.__name__}")
        finite = np.isfinite(array)
        if name == "stress":  # that of a frame is there or not
            finite |= np.isnan(array).all(axis=(1, 2), keepdims=True)
        if not finite.all():
            frame = int(np.argwhere(~finite)[0][0])
            if along == "A":
                frame = int(np.searchsorted(np.cumsum(n_atoms), frame, side="right"))
            raise BadInputError(f"{where}: '{name}' of frame {frame} is not finite; leave the frame out")
        arrays[name] = array.astype(kind)
    open_ones = np.isfinite(arrays["stress"]).all(axis=(1, 2)) & ~arrays["pbc"].all(axis=1)
    if open_ones.any():
        raise BadInputError(
            f"{where}: frame {int(np.argmax(open_ones))} has a stress, but is not periodic in three directions"
        )
    numbers, kinds = arrays["atomic_numbers"], arrays["kind"]
    if numbers.min() < 1 or numbers.max() > 118:
        raise BadInputError(f"{where}: 'atomic_numbers' must be from 1 to 118")
    if kinds.min() < 0 or kinds.max() >= n_kinds:
        raise BadInputError(f"{where}: 'kind' {kinds.max()} has no name in the manifest's 'kinds'")
    return FrameSet(**arrays)
