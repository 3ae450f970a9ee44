"""Scans whose frames have cells of their own: kept, read again, handed to models; files from before still read."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.scoring import score_scan
from bsct_zoo.suites.frames import frames_of
from bsct_zoo.suites.library import open_suite
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite
from bsct_zoo.suites.suite_file import read_manifest, read_suite, write_suite


def strained(name="a", n_frames=5):
    cells = np.linspace(0.9, 1.1, n_frames)[:, None, None] * 4.0 * np.eye(3)
    return Scan(
        id=f"isotropic/{name}",
        kind="strain",
        group="isotropic",
        atomic_numbers=np.array([29, 29]),
        coordinate=np.linspace(2.0, 3.0, n_frames),
        positions=np.array([[0, 0, 0], [0.5, 0.5, 0.5]]) @ cells,
        cell=cells,
        pbc=(True, True, True),
        notes={"flags": ["jump: of 3 meV"]},
    )


def test_round_trip(tmp_path):
    still = replace(strained("b"), cell=np.eye(3) * 4, notes={})
    suite = Suite("s", "", None, "", "", (strained(), still, strained("c", 7)))
    write_suite(tmp_path / "s.npz", suite)
    again = read_suite(tmp_path / "s.npz")
    for before, after in zip(suite.scans, again.scans, strict=True):
        np.testing.assert_array_equal(before.cell, after.cell)
        assert before.strained is after.strained
        assert before.notes == after.notes
        assert before.frames_sha256() == after.frames_sha256()
    assert read_manifest(tmp_path / "s.npz").version == 2


def test_models_get_the_cell_of_each_frame():
    scan = strained()
    for frame, cell in zip(frames_of(scan), scan.cell, strict=True):
        np.testing.assert_array_equal(frame.cell[0].numpy(), cell)


def test_files_without_such_scans_are_what_they_were(tmp_path):
    """Nothing of cells in the file; version 1 where positions have more than eight digits; hashes of frames stand."""
    core = open_suite("core")
    write_suite(tmp_path / "core.npz", core)
    manifest = read_manifest(tmp_path / "core.npz")
    assert manifest.version == 3
    assert not any(entry.strained for entry in manifest.scans)
    fine = replace(core, scans=tuple(replace(scan, positions=scan.positions / 3) for scan in core.scans[:2]))
    write_suite(tmp_path / "fine.npz", fine)
    assert read_manifest(tmp_path / "fine.npz").version == 1
    assert np.array_equal(read_suite(tmp_path / "fine.npz").scans[1].positions, fine.scans[1].positions)
    again = read_suite(tmp_path / "core.npz")
    assert [s.frames_sha256() for s in again.scans] == [s.frames_sha256() for s in core.scans]


def test_cells_that_are_missing_are_said(tmp_path):
    path = tmp_path / "s.npz"
    write_suite(path, Suite("s", "", None, "", "", (strained(),)))
    with np.load(path) as data:
        arrays = dict(data)
    assert json.loads(arrays["manifest"].tobytes())["scans"][0]["strained"]
    arrays.pop("frame_cells")
    np.savez(path, **arrays)
    with pytest.raises(BadInputError, match="no array 'frame_cells'"):
        read_suite(path)


def test_a_cell_of_another_shape_is_refused():
    with pytest.raises(BadInputError, match="cell has shape"):
        replace(strained(), cell=np.zeros((4, 3, 3)))


def test_forces_alone_say_nothing_of_the_work_under_strain():
    """An energy that rises with the strain while forces vanish is not a fault of the model."""
    scan = strained(n_frames=40)
    scores = score_scan(scan, (scan.coordinate - 2.5) ** 2, np.zeros(scan.positions.shape))
    assert scores["nonconservativity"] is scores["force_flips"] is scores["force_roughness"] is None
    assert scores["tortuosity"] == pytest.approx(1.0)
