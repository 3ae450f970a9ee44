"""``bsct-zoo train`` as a user runs it: a model that learns, and a run that goes on where it was cut off."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bsct_zoo.models.naming import parse_model

ZOO = [sys.executable, "-m", "bsct_zoo"]
# Small ones of each family, so that a few seconds are enough.
SMALL = {
    "transformer": ["--set", "width=32", "--set", "blocks=2", "--set", "lr=3e-3"],
    "mace": ["--set", "hidden_irreps=8x0e", "--set", "max_ell=1", "--set", "lr=2e-2"],
}


def command(name, data, out, budget="12"):
    given = ["--data", str(data), "--out", str(out), "--budget", budget, "--set", "ema_decay=0.9"]
    return [*ZOO, "train", name, *given, *SMALL.get(name, [])]


def run(*words):
    return subprocess.run([*ZOO, *map(str, words)], capture_output=True, text=True, check=False)


def validations(out):
    with (out / "validation.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(scope="module", params=sorted(SMALL))
def trained(request, data, tmp_path_factory):
    """A run that was killed in the middle and went on: its folder, and what both parts said."""
    name, out = request.param, tmp_path_factory.mktemp(request.param) / "run"
    first = subprocess.Popen(command(name, data, out), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 400
    while len(list(out.glob("state.*"))) == 0 or not (out / "validation.csv").exists():
        assert first.poll() is None, first.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    first.kill()
    first.wait()
    before = validations(out)
    second = subprocess.run(command(name, data, out), capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    return name, out, before, second


def test_it_learns(trained):
    _, out, _, _ = trained
    notes = json.loads((out / "small.json").read_text())["card"]["notes"]
    first, found = validations(out)[0], notes["valid"]["all"]
    assert found["forces_mae_mev_A"] < 0.5 * first["forces_mae_mev_A"]
    assert found["energy_mae_mev_atom"] < first["energy_mae_mev_atom"]
    assert found["forces_mae_mev_A"] < 250  # 540 for a model that says zero
    assert set(notes["valid"]) == set(notes["test"]) == {"all", "water", "monoxide"}
    assert "rotation" not in notes  # exact in both families


def test_a_killed_run_goes_on(trained):
    _, out, before, second = trained
    step = int(re.search(r"going on from step (\d+)", second.stderr).group(1))
    assert step > 0
    rows = validations(out)
    assert rows[: len(before)] == before  # what was written before stands
    after = rows[len(before) :]
    assert after and all(row["step"] >= step for row in after)
    assert sorted(row["spent_s"] for row in after) == [row["spent_s"] for row in after]
    notes = json.loads((out / "small.json").read_text())["card"]["notes"]
    assert 12 <= notes["spent_s"] < 18  # the budget, and no more than a step and what ends a slice beyond
    assert notes["steps"] > step


def test_the_card_is_what_compare_takes(trained, data):
    name, out, _, second = trained
    assert f"next: bsct-zoo compare {name}:{out / 'small.safetensors'}" in second.stdout
    card = parse_model(f"{name}:{out / 'small.safetensors'}").card
    assert card.level_of_theory == "springs" and card.elements == ("H", "C", "O")
    assert card.parameters == card.notes["parameters"] > 0
    assert "--budget 12 --seed 0" in card.source and str(out) not in card.source and str(data) not in card.source
    settings = card.notes["settings"]
    assert settings["ema_decay"] == 0.9 and settings["budget_s"] == 12 and settings["energy_weight"] == 5.0
    assert card.notes["data_sha256"] == json.loads((data / "manifest.json").read_text())["sha256"]


def test_the_errors_are_those_of_the_checkpoint(trained, data):
    """Against the same frames through the interface, one by one, summed by hand."""
    import numpy as np
    import torch

    from bsct_zoo.runtime.load import load_potential
    from bsct_zoo.training.data import read_training_data

    name, out, _, _ = trained
    spec = parse_model(f"{name}:{out / 'small.safetensors'}")
    frames = read_training_data(data).test
    energy, forces = [], []
    with load_potential(spec.adapter, spec.card, device="cpu", dtype="float32", options=spec.options) as surface:
        for k in range(len(frames)):
            batch, true_energy, true_forces = frames.batch([k], torch.float64)
            found = surface.compute(batch)
            energy.append(abs(found.energy.item() - true_energy.item()) / batch.n_atoms)
            forces += (found.forces.double() - true_forces).abs().flatten().tolist()
    said = spec.card.notes["test"]["all"]
    assert said["energy_mae_mev_atom"] == pytest.approx(1e3 * np.mean(energy), rel=1e-3)
    assert said["forces_mae_mev_A"] == pytest.approx(1e3 * np.mean(forces), rel=1e-3)


def test_ions_are_left_out_where_the_model_takes_no_charge(tmp_path):
    import numpy as np
    import springs

    springs.write(tmp_path / "frames", n_train=40, n_valid=6)
    file, manifest = tmp_path / "frames" / "train.npz", tmp_path / "frames" / "manifest.json"
    raw = dict(np.load(file))
    charge = (np.arange(len(raw["n_atoms"])) % 5 == 0).astype(int)
    np.savez(file, **raw | {"charge": charge, "spin": 1 + charge})
    facts = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({key: value for key, value in facts.items() if key != "sha256"}))
    for name, kept in (("mace", 64), ("transformer", 80)):
        done = subprocess.run(
            command(name, tmp_path / "frames", tmp_path / name, budget="2"), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert ("16 of 112 frames are left out" in " ".join(done.stderr.split())) == (kept == 64)
        card = json.loads((tmp_path / name / "small.json").read_text())["card"]
        assert card["notes"]["frames"] == {"train": kept, "valid": 12}
        assert card["states"] == ([] if name == "mace" else [[0, 1], [1, 2]])


def test_a_finished_run_is_not_repeated(trained, data):
    name, out, _, _ = trained
    before = (out / "small.safetensors").stat().st_mtime_ns, len(validations(out))
    again = subprocess.run(command(name, data, out), capture_output=True, text=True, check=False)
    assert again.returncode == 0 and "nothing was trained" in again.stdout
    assert before == ((out / "small.safetensors").stat().st_mtime_ns, len(validations(out)))


def test_another_run_has_no_place_in_it(trained, data):
    name, out, _, _ = trained
    for change in (["--budget", "13"], ["--seed", "1"], ["--set", "batch_atoms=64"], ["--dtype", "float64"]):
        done = subprocess.run([*command(name, data, out), *change], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "holds a run with" in done.stderr and "another --out" in done.stderr


def test_a_changed_checkpoint_is_not_taken_for_the_trained_one(trained, data, tmp_path):
    name, out, _, _ = trained
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in ("run.json", "small.json", "small.safetensors"):
        (copy / file).write_bytes((out / file).read_bytes())
    with (copy / "small.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x7f")
    done = subprocess.run(command(name, data, copy), capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "was changed since" in done.stderr


def interruptible():
    """Let Ctrl-C through, also where a shell started these tests in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_stops_trainer_and_command(data, tmp_path):
    out = tmp_path / "run"
    words = command("transformer", data, out, "600")
    training = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible)
    try:
        while not (out / "log").exists():
            assert training.poll() is None, training.stderr.read()
            time.sleep(0.1)
        children = children_of(training.pid)
        assert children
        training.send_signal(signal.SIGINT)
        _, said = training.communicate(timeout=60)
    finally:
        training.kill()
    assert training.returncode == 130 and "rerun the same command to resume" in said and "Traceback" not in said
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_two_at_once_do_not_share_a_folder(data, tmp_path):
    out = tmp_path / "run"
    training = subprocess.Popen(command("transformer", data, out, "600"), stderr=subprocess.DEVNULL)
    try:
        while not (out / "run.json").exists():
            assert training.poll() is None
            time.sleep(0.1)
        done = subprocess.run(command("transformer", data, out, "600"), capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "another process is training" in done.stderr
    finally:
        training.kill()
        training.wait()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "ema_dcay=0.9"], "did you mean ema_decay"),
        (["--set", "width=wide"], "must be a whole number"),
        (["--set", "width"], "write width=VALUE"),
        (["--budget", "soon"], "is not a time"),
        (["--name", "../x"], "is not a name"),
        (["--device", "cuda:9"], "is not here"),
    ],
)
def test_what_cannot_be_used_is_one_line(data, tmp_path, words, message):
    done = run("train", "transformer", "--data", data, "--out", tmp_path / "run", "--budget", "5", *words)
    assert done.returncode == 2 and message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and "Traceback" not in done.stderr


