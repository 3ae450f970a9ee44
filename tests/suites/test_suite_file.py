import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bsct_zoo.errors import BadInputError
from bsct_zoo.suites.library import open_suite
from bsct_zoo.suites.suite_file import read_suite, write_suite


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


def test_frames_on_a_negative_zero_are_known_again(core, tmp_path):
    """The file keeps no sign of zero; kept answers are found by this hash."""
    positions = core.scans[0].positions.copy()
    positions[:, 0, 0] = -0.0
    signed = replace(core.scans[0], positions=positions)
    write_suite(tmp_path / "x.npz", replace(core, scans=(signed,)))
    assert read_suite(tmp_path / "x.npz").scans[0].frames_sha256() == signed.frames_sha256()


def test_a_scan_without_a_reference_does_not_cost_the_others_theirs(core, tmp_path):
    bare = replace(core.scans[1], energy=None, forces=None)
    write_suite(tmp_path / "x.npz", replace(core, scans=(core.scans[0], bare, core.scans[2])))
    first, second, third = read_suite(tmp_path / "x.npz").scans
    assert second.energy is None and second.forces is None
    for before, after in ((core.scans[0], first), (core.scans[2], third)):
        assert np.array_equal(before.energy, after.energy) and np.array_equal(before.forces, after.forces)


def test_a_suite_without_scans_is_not_written(core, tmp_path):
    with pytest.raises(BadInputError, match="nothing to write"):
        write_suite(tmp_path / "x.npz", replace(core, scans=()))


def test_a_folder_that_cannot_be_written(core, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="cannot write suite"):
        write_suite(tmp_path / "file" / "x.npz", core)


def test_two_scans_of_one_name_are_refused(core):
    with pytest.raises(BadInputError, match="two scans called"):
        replace(core, scans=(core.scans[0], core.scans[0]))


def test_shapes_that_disagree_are_named(core, tmp_path):
    path = rewritten(core, tmp_path, lambda a: a.update(forces=a["forces"][:-1]))
    with pytest.raises(BadInputError, match="'forces' has shape"):
        read_suite(path)


def test_geometry_that_is_not_a_number(core, tmp_path):
    def spoil(arrays):
        arrays["positions"] = np.full(arrays.pop("position_steps").shape, np.nan)

    with pytest.raises(BadInputError, match="frame 0 has a position that is not finite"):
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indices": [0, 99]}, "has indices"),
        ({"indices": "ab"}, r"Expected `array`, got `str` - at `\$\.scans\[0\]\.indices`"),
        ({"n_atoms": -2}, r"`int` >= 1 - at `\$\.scans\[0\]\.n_atoms`"),
        ({"n_frames": 2.5}, r"got `float` - at `\$\.scans\[0\]\.n_frames`"),
        ({"labels": [10**30]}, r"\$\.scans\[0\]\.labels\[0\]|labels\[\.\.\.\]"),
        ({"charge": float("inf")}, r"a number that is none - at `\$\.scans\[0\]\.charge`"),
        ({"charge": 2000}, r"`int` <= 1000 - at `\$\.scans\[0\]\.charge`"),
        ({"spin": 0}, r"`int` >= 1 - at `\$\.scans\[0\]\.spin`"),
        ({"id": 5}, r"Expected `str`, got `int` - at `\$\.scans\[0\]\.id`"),
        ({"notes": {"flags": 5}}, "flags of scan .* must be a list of texts"),
        ({"notes": {"fallback_frames": 5}}, "fallback_frames of scan .* must be a list of its frames"),
        ({"notes": {"fallback_frames": [-1]}}, "fallback_frames of scan .* must be a list of its frames"),
        ({"notes": {"fallback_frames": [10**9]}}, "fallback_frames of scan .* must be a list of its frames"),
        ({"notes": {"fallback_frames": [True]}}, "fallback_frames of scan .* must be a list of its frames"),
    ],
)
def test_manifest_that_makes_no_sense(core, tmp_path, change, message):
    def spoil(arrays):
        manifest = json.loads(arrays["manifest"].tobytes())
        manifest["scans"][0] |= change
        arrays["manifest"] = np.frombuffer(json.dumps(manifest).encode(), np.uint8)

    with pytest.raises(BadInputError, match=message):
        read_suite(rewritten(core, tmp_path, spoil))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title": 5}, r"Expected `str`, got `int` - at `\$\.title`"),
        ({"scans": []}, r"length >= 1 - at `\$\.scans`"),
        ({"made_by": "banana"}, r"Expected `object`, got `str` - at `\$\.made_by`"),
    ],
)
def test_facts_that_make_no_sense(core, tmp_path, change, message):
    def spoil(arrays):
        manifest = json.loads(arrays["manifest"].tobytes()) | change
        arrays["manifest"] = np.frombuffer(json.dumps(manifest).encode(), np.uint8)

    with pytest.raises(BadInputError, match=message):
        read_suite(rewritten(core, tmp_path, spoil))


