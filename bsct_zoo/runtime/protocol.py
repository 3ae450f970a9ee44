"""The messages between this interpreter and a worker: a JSON header and raw arrays. It cannot contain code.

A frame is, all little-endian: magic ``BSCZ``, u16 version of the protocol, u32 length of the header; the header, JSON
in UTF-8 with ``op``, ``fields`` and ``arrays``, a list of ``[name, dtype, shape]``; the arrays' bytes in that order.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.errors import ModelError

MAGIC = b"BSCZ"
VERSION = 1
MAX_HEADER = 16 * 2**20
MAX_ARRAYS = 8 * 2**30
MAX_NUMBER = 64

_PREAMBLE = struct.Struct("<4sHI")
_DTYPES = ("|b1", "<i4", "<i8", "<f4", "<f8")
_JOINED = 2**20  # frames up to this size are written at once


class ProtocolError(ModelError):
    """The other side sent something that is not a message."""


class EndOfStream(ProtocolError):
    """The other side ended: there is no further message."""


class Readable(Protocol):
    """A source of messages: an unbuffered file, or a pipe with a deadline."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill a part of ``buffer``; returns how many bytes, 0 at the end."""


class Writable(Protocol):
    """A target of messages."""

    def write(self, data: bytes | memoryview, /) -> int | None:
        """Write a part of ``data``; returns how many bytes."""


@dataclass(frozen=True)
class WorkerMessage:
    """One message.

    Attributes:
        op: what it is: "hello", "load", "compute", "result", "error", ...
        fields: values for JSON.
        arrays: bool, int32, int64, float32 or float64, of any shape.
    """

    op: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def write_message(file: Writable, message: WorkerMessage) -> None:
    """Write one message.

    Raises:
        ProtocolError: it holds an array of an unsupported type, or is too large.
        OSError: the other side ended.
    """
    arrays = {name: _portable(name, array) for name, array in message.arrays.items()}
    content = {
        "op": message.op,
        "fields": dict(message.fields),
        "arrays": [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()],
    }
    header = json.dumps(content).encode()
    size = sum(array.nbytes for array in arrays.values())
    if len(header) > MAX_HEADER or size > MAX_ARRAYS or len(arrays) > MAX_NUMBER:
        raise ProtocolError(f"a message of {len(header) + size} bytes is too large; use smaller batches")
    parts: list[bytes | memoryview] = [_PREAMBLE.pack(MAGIC, VERSION, len(header)), header]
    parts += [array.reshape(-1).view(np.uint8).data for array in arrays.values() if array.size]
    if size <= _JOINED:
        parts = [b"".join(parts)]
    for part in parts:
        view = memoryview(part)
        while len(view):
            view = view[file.write(view) or 0 :]


def read_message(file: Readable, max_arrays: int = MAX_ARRAYS) -> WorkerMessage:
    """Read one message.

    Raises:
        EndOfStream: there is none, the stream has ended.
        ProtocolError: it is not a complete message of this version.
    """
    preamble = bytearray(_PREAMBLE.size)
    _fill(file, memoryview(preamble), may_end=True)
    magic, version, length = _PREAMBLE.unpack(preamble)
    if magic != MAGIC:
        raise ProtocolError(f"expected a message, got {bytes(preamble)!r}")
    if version != VERSION:
        raise ProtocolError(f"the other side speaks version {version} of the protocol, this one {VERSION}")
    if length > MAX_HEADER:
        raise ProtocolError(f"a header of {length} bytes is too large")
    header = bytearray(length)
    _fill(file, memoryview(header))
    op, fields, declared = _parsed(bytes(header))
    if sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in declared) > max_arrays:
        raise ProtocolError("the arrays of a message are too large")
    arrays = {}
    for name, dtype, shape in declared:
        # Booleans are read as bytes, because a byte of 2 would be neither true nor false.
        try:
            array = np.empty(shape, np.uint8 if dtype.kind == "b" else dtype)
        except (ValueError, MemoryError) as error:
            raise ProtocolError(f"not enough memory for array '{name}' of shape {list(shape)}") from error
        if array.size:
            _fill(file, memoryview(array.reshape(-1).view(np.uint8).data))
        arrays[name] = array != 0 if dtype.kind == "b" else array
        if not isinstance(arrays[name], np.ndarray):  # comparing 0-d arrays gives scalars
            arrays[name] = np.array(arrays[name])
    return WorkerMessage(op, fields, arrays)


def _portable(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """``array`` in the layout of messages: contiguous, little-endian."""
    portable = np.asarray(array, order="C")
    portable = portable.astype(portable.dtype.newbyteorder("<"), copy=False)
    if portable.dtype.str not in _DTYPES:
        raise ProtocolError(f"array '{name}' of type {array.dtype} cannot be sent to a worker")
    return portable


def _parsed(header: bytes) -> tuple[str, dict[str, Any], list[tuple[str, np.dtype[Any], tuple[int, ...]]]]:
    try:
        content = json.loads(header)
        op, fields, listed = content["op"], content["fields"], content["arrays"]
        declared = [(name, dtype, tuple(shape)) for name, dtype, shape in listed]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ProtocolError(f"the header of a message is damaged ({type(error).__name__})") from None
    if not (isinstance(op, str) and isinstance(fields, dict) and len(declared) <= MAX_NUMBER):
        raise ProtocolError("the header of a message is damaged")
    for name, dtype, shape in declared:
        sizes = all(type(n) is int and 0 <= n <= MAX_ARRAYS for n in shape) and len(shape) <= 8
        if not (isinstance(name, str) and dtype in _DTYPES and sizes):
            raise ProtocolError("a message declares an impossible array")
    return op, fields, [(name, np.dtype(dtype), shape) for name, dtype, shape in declared]


def _fill(file: Readable, view: memoryview, may_end: bool = False) -> None:
    """Read until ``view`` is full."""
    filled = 0
    while filled < len(view):
        count = file.readinto(view[filled:])
        if not count:
            if may_end and not filled:
                raise EndOfStream("the other side closed the connection")
            raise ProtocolError("a message is truncated")
        filled += count
