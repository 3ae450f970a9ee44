"""Read BSCT-SPICE in the layout of its repository: <bond>/<id>/{atoms_0..99.xyz, unperturbed.xyz, partition.npz}."""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from bsct_zoo.errors import BadInputError, DownloadError
from bsct_zoo.files import opened_zip
from bsct_zoo.models.download import download
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite
from bsct_zoo_bsct_spice import register_suites
from bsct_zoo_bsct_spice.archive import DAMAGE, Member, members

Progress = Callable[[int, int, str], None]

FULL_SCANS = 485
CONTENT_SHA256 = "2fecf3961f3d2d28f77afd6df67d29e829e428b4d95e32d6ef21f96270c5e85d"
_MOST_FRAMES = 100_000
_COORDINATE_TOLERANCE = 1e-4  # Å between a bond in a frame and what the frame is said to be; 2e-8 in the data


def import_scans(source: Path | None, name: str, on_progress: Progress | None = None) -> Suite:
    """The suite in ``source``, an archive (.tar.gz, .zip) or a folder; downloaded if ``source`` is None.

    Raises:
        BadInputError: the archive is missing, damaged, or not of this layout; or the download failed or is not the
            data that this version knows.
    """
    tell = on_progress or (lambda done, total, what: None)
    if source is not None:
        return _suite(members(source), name, str(source.name), tell)
    url = register_suites()[0].url
    assert url is not None
    with tempfile.TemporaryDirectory(prefix="bsct-zoo-") as folder:  # a host that packs anew each time cannot resume
        archive = Path(folder) / "bsct-spice.tar.gz"
        try:
            download(url, archive, tell=lambda done, total: tell(done, total or 0, "downloading"))
        except DownloadError as error:
            raise DownloadError(f"{error}; or get it elsewhere and name the file") from error
        suite = _suite(members(archive), name, "download", tell)
    if content_sha256(suite) != CONTENT_SHA256:
        raise BadInputError("the download is not the BSCT-SPICE that this version knows; get a newer bsct-zoo")
    return suite


def content_sha256(suite: Suite) -> str:
    """Hash of every number in the suite. Archives that a host packs anew differ in their bytes, their content not."""
    digest = hashlib.sha256()
    for scan in suite.scans:
        digest.update(scan.id.encode())
        for array in (scan.atomic_numbers, scan.coordinate, scan.positions, scan.energy, scan.forces):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _suite(files_found: Iterator[Member], name: str, origin: str, tell: Progress) -> Suite:
    """Gather files by scan; a scan is parsed as soon as all its files are there."""
    waiting: dict[tuple[str, str], dict[str, Any]] = {}
    scans: list[Scan] = []
    known: set[tuple[str, str]] = set()
    for path, content in files_found:
        parts = PurePosixPath(path).parts
        if len(parts) < 3:
            continue
        key = (parts[-3], parts[-2])
        if not (key[1].isascii() and key[1].isdigit()):
            raise BadInputError(f"{path}: a scan's folder is a number, as in C-C/12195, not '{key[1]}'")
        files = waiting.setdefault(key, {})
        files[parts[-1]] = _partition(path, content) if parts[-1] == "partition.npz" else content
        partition = files.get("partition.npz")
        if partition is not None and len(files) == 1 + partition["n_frames"]:
            if key in known:
                raise BadInputError(f"scan {'/'.join(key)} is there twice; leave one copy of it in the archive")
            known.add(key)
            scans.append(_scan(key, files))
            del waiting[key]
            tell(len(scans), FULL_SCANS, "reading")
    if waiting:
        (bond, number), files = next(iter(waiting.items()))
        raise BadInputError(f"scan {bond}/{number} is incomplete: {len(files)} files; get the archive again")
    if not scans:
        raise BadInputError("no scans found: expected <bond>/<id>/{atoms_0..99.xyz, partition.npz}")
    source = register_suites()[0]
    return Suite(
        name=name,
        title=source.title,
        level_of_theory=source.level_of_theory,
        licence=source.licence,
        citation=source.citation,
        scans=tuple(sorted(scans, key=lambda scan: (scan.group, int(scan.id.rpartition("/")[2])))),
        made_by={"imported_from": origin},
    )


