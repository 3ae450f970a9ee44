"""How numbers travel in the page: arrays made small, gzip, base64; ``assets/unpack.js`` is the inverse.

Coordinates are float32. Curves keep the upper three bytes of one, five digits; positions are whole thousandths of an Å;
forces on atoms are float16. Neighbouring frames are alike, so what is written is the difference of the bit patterns of
one frame and the next, byte by byte: first all low bytes, then all higher ones.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["exact", "curve", "position", "force"]
POSITION_UNIT = 1e-3  # Å
_BYTES = {"exact": 4, "curve": 3, "position": 2, "force": 2}


def compressed(content: bytes) -> str:
    """Gzip in base64, the same for the same content."""
    return b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii")


def packed_json(content: Any) -> str:
    """JSON, compressed. NaN is refused."""
    return compressed(json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())


def packed_arrays(facts: Mapping[str, Any], arrays: Sequence[tuple[str, Kind, NDArray[Any]]]) -> bytes:
    """Facts and arrays as bytes: length of the header, header as JSON, then the bytes of each array.

    Args:
        facts: as JSON holds them.
        arrays: name, kind and values, the first axis of which is the frames.
    """
    index = [{"name": name, "kind": kind, "shape": list(values.shape)} for name, kind, values in arrays]
    header = json.dumps({**facts, "arrays": index}, ensure_ascii=False, allow_nan=False).encode()
    return len(header).to_bytes(4, "little") + header + b"".join(_planes(kind, values) for _, kind, values in arrays)


def _planes(kind: Kind, values: NDArray[Any]) -> bytes:
    bits, width = _bits(kind, values), _BYTES[kind]
    flat = bits.reshape(len(bits), -1)
    steps = np.diff(flat, axis=0, prepend=np.zeros((1, flat.shape[1]), np.uint32))  # modulo 2^32, so modulo less too
    planes = [((steps.T >> (8 * byte)) & 0xFF).astype(np.uint8).tobytes() for byte in range(width)]
    return b"".join(planes)


def _bits(kind: Kind, values: NDArray[Any]) -> NDArray[np.uint32]:
    with np.errstate(over="ignore", invalid="ignore"):
        if kind == "exact":
            return values.astype("<f4").view("<u4")
        if kind == "curve":
            rounded = values.astype("<f4").view("<u4").astype(np.uint64) + 0x80  # NaN stays NaN
            bits: NDArray[np.uint32] = (rounded >> 8).astype(np.uint32)
            return bits
        if kind == "position":
            return np.round(values / POSITION_UNIT).clip(-32768, 32767).astype(np.int16).view(np.uint16).astype("u4")
        return values.clip(-65504, 65504).astype("<f2").view("<u2").astype(np.uint32)
