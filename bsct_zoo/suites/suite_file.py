"""Suites as one file: a compressed npz of flat arrays and a JSON manifest. It cannot contain code.

Arrays hold one scan after the other, in the order of the manifest:

    manifest        JSON as bytes: name, title, level_of_theory, ..., and for each scan id, kind, group, indices,
                    labels, n_atoms, n_frames, charge, spin, notes, strained
    atomic_numbers  [sum of n_atoms]
    coordinate      [sum of n_frames]                Å
    positions       [sum of n_frames n_atoms, 3]     Å, frame by frame
    position_steps  likewise, in place of positions that have eight digits: see ``steps``
    energy          [sum of n_frames]                eV, NaN where there is no reference; absent if there is none at all
    forces          [sum of n_frames n_atoms, 3]     eV/Å, likewise
    cell, pbc       [n_scans, 3, 3] Å, [n_scans, 3]  absent if nothing is periodic
    frame_cells     [sum of n_frames of strained scans, 3, 3] Å; absent if none is

A file with ``position_steps`` is of version 3, one with strained scans of version 2, which older readers refuse; any
other is of version 1.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bsct_zoo.errors import BadInputError
from bsct_zoo.files import atomic_write, npz_bytes, opened_zip, sha256, why_no_json
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.steps import from_steps, to_steps
from bsct_zoo.suites.suite import Suite

FORMAT = "bsct-zoo-suite"
VERSION = 3
Count = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
Index = Annotated[int, msgspec.Meta(ge=0)]


class _Entry(msgspec.Struct):
    """A scan in the manifest; see ``Scan``."""

    id: str
    kind: str
    group: str
    indices: tuple[Index, ...]
    labels: list[Literal[0, 1]] | None
    n_atoms: Count
    n_frames: Count
    charge: Annotated[int, msgspec.Meta(ge=-1000, le=1000)]
    spin: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    notes: dict[str, Any] = {}
    strained: bool = False


class _Manifest(msgspec.Struct):
    """What a suite says of itself; see ``Suite``."""

    format: str
    version: int
    name: Annotated[str, msgspec.Meta(min_length=1)]
    title: str
    level_of_theory: str | None
    licence: str
    citation: str
    scans: Annotated[list[_Entry], msgspec.Meta(min_length=1)]
    made_by: dict[str, Any] = {}


class _Array(NamedTuple):
    """How an array lies in a file: its rows of one scan, the shape of a row, and what it holds."""

    rows: Callable[[_Entry], int]
    row: tuple[int, ...]
    kinds: str = "f"  # numpy's letters for what it may hold
    dtype: type = np.float64  # what it is read as


_ARRAYS = {
    "atomic_numbers": _Array(lambda scan: scan.n_atoms, (), "iu", np.int64),
    "coordinate": _Array(lambda scan: scan.n_frames, ()),
    "positions": _Array(lambda scan: scan.n_frames * scan.n_atoms, (3,)),
    "position_steps": _Array(lambda scan: scan.n_frames * scan.n_atoms, (3,), "i", np.int64),
    "energy": _Array(lambda scan: scan.n_frames, ()),
    "forces": _Array(lambda scan: scan.n_frames * scan.n_atoms, (3,)),
    "cell": _Array(lambda scan: 1, (3, 3)),
    "pbc": _Array(lambda scan: 1, (3,), "b", np.bool_),
    "frame_cells": _Array(lambda scan: scan.n_frames if scan.strained else 0, (3, 3)),
}
_FACTS = ("name", "title", "level_of_theory", "licence", "citation")
_LARGEST = 8 << 30  # bytes that a file may unpack to
_LARGEST_MANIFEST = 256 << 20
_HEADER = 4096  # upper limit of the bytes before the numbers of an array


def write_suite(path: Path, suite: Suite) -> str:
    """Write ``suite`` to ``path`` atomically; the same suite gives the same bytes. Returns the file's sha256.

    Raises:
        BadInputError: the suite has no scans, or the file cannot be written.
    """
    scans = suite.scans
    if not scans:
        raise BadInputError(f"suite '{suite.name}' has no scans; there is nothing to write")
    steps = [to_steps(scan.positions) for scan in scans]
    coded = [each for each in steps if each is not None]
    manifest = {
        "format": FORMAT,
        "version": 3 if len(coded) == len(scans) else 2 if any(scan.strained for scan in scans) else 1,
        **{name: getattr(suite, name) for name in _FACTS},
        "made_by": dict(suite.made_by),
        "scans": [_entry(scan) for scan in scans],
    }
    arrays: dict[str, NDArray[Any]] = {
        "manifest": np.frombuffer(json.dumps(manifest, ensure_ascii=False).encode(), dtype=np.uint8),
        "atomic_numbers": np.concatenate([s.atomic_numbers for s in scans]),
        "coordinate": np.concatenate([s.coordinate for s in scans]),
    }
    if len(coded) == len(scans):
        arrays["position_steps"] = np.concatenate([each.reshape(-1, 3) for each in coded])
    else:
        arrays["positions"] = np.concatenate([s.positions.reshape(-1, 3) for s in scans])
    if any(s.energy is not None for s in scans):
        energies = [np.full(s.n_frames, np.nan) if s.energy is None else s.energy for s in scans]
        forces = [np.full_like(s.positions, np.nan) if s.forces is None else s.forces for s in scans]
        arrays["energy"] = np.concatenate(energies)
        arrays["forces"] = np.concatenate([f.reshape(-1, 3) for f in forces])
    if any(any(s.pbc) for s in scans):
        arrays["cell"] = np.array([s.cell[0] if s.strained else s.cell for s in scans])
        arrays["pbc"] = np.array([s.pbc for s in scans])
    if any(s.strained for s in scans):
        arrays["frame_cells"] = np.concatenate([s.cell for s in scans if s.strained])
    content = npz_bytes(arrays)
    try:
        atomic_write(path, content)
    except OSError as error:
        raise BadInputError(f"cannot write suite {path}: {error.strerror}; choose another folder") from error
    return sha256(content)


def read_manifest(path: Path) -> _Manifest:
    """The manifest of the suite at ``path``.

    Raises:
        BadInputError: the file is missing, damaged or of another kind.
    """
    with _opened(path, path) as archive:
        return _manifest(path, archive)


def read_suite(path: Path) -> Suite:
    """Read the suite at ``path``.

    Raises:
        BadInputError: the file is missing, damaged, of another kind, or its arrays disagree.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read suite {path}: {error.strerror}") from error
    with _opened(path, io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > _LARGEST:
            raise BadInputError(f"{path} unpacks to more than {_LARGEST >> 30} GiB; it is not a suite of bsct-zoo")
        _refuse_lost_members(archive, content)
        manifest = _manifest(path, archive)
        arrays = _arrays(path, archive, manifest)
    facts = {name: getattr(manifest, name) for name in _FACTS}
    scans = tuple(_scans(path, manifest, arrays))
    if all(scan.forces is not None and not scan.strained and not np.nan_to_num(scan.forces).any() for scan in scans):
        raise BadInputError(f"suite {path}: 'forces' are zero throughout, and no reference says that")
    return Suite(**facts, scans=scans, sha256=sha256(content), made_by=manifest.made_by)


def _entry(scan: Scan) -> dict[str, Any]:
    labels = None if scan.labels is None else scan.labels.tolist()
    entry = {name: getattr(scan, name) for name in _Entry.__struct_fields__}
    entry |= {"labels": labels, "notes": dict(scan.notes)}
    return {name: value for name, value in entry.items() if value or name not in ("notes", "strained")}


# -- reading: nothing is unpacked before its size is known to match the manifest ---------------------------------

_DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError, OverflowError)


