"""Files that carry a hash of themselves: read whole and checked before anything of them is used.

Three kinds of file, one promise: what is read is what was written, to the bit, or ``DamagedFileError``.

    record   a first line ``bsct-zoo SHA256``, then the content: answers and states of evaluations
    JSON     an object whose last entry is ``"seal": "bsct-zoo:SHA256"``, of everything else in it: what people read too
    zip      an archive comment ``bsct-zoo SHA256``, of all bytes before: states of trainings, which other tools open
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bsct_zoo.errors import DamagedFileError
from bsct_zoo.files import atomic_write, json_bytes

_HEAD = b"bsct-zoo "
_SEAL = "bsct-zoo:"
_END = b"PK\5\6"  # of a zip's last 22 bytes, where it has no comment
_COMMENT = len(_HEAD) + 64


def write_record(path: Path, content: bytes) -> None:
    """Keep ``content`` in one step.

    Raises:
        OSError: the disk is full, or the folder cannot be written to.
    """
    atomic_write(path, _HEAD + _digest(content) + b"\n" + content)


def read_record(path: Path) -> bytes:
    """What ``write_record`` kept.

    Raises:
        DamagedFileError: it is not that.
        OSError: it is not there, or cannot be read.
    """
    head, _, content = path.read_bytes().partition(b"\n")
    if head != _HEAD + _digest(content):
        raise DamagedFileError(path)
    return content


def sealed_json(content: Mapping[str, Any]) -> bytes:
    """A JSON file of ``content`` with its seal."""
    plain = json.loads(json.dumps({key: value for key, value in content.items() if key != "seal"}, allow_nan=False))
    return json_bytes({**plain, "seal": _seal(plain)})


def opened_json(content: bytes, path: Path, unsealed: bool = False) -> dict[str, Any]:
    """The object in ``content``, which stands at ``path``, without its seal.

    Args:
        content: of the file.
        path: for messages.
        unsealed: whether one that was written without a seal will do: files of versions up to 0.2, and a user's own.

    Raises:
        DamagedFileError: it is no object, or its seal is not that of the rest.
    """
    try:
        found = json.loads(content, parse_constant=_refuse)
    except RecursionError as error:
        raise DamagedFileError(path, "it is nested too deeply") from error
    except ValueError as error:  # of JSON, and of the encoding
        raise DamagedFileError(path, f"it is not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise DamagedFileError(path, "it must hold one JSON object")
    seal = found.pop("seal", None)
    broken = any(isinstance(value, str) and value.startswith(_SEAL) for value in found.values())  # the word "seal" is
    if broken or (seal != _seal(found) if seal is not None else not unsealed):
        raise DamagedFileError(path, "it was changed since it was written; remove its 'seal' if that was meant")
    return found


def read_json(path: Path, unsealed: bool = False) -> dict[str, Any]:
    """What ``sealed_json`` wrote to ``path``; see ``opened_json``.

    Raises:
        DamagedFileError: it is not that.
        OSError: it is not there, or cannot be read.
    """
    return opened_json(path.read_bytes(), path, unsealed)


def seal_zip(path: Path) -> None:
    """Put the hash of the zip at ``path`` into its comment; in place, so before others see the file.

    Raises:
        DamagedFileError: it is no zip, or has a comment.
        OSError: it cannot be read or written.
    """
    with path.open("r+b") as file:
        content = file.read()
        if content[-22:-18] != _END or content[-2:] != b"\0\0":
            raise DamagedFileError(path, "it is no zip archive")
        begun = content[:-2] + struct.pack("<H", _COMMENT)
        file.seek(-2, 2)
        file.write(begun[-2:] + _HEAD + _digest(begun))


def check_zip(path: Path) -> None:
    """Read the zip at ``path`` whole.

    Raises:
        DamagedFileError: it is not what ``seal_zip`` left.
        OSError: it is not there, or cannot be read.
    """
    content = path.read_bytes()
    if content[-_COMMENT:] != _HEAD + _digest(content[:-_COMMENT]):
        raise DamagedFileError(path)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _seal(content: Mapping[str, Any]) -> str:
    return _SEAL + _digest(json.dumps(content, sort_keys=True).encode()).decode()


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number that JSON has")
