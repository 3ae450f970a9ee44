"""Atomic writes, reproducible archives, hashes and locks of files."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bsct_zoo.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


_UNPACKED = 64 << 20  # bytes that any archive may unpack to
_RATIO = 200  # beyond that, times its size


def atomic_write(path: Path, content: bytes) -> None:
    """Write ``content`` beside ``path`` and move it there in one step: a reader finds the whole of it or nothing.

    Raises:
        OSError: the disk is full, or the folder cannot be made or written to; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)  # mkstemp keeps everybody else out; results need not
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def json_bytes(content: object) -> bytes:
    """``content`` as a file of JSON for people too."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def why_no_json(content: bytes, error: Exception) -> str:
    """Why ``content`` is no JSON, where ``error`` was raised; names the field where a number is none."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    try:
        place = _not_finite(json.loads(content), "$")
    except (ValueError, RecursionError):
        place = ""
    return f"a number that is none - at `{place}`" if place else str(error)


def _not_finite(found: object, place: str) -> str:
    """Where the first number stands that is NaN or infinite; empty if there is none."""
    if isinstance(found, float) and not math.isfinite(found):
        return place
    inner = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    names = ((f".{key}" if isinstance(key, str) else f"[{key}]", value) for key, value in inner)
    return next((where for name, value in names if (where := _not_finite(value, place + name))), "")


def sha256(content: bytes | Path) -> str:
    """Hash of ``content``, or of the file there, or of the names and contents of the files in the folder there.

    In hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    if content.is_dir():
        files = sorted((path.relative_to(content).as_posix(), path) for path in content.rglob("*") if path.is_file())
        return sha256(json.dumps([[name, sha256(path)] for name, path in files]).encode())
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A compressed npz of ``arrays`` in their order, without the time of day in it."""
    import numpy as np  # what only needs text files does not wait for it

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getvalue())
    return buffer.getvalue()


@contextmanager
def opened_zip(path: Path, source: Path | io.BytesIO) -> Iterator[zipfile.ZipFile]:
    """The zip in ``source`` (of ``path``, for messages), if it unpacks to no more than its size explains.

    Raises:
        BadInputError: it unpacks to far more, or by a method that cannot be stopped on the way.
        zipfile.BadZipFile: it is no zip.
    """
    size = source.getbuffer().nbytes if isinstance(source, io.BytesIO) else source.stat().st_size
    with zipfile.ZipFile(source) as archive:
        refuse_bomb(path, size, sum(info.file_size for info in archive.infolist()))
        for info in archive.infolist():
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise BadInputError(f"{path} is not packed as zip and npz files usually are; pack it again")
        yield archive


def refuse_bomb(path: Path, packed: int, unpacked: int) -> None:
    """Raise where ``packed`` bytes claim to be ``unpacked`` ones that no numbers or texts of ours would be.

    Raises:
        BadInputError: with both numbers.
    """
    if unpacked > max(_UNPACKED, _RATIO * packed):
        raise BadInputError(f"{path} has {packed} bytes and unpacks to {unpacked} or more; it is not to be trusted")


@contextmanager
def exclusive_lock(folder: Path, at_work: str, instead: str) -> Iterator[None]:
    """Hold the lock of ``folder``, made if it is not there.

    Args:
        folder: that one process at a time may fill.
        at_work: what another process does, up to the name of the folder: "is training in".
        instead: what the user may choose in its place: "another --out".

    Raises:
        BadInputError: it cannot be made, or another process has it.
    """
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise BadInputError(f"another process {at_work} {folder}; wait for it, or choose {instead}") from error
    except OSError as error:
        raise BadInputError(f"cannot write to {folder} ({error.strerror}); choose {instead}") from error
    try:
        yield
    finally:
        lock.release()