def test_a_reference_without_any_force_is_none(core, tmp_path):
    with pytest.raises(BadInputError, match="'forces' are zero throughout"):
        read_suite(rewritten(core, tmp_path, lambda a: a.update(forces=0 * a["forces"])))


@pytest.mark.parametrize(("name", "dtype"), [("energy", "S8"), ("position_steps", "c8"), ("atomic_numbers", "f8")])
def test_arrays_of_another_kind_are_refused(core, tmp_path, name, dtype):
    with pytest.raises(BadInputError, match=f"'{name}' holds"):
        read_suite(rewritten(core, tmp_path, lambda a: a.update({name: a[name].astype(dtype)})))


def test_elements_that_there_are_none_of(core, tmp_path):
    with pytest.raises(BadInputError, match="invalid atomic numbers"):
        read_suite(rewritten(core, tmp_path, lambda a: a.update(atomic_numbers=a["atomic_numbers"] * 500)))


@pytest.mark.parametrize("claim", [10**9, 10**12, 10**20])
def test_a_header_that_claims_more_than_is_there_costs_no_memory(tmp_path, claim):
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (claim,)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("manifest.npy", header.getvalue())
    with pytest.raises(BadInputError, match="not a suite file"):
        read_suite(tmp_path / "x.npz")


def test_an_array_larger_than_its_manifest_allows_is_not_unpacked(core, tmp_path):
    bloat = np.zeros(50_000_000, dtype=np.uint8)
    with pytest.raises(BadInputError, match="'coordinate' unpacks to"):
        read_suite(rewritten(core, tmp_path, lambda a: a.update(coordinate=bloat)))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_is_an_error_of_ours_or_harmless(core, tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    write_suite(path, replace(core, scans=core.scans[:1]))
    content = bytearray(path.read_bytes())
    # most of the file is numbers; what is told apart by its bytes is at its beginning and its end
    where = data.draw(st.one_of(st.integers(0, 200), st.integers(len(content) - 500, len(content) - 1)))
    content[where] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    try:
        again = read_suite(path)
    except BadInputError:
        return
    assert np.array_equal(again.scans[0].positions, core.scans[0].positions)


def test_newer_version_is_said(core, tmp_path):
    def newer(arrays):
        manifest = json.loads(arrays["manifest"].tobytes())
        arrays["manifest"] = np.frombuffer(json.dumps(manifest | {"version": 99}).encode(), np.uint8)

    with pytest.raises(BadInputError, match="version 99"):
        read_suite(rewritten(core, tmp_path, newer))


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    from bsct_zoo.suites import suite_file

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
    for limit in (0, -1):
        with pytest.raises(BadInputError, match="leaves no scan"):
            core.select(limit=limit)
    with pytest.raises(BadInputError, match="groups are C-Br, C-C"):
        core.select(only="H-H/*")
