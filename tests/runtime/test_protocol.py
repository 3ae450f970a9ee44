import contextlib
import io
import json
import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bsct_zoo.runtime.protocol import (
    MAGIC,
    MAX_HEADER,
    VERSION,
    EndOfStream,
    ProtocolError,
    WorkerMessage,
    read_message,
    write_message,
)

DTYPES = st.sampled_from(["|b1", "<i4", "<i8", "<f4", "<f8", ">f8", ">i4"]).map(np.dtype)
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=5,
)
MESSAGES = st.builds(
    WorkerMessage,
    st.text(),
    st.dictionaries(st.text(), JSON, max_size=3),
    st.dictionaries(st.text(), ARRAYS, max_size=3),
)


def encoded(message):
    file = io.BytesIO()
    write_message(file, message)
    return file.getvalue()


def frame(header, magic=MAGIC, version=VERSION, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<4sHI", magic, version, len(text) if length is None else length) + text


@given(MESSAGES)
def test_what_is_written_is_read(message):
    read = read_message(io.BytesIO(encoded(message)))
    assert (read.op, read.fields) == (message.op, message.fields)
    assert list(read.arrays) == list(message.arrays)
    for name, array in message.arrays.items():
        assert read.arrays[name].dtype == array.dtype.newbyteorder("<")
        assert read.arrays[name].shape == array.shape
        np.testing.assert_array_equal(read.arrays[name], array)


@given(MESSAGES, st.data())
def test_a_cut_message_is_an_error(message, data):
    whole = encoded(message)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(EndOfStream if cut == 0 else ProtocolError):
        read_message(io.BytesIO(whole[:cut]))


@given(st.binary(max_size=300), st.booleans())
def test_garbage_is_an_error(garbage, with_preamble):
    with pytest.raises(ProtocolError):
        read_message(io.BytesIO(frame(garbage + b"\0") if with_preamble else b"x" + garbage))


@given(MESSAGES, st.data())
def test_a_flipped_byte_never_does_worse_than_an_error(message, data):
    damaged = bytearray(encoded(message))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(ProtocolError):
        read_message(io.BytesIO(damaged), max_arrays=2**20)


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"op": "x", "fields": {}},
        {"op": 1, "fields": {}, "arrays": []},
        {"op": "x", "fields": [], "arrays": []},
        {"op": "x", "fields": {}, "arrays": [["a", "|O8", [1]]]},
        {"op": "x", "fields": {}, "arrays": [["a", ["<f8"], [1]]]},
        {"op": "x", "fields": {}, "arrays": [["a", "<f8", [-1]]]},
        {"op": "x", "fields": {}, "arrays": [["a", "<f8", [True]]]},
        {"op": "x", "fields": {}, "arrays": [["a", "<f8", [2**40]]]},
        {"op": "x", "fields": {}, "arrays": [["a", "<f8", [2**20, 2**20]]]},
        {"op": "x", "fields": {}, "arrays": [["a", "<f8", [0, 2**33, 2**33]]]},
        {"op": "x", "fields": {}, "arrays": [["a", "<f8", [0]]] * 100},
        {"op": "x", "fields": {}, "arrays": [[{}, "<f8", [0]]]},
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_headers_that_cannot_be(header):
    with pytest.raises(ProtocolError):
        read_message(io.BytesIO(frame(header)))


def test_other_versions_and_sizes():
    with pytest.raises(ProtocolError, match="version 2"):
        read_message(io.BytesIO(frame({}, version=2)))
    with pytest.raises(ProtocolError, match="too large"):
        read_message(io.BytesIO(frame(b"", length=MAX_HEADER + 1)))
    with pytest.raises(ProtocolError, match="cannot be sent"):
        encoded(WorkerMessage("x", {}, {"a": np.array([object()])}))


def test_over_a_pipe():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as source, os.fdopen(writing, "wb", buffering=0) as sink:
        write_message(sink, WorkerMessage("one", {"a": 1}, {"x": np.arange(5.0)}))
        write_message(sink, WorkerMessage("two"))
        assert read_message(source).arrays["x"].tolist() == [0, 1, 2, 3, 4]
        assert read_message(source).op == "two"
        sink.close()
        with pytest.raises(EndOfStream):
            read_message(source)