def _partition(path: str, content: bytes) -> dict[str, Any]:
    try:
        with opened_zip(Path(path), io.BytesIO(content)), np.load(io.BytesIO(content), allow_pickle=False) as data:
            first, last, count = data["perturb_range"].tolist()
            i, j = data["bond_index"].tolist()
            labels = data["labels"].astype(np.int64)
            if not (0 <= int(i) < len(labels) and 0 <= int(j) < len(labels)):
                raise ValueError(f"bond {i}-{j} is not one of its {len(labels)} atoms")
            if not 2 <= count <= _MOST_FRAMES:
                raise ValueError(f"{count} is not a number of frames")
            return {
                "indices": (int(i), int(j)),
                "labels": labels,
                "coordinate": np.linspace(first, last, int(count)),
                "n_frames": int(count),
            }
    except (*DAMAGE, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise BadInputError(f"{path} cannot be read: {error}") from error


def _scan(key: tuple[str, str], files: dict[str, Any]) -> Scan:
    bond, number = key
    partition = files["partition.npz"]
    frames = []
    for k in range(partition["n_frames"]):
        content = files.get(f"atoms_{k}.xyz")
        if content is None:
            raise BadInputError(f"scan {bond}/{number} has no frame atoms_{k}.xyz")
        try:
            frames.append(parse_frame(content.decode()))
        except (ValueError, KeyError, IndexError) as error:
            raise BadInputError(f"{bond}/{number}/atoms_{k}.xyz is not a frame: {error}") from error
    numbers, charge = frames[0][0], frames[0][4]
    if any(not np.array_equal(frame[0], numbers) for frame in frames):
        raise BadInputError(f"scan {bond}/{number}: frames have different atoms")
    if len(numbers) != len(partition["labels"]):
        raise BadInputError(f"scan {bond}/{number}: {len(numbers)} atoms, but {len(partition['labels'])} labels")
    i, j = partition["indices"]
    nominal = covalent_radii[numbers[i]] + covalent_radii[numbers[j]]
    if not np.isclose(partition["coordinate"][[0, -1]] / nominal, [0.5, 2.0], rtol=0.02).all():
        raise BadInputError(f"scan {bond}/{number}: its range is not half to twice the covalent distance")
    positions = np.array([frame[1] for frame in frames])
    off = np.abs(np.linalg.norm(positions[:, i] - positions[:, j], axis=1) - partition["coordinate"])
    if (off > _COORDINATE_TOLERANCE).any():
        k = int(np.argmax(off))
        raise BadInputError(f"scan {bond}/{number}: the bond in atoms_{k}.xyz is off by {off[k]:.3g} Å; get it again")
    return Scan(
        id=f"{bond}/{number}",
        kind="bond",
        group=bond,
        atomic_numbers=numbers,
        coordinate=partition["coordinate"],
        positions=positions,
        energy=np.array([frame[3] for frame in frames]),
        forces=np.array([frame[2] for frame in frames]),
        indices=partition["indices"],
        labels=partition["labels"],
        charge=charge,
    )


def parse_frame(text: str) -> tuple[Any, Any, Any, float, int]:
    """Atomic numbers, positions in Å, forces in eV/Å, energy in eV and charge of one extended-XYZ frame.

    A strict reader of the one shape that the dataset has; twenty times as fast as a general one. The charge is the
    sum of the formal charges in the SMILES of the comment line.
    """
    lines = text.rstrip().splitlines()
    n = int(lines[0])
    comment = lines[1]
    if "Properties=species:S:1:pos:R:3:forces:R:3" not in comment:
        raise ValueError("expected columns species, pos, forces")
    energy = re.search(r"\benergy=(\S+)", comment)
    if energy is None:
        raise ValueError("it has no energy; a failed one is written as nan")
    rows = [line.split() for line in lines[2:]]
    if len(rows) != n or any(len(row) != 7 for row in rows):
        raise ValueError(f"expected {n} atoms of 7 columns")
    numbers = np.array([atomic_numbers[row[0]] for row in rows], dtype=np.int64)
    values = np.array([row[1:] for row in rows], dtype=np.float64)
    smiles = re.search(r'smiles="([^"]*)"', comment)
    charge = formal_charge(smiles.group(1)) if smiles else 0
    return numbers, values[:, :3], values[:, 3:], float(energy.group(1)), charge


def formal_charge(smiles: str) -> int:
    """Sum of the formal charges of the bracket atoms of a SMILES."""
    total = 0
    for sign, count in re.findall(r"\[[^\]]*?([+-]+)(\d*)(?::\d+)?\]", smiles):
        size = int(count) if count else len(sign)
        total += size if sign[0] == "+" else -size
    return total