@contextmanager
def _opened(path: Path, source: Path | io.BytesIO) -> Iterator[zipfile.ZipFile]:
    try:
        with opened_zip(path, source) as archive:
            yield archive
    except _DAMAGE as error:
        raise BadInputError(f"{path} is not a suite file, or a truncated one; make or import it again") from error


def _refuse_lost_members(archive: zipfile.ZipFile, content: bytes) -> None:
    """Raise where the directory of the archive is damaged: checksums speak of what it lists, not of what it lost."""
    (count,) = struct.unpack("<H", content[-12:-10])  # of the archive's last record
    names = [info.filename.removesuffix(".npy") for info in archive.infolist()]
    if count != len(names) or len(set(names)) != count or not set(names) <= {"manifest", *_ARRAYS}:
        raise zipfile.BadZipFile("the directory does not list what is there")


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """An array, with memory for its actual bytes, not for those that its header claims."""
    file = io.BytesIO(archive.read(f"{name}.npy"))
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_column, dtype = header(file)
    if dtype.hasobject:
        raise ValueError(f"'{name}' holds pickles")
    return np.frombuffer(file.read(), dtype).reshape(shape, order="F" if by_column else "C")


def _manifest(path: Path, archive: zipfile.ZipFile) -> _Manifest:
    if "manifest.npy" not in archive.namelist():
        raise BadInputError(f"{path} is not a suite file: it has no manifest")
    if archive.getinfo("manifest.npy").file_size > _LARGEST_MANIFEST:
        raise BadInputError(f"{path} is not a suite file: its manifest is too large")
    content = _array(archive, "manifest").tobytes()
    try:
        found = msgspec.json.decode(content)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise BadInputError(f"{path} is not a suite file of bsct-zoo")
        version = found.get("version")
        if type(version) is not int or not 1 <= version <= VERSION:
            raise BadInputError(f"{path} has version {version}; this bsct-zoo reads versions 1 to {VERSION}")
        return msgspec.convert(found, _Manifest)
    except (ValueError, RecursionError) as error:
        typed = isinstance(error, msgspec.ValidationError) and "out of range" not in str(error)
        why = str(error) if typed else why_no_json(content, error)
        raise BadInputError(f"suite {path}: its manifest is incomplete or wrong: {why}") from error


