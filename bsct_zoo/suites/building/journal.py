"""What a build has computed so far: a file that is only ever added to, so that a kill costs the frame in hand alone.

After a line of JSON that says whose answers these are comes one record a frame: its key, how it went, the number of
atoms, energy, forces, and a checksum of all that. A record cut short by a kill, and what follows it, is dropped.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import struct
import threading
import zlib
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.errors import BadInputError

_HEAD = struct.Struct("<32sBI")  # key, state, n_atoms
_SUM = struct.Struct("<I")
_LONGEST = 1 << 20  # atoms


class State(IntEnum):
    """How a frame went."""

    CONVERGED = 1
    STEADIED = 2  # with steadier settings, after the usual ones failed
    FAILED = 3  # with the usual settings
    GIVEN_UP = 4  # with steadier settings too, or there are none


@dataclass(frozen=True)
class Answer:
    """What the reference says of a frame.

    Attributes:
        state: how it went.
        energy: eV, NaN where it failed.
        forces: [n_atoms, 3] eV/Å, likewise; of a relaxation the positions in Å that it ended at.
    """

    state: State
    energy: float
    forces: NDArray[np.float64]


class Journal:
    """Answers by key of their frame, kept in a file as they come; safe to add to from several threads."""

    def __init__(self, path: Path, owner: str) -> None:
        """Open the journal at ``path`` for this process alone; what another ``owner`` left there is dropped.

        Raises:
            BadInputError: it cannot be written, or another process has it.
        """
        self.path = path
        self.answers: dict[bytes, Answer] = {}
        self._lock = threading.Lock()
        head = json.dumps({"format": "bsct-zoo-frames", "version": 1, "owner": owner}).encode() + b"\n"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # gone with the process, however it ends
            self._file.seek(0)
            content = self._file.read()
            end = self._read(content, len(head)) if content.startswith(head) else 0
            self._file.truncate(end)
            self._file.seek(end)
            if not end:
                self._file.write(head)
                self._file.flush()
        except BlockingIOError as error:
            raise BadInputError(f"another build is writing {path}; wait for it, or choose another name") from error
        except OSError as error:
            raise BadInputError(f"cannot keep frames in {path}: {error.strerror}; choose another place") from error

    def add(self, key: bytes, answer: Answer) -> None:
        """Keep an answer; it is in the file when this returns.

        Raises:
            OSError: the disk is full.
        """
        body = _HEAD.pack(key, answer.state, len(answer.forces)) + struct.pack("<d", answer.energy)
        body += np.ascontiguousarray(answer.forces, dtype="<f8").tobytes()
        with self._lock:
            self._file.write(body + _SUM.pack(zlib.crc32(body)))
            self._file.flush()
            self.answers[key] = answer

    def close(self) -> None:
        """Leave the file as it is; safe to call twice."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def _read(self, content: bytes, start: int) -> int:
        """Take in the records from ``start`` on; where the last whole one ends."""
        while start + _HEAD.size <= len(content):
            key, state, n_atoms = _HEAD.unpack_from(content, start)
            size = _HEAD.size + 8 + 24 * n_atoms
            if n_atoms > _LONGEST or start + size + _SUM.size > len(content):
                break
            body = content[start : start + size]
            if _SUM.unpack_from(content, start + size)[0] != zlib.crc32(body):
                break
            (energy,) = struct.unpack_from("<d", body, _HEAD.size)
            forces = np.frombuffer(body, "<f8", offset=_HEAD.size + 8).reshape(n_atoms, 3).astype(np.float64)
            self.answers[key] = Answer(State(state), energy, forces)
            start += size + _SUM.size
        return start


def frame_key(*parts: object) -> bytes:
    """[32 bytes] of what a frame is: arrays by their bytes, anything else by its text."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(str((part.shape, part.dtype.str)).encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(repr(part).encode())
    return digest.digest()
