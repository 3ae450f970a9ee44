"""Frames chosen by a committee: the deviation against its definition, and a whole choice by two shipped models."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from springs import write

import bsct_zoo as bz
from bsct_zoo.errors import BadInputError
from bsct_zoo.models.naming import parse_model
from bsct_zoo.training import choosing
from bsct_zoo.training.choosing import choose, deviations, most_uncertain
from bsct_zoo.training.data import read_training_data
from bsct_zoo.training.errors import forces_of
from bsct_zoo.training.loss import FORCE_SCALE
from bsct_zoo.training.making.displacements import random_rotation

N_ATOMS = np.array([3, 1, 2])
COMMITTEE = ("transformer", "transformer:paper")


def drawn(seed, models=3):
    return np.random.default_rng(seed).normal(0, 4, (models, N_ATOMS.sum(), 3))


def test_the_deviation_is_the_largest_of_a_frames_atoms():
    forces = drawn(0)
    expected = []
    for rows in np.split(np.arange(6), np.cumsum(N_ATOMS)[:-1]):
        of_atoms = []
        for a in rows:
            mean = forces[:, a].mean(0)
            square = np.mean([np.sum((one - mean) ** 2) for one in forces[:, a]])
            of_atoms.append(np.sqrt(square) / (1 + np.linalg.norm(mean) / FORCE_SCALE))
        expected.append(max(of_atoms))
    assert deviations(forces, N_ATOMS) == pytest.approx(expected)


@given(st.integers(0, 2**32))
def test_neither_orientation_nor_the_order_of_models_matters(seed):
    forces, rng = drawn(seed), np.random.default_rng(seed)
    found = deviations(forces, N_ATOMS)
    assert deviations(forces @ random_rotation(rng), N_ATOMS) == pytest.approx(found)
    assert deviations(forces[rng.permutation(3)], N_ATOMS) == pytest.approx(found)
    assert deviations(np.repeat(forces[:1], 3, 0), N_ATOMS) == pytest.approx(0, abs=1e-12)


def test_a_frame_without_an_answer_comes_first():
    forces = drawn(1)
    forces[2, 3] = np.nan
    assert most_uncertain(deviations(forces, N_ATOMS), 1).tolist() == [1]


def test_of_equal_frames_the_earlier_is_kept():
    assert most_uncertain(np.array([1.0, 2.0, 1.0, 2.0]), 3).tolist() == [0, 1, 3]


def test_a_folder_keeps_what_two_models_disagree_on_most(tmp_path):
    source, out = write(tmp_path / "frames", n_train=12, n_valid=4, n_test=3), tmp_path / "chosen"
    found = choose(out, source, [parse_model(name) for name in COMMITTEE], 0.25, device="cpu")
    before, after = read_training_data(source), read_training_data(out)
    answers = []
    for name in COMMITTEE:
        with bz.load(name, device="cpu", dtype="float32") as potential:
            answers.append(forces_of(potential, before.train))
    deviation = deviations(np.stack(answers), before.train.n_atoms)
    kept = sorted(np.argsort(deviation)[-6:].tolist())
    assert found.chosen.tolist() == kept and found.deviation == pytest.approx(deviation)
    assert np.array_equal(after.train.positions, before.train.take(kept).positions)
    assert np.array_equal(after.train.forces, before.train.take(kept).forces)
    assert np.array_equal(after.valid.energy, before.valid.energy) and len(after.test) == len(before.test)
    assert after.reference_energies == before.reference_energies and after.kinds == before.kinds
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["committee"] == list(COMMITTEE) and manifest["chosen_from"] == before.sha256


@pytest.mark.parametrize(
    ("committee", "keep", "to", "said"),
    [
        (("transformer",), 0.5, "out", "one model cannot disagree"),
        (COMMITTEE, 0.0, "out", "--keep 0 must be a share, or 1 to 24"),
        (COMMITTEE, 25, "out", "--keep 25 must be a share, or 1 to 24"),
        (COMMITTEE, 0.5, "frames", "holds the frames to choose from"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(committee, keep, to, said, tmp_path):
    source = write(tmp_path / "frames", n_train=12, n_valid=4, n_test=3)
    with pytest.raises(BadInputError, match=said):
        choose(tmp_path / to, source, [parse_model(name) for name in committee], keep)


def test_an_unknown_element_is_named(tmp_path, monkeypatch):
    source = write(tmp_path / "frames", n_train=2, n_valid=2, n_test=2)
    data = read_training_data(source)
    iron = replace(data.train, atomic_numbers=np.where(data.train.atomic_numbers == 8, 26, data.train.atomic_numbers))
    monkeypatch.setattr(choosing, "read_training_data", lambda folder: replace(data, train=iron))
    with pytest.raises(BadInputError, match="transformer does not know Fe, which the frames hold"):
        choose(tmp_path / "out", source, [parse_model(name) for name in COMMITTEE], 0.5)


def test_the_command_shows_what_it_kept(tmp_path):
    write(tmp_path / "frames", n_train=12, n_valid=4, n_test=3)
    words = ["data", "choose", "chosen", "--from", "frames", "--by", COMMITTEE[0], "--by", COMMITTEE[1], "--keep", "6"]
    done = subprocess.run(
        [sys.executable, "-m", "bsct_zoo", *words, "--device", "cpu", "-q"],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (row,) = [line.split() for line in done.stdout.splitlines() if line.startswith("all")]
    assert row[1:3] == ["24", "6"] and float(row[3]) < float(row[4])
    assert "next: bsct-zoo train NAME --data chosen" in done.stdout