def test_a_family_without_a_trainer(data, tmp_path):
    done = run("train", "xtb", "--data", data, "--out", tmp_path)
    assert done.returncode == 2 and "no trainer" in done.stderr and "transformer" in done.stderr


def test_a_trainer_that_dies_says_where_to_look(data, tmp_path):
    out = tmp_path / "run"
    training = subprocess.Popen(command("transformer", data, out, "600"), stderr=subprocess.PIPE, text=True)
    try:
        while not (out / "log").exists():
            assert training.poll() is None, training.stderr.read()
            time.sleep(0.1)
        for child in children_of(training.pid):
            os.kill(child, signal.SIGKILL)
        _, said = training.communicate(timeout=60)
    finally:
        training.kill()
    assert training.returncode == 1 and "killed by signal SIGKILL" in said and "train.log" in said


def children_of(pid):
    found = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


# -- runs that go by steps -------------------------------------------------------------------------------------

STEPS = """
[training]
steps = 240
state_every = 20
validate_every = 40
batch_atoms = 32
patience = 100
fsd_weight = 1e-3
fsd_frames = 4

[model]
width = 16
blocks = 1
k = 4
directions = true
"""


@pytest.fixture(scope="module")
def configured(data, tmp_path_factory):
    """A configuration beside scans to train smoothness on: those of the suite, moved, as the model knows H, C and O."""
    import dataclasses

    from bsct_zoo.suites.library import open_suite
    from bsct_zoo.suites.suite_file import write_suite

    folder = tmp_path_factory.mktemp("configured")
    suite = open_suite("core")
    scans = [s for s in suite.scans if set(s.atomic_numbers) <= {1, 6, 8}][:2]
    moved = tuple(dataclasses.replace(s, positions=s.positions + 0.5) for s in scans)
    write_suite(folder / "scans.npz", dataclasses.replace(suite, name="mine", scans=moved))
    head = f'data = "{data}"\nfsd_scans = "{folder / "scans.npz"}"\n'
    (folder / "run.toml").write_text(head + STEPS)
    return folder / "run.toml"


