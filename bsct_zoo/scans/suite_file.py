"""Suites as one file: a compressed npz of flat arrays and a JSON manifest. Nothing in it can execute.

Arrays stand one scan after the other, in the order of the manifest:

    manifest        JSON as bytes: name, title, level_of_theory, ..., and for each scan id, kind, group, indices,
                    labels, n_atoms, n_frames, charge, spin
    atomic_numbers  [sum of n_atoms]
    coordinate      [sum of n_frames]                Å
    positions       [sum of n_frames n_atoms, 3]     Å, frame by frame
    energy          [sum of n_frames]                eV, NaN where the reference failed; absent without a reference
    forces          [sum of n_frames n_atoms, 3]     eV/Å, likewise
    cell, pbc       [n_scans, 3, 3] Å, [n_scans, 3]  absent if nothing is periodic
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.errors import BadInputError
from bsct_zoo.scans.scan import Scan
from bsct_zoo.scans.suite import Suite

FORMAT = "bsct-zoo-suite"
VERSION = 1
_LARGEST = 8 << 30  # bytes that an array may unpack to


def write_suite(path: Path, suite: Suite) -> str:
    """Write ``suite`` to ``path`` in one step; the same suite gives the same bytes. Returns the file's sha256."""
    scans = suite.scans
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "name": suite.name,
        "title": suite.title,
        "level_of_theory": suite.level_of_theory,
        "licence": suite.licence,
        "citation": suite.citation,
        "made_by": dict(suite.made_by),
        "scans": [_entry(scan) for scan in scans],
    }
    arrays: dict[str, NDArray[Any]] = {
        "manifest": np.frombuffer(json.dumps(manifest, ensure_ascii=False).encode(), dtype=np.uint8),
        "atomic_numbers": np.concatenate([s.atomic_numbers for s in scans]),
        "coordinate": np.concatenate([s.coordinate for s in scans]),
        "positions": np.concatenate([s.positions.reshape(-1, 3) for s in scans]),
    }
    if all(s.energy is not None for s in scans):
        arrays["energy"] = np.concatenate([s.energy for s in scans if s.energy is not None])
        arrays["forces"] = np.concatenate([s.forces.reshape(-1, 3) for s in scans if s.forces is not None])
    if any(any(s.pbc) for s in scans):
        arrays["cell"], arrays["pbc"] = np.array([s.cell for s in scans]), np.array([s.pbc for s in scans])
    content = _npz(arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return hashlib.sha256(content).hexdigest()


def read_suite(path: Path) -> Suite:
    """Read the suite at ``path``.

    Raises:
        BadInputError: the file is missing, damaged, of another kind, or its arrays disagree.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read suite {path}: {error.strerror}") from error
    arrays = _arrays(path, content)
    manifest = _manifest(path, arrays)
    try:
        scans = _scans(path, manifest, arrays)
        return Suite(
            name=manifest["name"],
            title=manifest["title"],
            level_of_theory=manifest["level_of_theory"],
            licence=manifest["licence"],
            citation=manifest["citation"],
            scans=tuple(scans),
            sha256=hashlib.sha256(content).hexdigest(),
            made_by=manifest.get("made_by", {}),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"suite {path}: its manifest is incomplete ({type(error).__name__}: {error})") from error


def _entry(scan: Scan) -> dict[str, Any]:
    return {
        "id": scan.id,
        "kind": scan.kind,
        "group": scan.group,
        "indices": list(scan.indices),
        "labels": None if scan.labels is None else scan.labels.tolist(),
        "n_atoms": scan.n_atoms,
        "n_frames": scan.n_frames,
        "charge": scan.charge,
        "spin": scan.spin,
    }


def _npz(arrays: dict[str, NDArray[Any]]) -> bytes:
    """A compressed npz without the time of day in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getvalue())
    return buffer.getvalue()


def _arrays(path: Path, content: bytes) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST:
                raise BadInputError(f"suite {path} unpacks to more than {_LARGEST >> 30} GiB; it is not one of ours")
        with np.load(io.BytesIO(content), allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError) as error:
        raise BadInputError(f"{path} is not a suite file, or a truncated one; make or import it again") from error


def _manifest(path: Path, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(arrays["manifest"].tobytes())
    except (KeyError, ValueError) as error:
        raise BadInputError(f"{path} is not a suite file: it has no manifest") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BadInputError(f"{path} is not a suite file of bsct-zoo")
    if manifest.get("version") != VERSION:
        raise BadInputError(f"{path} has version {manifest.get('version')}; this bsct-zoo reads version {VERSION}")
    return manifest


def _scans(path: Path, manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> list[Scan]:
    entries = manifest["scans"]
    atoms = sum(entry["n_atoms"] for entry in entries)
    frames = sum(entry["n_frames"] for entry in entries)
    rows = sum(entry["n_frames"] * entry["n_atoms"] for entry in entries)
    expected: dict[str, tuple[int, ...]] = {
        "atomic_numbers": (atoms,),
        "coordinate": (frames,),
        "positions": (rows, 3),
        "energy": (frames,),
        "forces": (rows, 3),
        "cell": (len(entries), 3, 3),
        "pbc": (len(entries), 3),
    }
    for name, shape in expected.items():
        if name not in arrays:
            if name in ("atomic_numbers", "coordinate", "positions"):
                raise BadInputError(f"suite {path} has no array '{name}'")
            continue
        if arrays[name].shape != shape:
            raise BadInputError(
                f"suite {path}: '{name}' has shape {arrays[name].shape}, its manifest says {shape}; make it again"
            )
    scans = []
    a = f = r = 0
    for number, entry in enumerate(entries):
        n, m = entry["n_atoms"], entry["n_frames"]

        def cut(name: str, start: int, count: int, shape: tuple[int, ...]) -> Any:
            return arrays[name][start : start + count].reshape(shape) if name in arrays else None

        scans.append(
            Scan(
                id=entry["id"],
                kind=entry["kind"],
                group=entry["group"],
                atomic_numbers=cut("atomic_numbers", a, n, (n,)).astype(np.int64),
                coordinate=cut("coordinate", f, m, (m,)).astype(np.float64),
                positions=cut("positions", r, n * m, (m, n, 3)).astype(np.float64),
                energy=cut("energy", f, m, (m,)),
                forces=cut("forces", r, n * m, (m, n, 3)),
                indices=tuple(entry["indices"]),
                labels=None if entry["labels"] is None else np.array(entry["labels"], dtype=np.int64),
                charge=int(entry["charge"]),
                spin=int(entry["spin"]),
                cell=arrays["cell"][number] if "cell" in arrays else np.zeros((3, 3)),
                pbc=_three(arrays["pbc"][number]) if "pbc" in arrays else (False, False, False),
            )
        )
        a, f, r = a + n, f + m, r + n * m
    return scans


def _three(flags: NDArray[Any]) -> tuple[bool, bool, bool]:
    return bool(flags[0]), bool(flags[1]), bool(flags[2])