def _arrays(path: Path, archive: zipfile.ZipFile, manifest: _Manifest) -> dict[str, NDArray[Any]]:
    present = set(archive.namelist())
    where = "position_steps" if "position_steps.npy" in present else "positions"
    arrays: dict[str, NDArray[Any]] = {}
    for name, kind in _ARRAYS.items():
        shape = (sum(map(kind.rows, manifest.scans)), *kind.row)
        if f"{name}.npy" not in present:
            if name in ("atomic_numbers", "coordinate", where) or (name == "frame_cells" and shape[0]):
                raise BadInputError(f"suite {path} has no array '{name}'")
            continue
        size = archive.getinfo(f"{name}.npy").file_size
        if size > 8 * prod(shape) + _HEADER:
            raise BadInputError(f"suite {path}: '{name}' unpacks to {size} bytes, too many for shape {shape}")
        array = _array(archive, name)
        if array.shape != shape:
            raise BadInputError(f"suite {path}: '{name}' has shape {array.shape}, its manifest says {shape}")
        if array.dtype.kind not in kind.kinds:
            raise BadInputError(f"suite {path}: '{name}' holds {array.dtype}, expected {np.dtype(kind.dtype)}")
        arrays[name] = array.astype(kind.dtype)
    if not np.isin(arrays["atomic_numbers"], np.arange(1, 119)).all():
        raise BadInputError(f"suite {path}: 'atomic_numbers' holds invalid atomic numbers")
    if "pbc" in arrays and "cell" not in arrays:
        raise BadInputError(f"suite {path} has 'pbc' but no 'cell'; make it again")
    for name in ("cell", "frame_cells"):
        if name in arrays and not np.isfinite(arrays[name]).all():
            raise BadInputError(f"suite {path}: '{name}' holds something that is not a number")
    return arrays


def _scans(path: Path, manifest: _Manifest, arrays: dict[str, NDArray[Any]]) -> Iterator[Scan]:
    ends = {name: np.cumsum([*map(_ARRAYS[name].rows, manifest.scans)]) for name in arrays}
    parts = {name: np.split(array, ends[name][:-1]) for name, array in arrays.items()}
    for number, entry in enumerate(manifest.scans):
        if any(i >= entry.n_atoms for i in entry.indices):
            indices, n = list(entry.indices), entry.n_atoms
            raise BadInputError(f"suite {path}: scan {entry.id} has indices {indices}, but {n} atoms")
        flags = entry.notes.get("flags", [])
        if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
            raise BadInputError(f"suite {path}: flags of scan {entry.id} must be a list of texts")
        hard = entry.notes.get("fallback_frames", [])
        if not isinstance(hard, list) or not all(type(f) is int and 0 <= f < entry.n_frames for f in hard):
            raise BadInputError(f"suite {path}: fallback_frames of scan {entry.id} must be a list of its frames")
        own = {name: part[number] for name, part in parts.items()}
        energy, forces = own.get("energy"), own.get("forces")
        if energy is not None and forces is not None and np.isnan(energy).all() and np.isnan(forces).all():
            energy = forces = None  # others of the suite have a reference, this one has none
        shape = (entry.n_frames, entry.n_atoms, 3)
        coded = "position_steps" in own
        cell = own["cell"][0] if "cell" in own else np.zeros((3, 3))
        yield Scan(
            **{name: getattr(entry, name) for name in ("id", "kind", "group", "indices", "charge", "spin", "notes")},
            atomic_numbers=own["atomic_numbers"],
            coordinate=own["coordinate"],
            positions=from_steps(own["position_steps"].reshape(shape)) if coded else own["positions"].reshape(shape),
            energy=energy,
            forces=None if forces is None else forces.reshape(shape),
            labels=None if entry.labels is None else np.array(entry.labels, dtype=np.int64),
            cell=own["frame_cells"] if entry.strained else cell,
            pbc=tuple(own["pbc"][0].tolist()) if "pbc" in own else (False, False, False),
        )