def by_config(file, out):
    return [*ZOO, "train", "transformer", "--config", str(file), "--out", str(out)]


def test_a_killed_run_of_steps_gives_the_same_weights_to_the_bit(configured, tmp_path):
    whole = subprocess.run(by_config(configured, tmp_path / "whole"), capture_output=True, text=True, check=False)
    assert whole.returncode == 0, whole.stderr
    out = tmp_path / "killed"
    for kept in ("state.ckpt", "validation.csv"):  # once early, once later
        training = subprocess.Popen(by_config(configured, out), stderr=subprocess.DEVNULL)
        try:
            while not (out / kept).exists():
                assert training.poll() is None
                time.sleep(0.01)
            children = children_of(training.pid)
            training.send_signal(signal.SIGKILL)
        finally:
            training.kill()
            training.wait()
        for child in children:  # it ends when the command does
            while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes():
                time.sleep(0.01)
    assert not (out / "small.safetensors").exists()
    last = subprocess.run(by_config(configured, out), capture_output=True, text=True, check=False)
    assert last.returncode == 0 and "going on from step" in last.stderr, last.stderr
    for file in ("small.safetensors", "best.pt"):
        assert (out / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    notes = json.loads((out / "small.json").read_text())["card"]["notes"]
    assert notes["steps"] == 240 and notes["settings"]["fsd_weight"] == 1e-3
    # What it was made from lies beside it, and is another run's configuration as it stands.
    from bsct_zoo.training.config import read_config

    merged = read_config(out / "small.config.json")
    assert merged.settings["steps"] == 240 and merged.settings["width"] == 16 and merged.options["seed"] == 0
    assert Path(merged.options["data"][0]).resolve() == read_data(configured) and merged.options["budget"] == "30m"


def read_data(file):
    from bsct_zoo.training.config import read_config

    return Path(read_config(file).options["data"][0]).resolve()


def test_the_command_line_wins_over_the_file(configured, data, tmp_path):
    words = [*by_config(configured, tmp_path / "run"), "--set", "steps=4", "--set", "fsd_weight=0", "--seed", "7"]
    words += ["--set", "fsd_scans=", "--set", "patience=0", "--set", "directions=true"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    merged = json.loads((tmp_path / "run" / "small.config.json").read_text())
    assert merged["seed"] == 7 and merged["settings"]["steps"] == 4 and merged["settings"]["width"] == 16
    assert "4 steps" in done.stdout
    learned = json.loads((tmp_path / "run" / "small.json").read_text())["card"]["notes"]["rotation"]  # not by design
    assert 0 < learned["forces_mae_mev_A"] < 1e3 and 0 < learned["energy_mae_mev_atom"] < 1e3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("widht = 3", "unknown setting of this trainer 'widht'; did you mean width"),
        ("budgte = 3", "unknown key 'budgte' in the file of --config; did you mean budget?"),
        ("seed = -1", "seed must be at least 0"),
        ('dtype = "float16"', "choose float32 or float64"),
        ("monitor = 'fsd'", "monitor=fsd needs a suite to score on"),
        ("fsd_weight = 1.0", "fsd_weight and fsd_scans go together"),
        ("fsd_weight = 1.0\nfsd_scans = 'core'", "in the shipped suite 'core', which must not be used for training"),
        ("bsct = 'cor'", "unknown suite 'cor'; did you mean core"),
        ("fsd_weight = 1.0\nfsd_scans = 'nowhere.npz'", "unknown suite 'nowhere.npz'"),
        ("warm_up = 2.0", "warm_up must be from 0 to below 1"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(data, tmp_path, line, message):
    (tmp_path / "run.toml").write_text(f'data = "{data}"\nout = "run"\nbudget = 5\n{line}\n')
    done = run("train", "transformer", "--config", tmp_path / "run.toml")
    assert done.returncode == 2 and message in done.stderr
    said = [line for line in done.stderr.strip().splitlines() if not line.startswith("transformer: ")]
    assert len(said) == 1 and "Traceback" not in done.stderr


def test_without_data_or_a_folder_there_is_no_run(tmp_path):
    done = run("train", "transformer", "--out", tmp_path / "run")
    assert done.returncode == 2 and "--data is missing" in done.stderr
    done = run("train", "transformer", "--data", tmp_path)
    assert done.returncode == 2 and "--out is missing" in done.stderr
