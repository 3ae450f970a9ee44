"""What is made of one molecule, as one file that is whole or not there: a run that was cut off goes on from those."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from bsct_zoo import files
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.training.making.frames import Frame, Made
from bsct_zoo.training.making.minimum import Minimum

VERSION = 1  # of how frames are made; another one makes them all again


def part_key(*words: object) -> str:
    """A name for what is made of ``words``; structures count by what a reference sees of them."""
    digest = hashlib.sha256(str(VERSION).encode())
    for word in words:
        if isinstance(word, Structure):
            for array in (word.numbers, word.positions, word.cell):
                digest.update(np.ascontiguousarray(array).tobytes())
            digest.update(repr((word.pbc, word.charge, word.spin, word.bonds)).encode())
        else:
            digest.update(repr(word).encode())
    return digest.hexdigest()[:24]


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A compressed npz: the same bytes for the same arrays, whenever and by whomever it is written."""
    return files.npz_bytes({name: arrays[name] for name in sorted(arrays)})


def write_minimum(path: Path, minimum: Minimum) -> None:
    """Keep a minimum."""
    facts = np.frombuffer(minimum.problem.encode(), dtype=np.uint8)
    arrays: dict[str, NDArray[Any]] = {"positions": minimum.positions, "hessian": minimum.hessian, "problem": facts}
    files.atomic_write(path, npz_bytes(arrays))


def read_minimum(path: Path) -> Minimum | None:
    """What ``write_minimum`` kept; None if there is none that can be read."""
    found = _read(path)
    if found is None:
        return None
    return Minimum(found["positions"], found["hessian"], found["problem"].tobytes().decode())


def write_made(path: Path, made: Made) -> None:
    """Keep the frames of one molecule."""
    facts = np.frombuffer(json.dumps(made.dropped).encode(), dtype=np.uint8)
    files.atomic_write(path, npz_bytes({**(flat(made.frames) if made.frames else {}), "dropped": facts}))


def read_made(path: Path) -> Made | None:
    """What ``write_made`` kept; None if there is none that can be read."""
    found = _read(path)
    if found is None:
        return None
    dropped = Counter[str](json.loads(found["dropped"].tobytes()))
    if "energy" not in found:
        return Made([], dropped)
    cuts = np.cumsum(found["n_atoms"])[:-1]
    numbers, positions, forces = (np.split(found[k], cuts) for k in ("atomic_numbers", "positions", "forces"))
    frames = []
    for k, (z, x, f) in enumerate(zip(numbers, positions, forces, strict=True)):
        atoms = Atoms(z, x, cell=found["cell"][k], pbc=found["pbc"][k])
        atoms.info.update(charge=int(found["charge"][k]), spin=int(found["spin"][k]))
        frames.append(Frame(int(found["kind"][k]), atoms, float(found["energy"][k]), f))
    return Made(frames, dropped)


def flat(frames: Sequence[Frame]) -> dict[str, NDArray[Any]]:
    """Frames as flat arrays, frame after frame, as ``training.data.FrameSet`` has them."""
    systems = [frame.atoms for frame in frames]
    return {
        "n_atoms": np.array([len(atoms) for atoms in systems], dtype=np.int64),
        "atomic_numbers": np.concatenate([atoms.numbers for atoms in systems]).astype(np.int64),
        "positions": np.concatenate([atoms.positions for atoms in systems]).astype(np.float64),
        "energy": np.array([frame.energy for frame in frames], dtype=np.float64),
        "forces": np.concatenate([frame.forces for frame in frames]).astype(np.float64),
        "kind": np.array([frame.kind for frame in frames], dtype=np.int8),
        "cell": np.array([np.asarray(atoms.cell) for atoms in systems], dtype=np.float64),
        "pbc": np.array([atoms.pbc for atoms in systems], dtype=bool),
        "charge": np.array([atoms.info["charge"] for atoms in systems], dtype=np.int64),
        "spin": np.array([atoms.info["spin"] for atoms in systems], dtype=np.int64),
    }


def _read(path: Path) -> dict[str, NDArray[Any]] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
