import io
import json
import zipfile

import numpy as np
import pytest

from bsct_zoo.errors import BadInputError
from bsct_zoo.scans.library import open_suite
from bsct_zoo.scans.suite_file import read_suite, write_suite


@pytest.fixture(scope="module")
def core():
    return open_suite("core")


def rewritten(core, tmp_path, change):
    """The core suite with its arrays changed behind its back."""
    path = tmp_path / "changed.npz"
    write_suite(path, core)
    with np.load(path) as data:
        arrays = dict(data)
    change(arrays)
    np.savez(path, **arrays)
    return path


def test_round_trip_is_exact_and_bytes_are_the_same(core, tmp_path):
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    assert write_suite(first, core) == write_suite(second, core)
    assert first.read_bytes() == second.read_bytes()
    again = read_suite(first)
    for before, after in zip(core.scans, again.scans, strict=True):
        assert before.id == after.id and before.indices == after.indices
        for name in ("atomic_numbers", "coordinate", "positions", "energy", "forces", "labels"):
            assert np.array_equal(getattr(before, name), getattr(after, name), equal_nan=True)


def test_shapes_that_disagree_are_named(core, tmp_path):
    path = rewritten(core, tmp_path, lambda a: a.update(forces=a["forces"][:-1]))
    with pytest.raises(BadInputError, match="'forces' has shape"):
        read_suite(path)


def test_geometry_that_is_not_a_number(core, tmp_path):
    def spoil(arrays):
        arrays["positions"][3, 1] = np.nan

    with pytest.raises(BadInputError, match="frame 0 has a position that is not a number"):
        read_suite(rewritten(core, tmp_path, spoil))


def test_missing_array(core, tmp_path):
    with pytest.raises(BadInputError, match="no array 'coordinate'"):
        read_suite(rewritten(core, tmp_path, lambda a: a.pop("coordinate")))


def test_pickles_are_not_read(core, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "went off"), "w"))

    path = tmp_path / "bomb.npz"
    np.savez(path, manifest=np.array([Bomb()], dtype=object))
    with pytest.raises(BadInputError):
        read_suite(path)
    assert not (tmp_path / "went off").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", None])
def test_not_a_suite(core, tmp_path, content):
    path = tmp_path / "x.npz"
    if content is None:  # truncated
        write_suite(path, core)
        content = path.read_bytes()[:5000]
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="not a suite file"):
        read_suite(path)


def test_newer_version_is_said(core, tmp_path):
    def newer(arrays):
        manifest = json.loads(arrays["manifest"].tobytes())
        arrays["manifest"] = np.frombuffer(json.dumps(manifest | {"version": 99}).encode(), np.uint8)

    with pytest.raises(BadInputError, match="version 99"):
        read_suite(rewritten(core, tmp_path, newer))


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    from bsct_zoo.scans import suite_file

    monkeypatch.setattr(suite_file, "_LARGEST", 1000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.npy", b"\0" * 100_000)
    (tmp_path / "x.npz").write_bytes(buffer.getvalue())
    with pytest.raises(BadInputError, match="unpacks to more than"):
        read_suite(tmp_path / "x.npz")


def test_select(core):
    assert {scan.group for scan in core.select(only="C-C/*").scans} == {"C-C"}
    spread = core.select(limit=9)
    assert len({scan.group for scan in spread.scans}) == 9
    assert [s.id for s in spread.scans] == [s.id for s in core.select(limit=9).scans]
    assert {s.id for s in core.select(limit=9, seed=1).scans} != {s.id for s in spread.scans}
    with pytest.raises(BadInputError, match="groups are C-C"):
        core.select(only="H-H/*")
