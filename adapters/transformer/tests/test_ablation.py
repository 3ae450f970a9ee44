"""``bsct-zoo ablate transformer`` as a user runs it: a ladder of two rungs, killed in the middle, and gone on with."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from bsct_zoo_transformer.ablation import SCORES
from bsct_zoo_transformer.config import TransformerConfig
from bsct_zoo_transformer.ladder import LADDER, chosen_rungs

from bsct_zoo.errors import UnknownNameError
from bsct_zoo.training.settings import settings_for

RUNGS = ("hard-knn", "broad-basis-direct")
REFERENCE = {"H": -10.0, "C": -50.0, "O": -100.0}
pytestmark = pytest.mark.timeout(3000)  # a busy machine
needs_lightning = pytest.mark.skipif(find_spec("lightning") is None, reason="needs lightning")


def test_rungs_differ_by_one_thing_and_are_designs():
    for rung in LADDER:
        (architecture,) = settings_for(rung.settings, TransformerConfig)
        assert architecture == rung.settings
    ladder = [rung.settings for rung in LADDER if rung.settings["forces"] == "gradient"]
    for before, after in itertools.pairwise(ladder):
        assert sum(before[key] != after[key] for key in before) == 1
    for rung in LADDER:
        if rung.name.endswith("-direct"):
            (twin,) = chosen_rungs([rung.name.removesuffix("-direct")])
            assert rung.settings == {**twin.settings, "forces": "direct"}


def test_rungs_come_in_the_order_of_the_ladder():
    assert [rung.name for rung in chosen_rungs(["broad-basis", "soft-knn"])] == ["soft-knn", "broad-basis"]
    with pytest.raises(UnknownNameError, match="soft-knn"):
        chosen_rungs(["soft-nn"])


def command(*words):
    return [sys.executable, "-m", "bsct_zoo", "ablate", "transformer", *map(str, words)]


def run(*words):
    return subprocess.run(command(*words), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Frames of carbon monoxide and hydrogen on springs."""
    folder, random = tmp_path_factory.mktemp("frames"), np.random.default_rng(0)
    for split, n in (("train", 64), ("valid", 8), ("test", 8)):
        length = random.normal(1.1, 0.08, n)
        numbers = np.where(np.arange(n)[:, None] % 2, [6, 8], [1, 1])
        positions = np.zeros((n, 2, 3))
        positions[:, 1, 2] = length
        forces = np.zeros_like(positions)
        forces[:, 0, 2], forces[:, 1, 2] = 20 * (length - 1.1), -20 * (length - 1.1)
        alone = np.vectorize({1: -10.0, 6: -50.0, 8: -100.0}.get)(numbers).sum(1)
        np.savez(
            folder / f"{split}.npz",
            n_atoms=np.full(n, 2),
            atomic_numbers=numbers.ravel(),
            positions=positions.reshape(-1, 3),
            forces=forces.reshape(-1, 3),
            energy=alone + 10 * (length - 1.1) ** 2,
        )
    (folder / "manifest.json").write_text(json.dumps({"level_of_theory": "springs", "reference_energies": REFERENCE}))
    return folder


def given(data, out):
    small = ["--set", "width=16", "--set", "hidden=16", "--set", "blocks=1", "--set", "heads=2", "--set", "k=4"]
    return ["--data", data, "--out", out, "--budget", "2", "--seeds", "1", "--rungs", ",".join(RUNGS), *small]


@pytest.fixture(scope="module")
def ladder(data, tmp_path_factory):
    """What two calls left: one that was killed when its first rung was finished, and one that went to the end."""
    out = tmp_path_factory.mktemp("ladder") / "out"
    words = [*given(data, out), "--suite", "core,dimers", "--limit", "4", "--time", "0.005"]
    first = subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    done = out / RUNGS[0] / "seed-0" / f"{RUNGS[0]}.json"
    deadline = time.monotonic() + 1500
    while not ((out / RUNGS[1]).exists() and done.exists()):
        assert first.poll() is None, first.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    before = {path.name: path.stat().st_mtime_ns for path in done.parent.glob("*.safetensors")}
    return out, before, run(*words)


@needs_lightning
def test_a_killed_ladder_goes_on(ladder):
    out, before, done = ladder
    assert done.returncode in (0, 1), done.stderr  # a model of seconds may explode
    after = {path.name: path.stat().st_mtime_ns for path in (out / RUNGS[0] / "seed-0").glob("*.safetensors")}
    assert before and after == before
    found = json.loads((out / "ablation.json").read_text())
    assert found["kind"] == "ablation"
    assert [(one["name"], one["n_scans"]) for one in found["suites"]] == [("core", 4), ("dimers", 4)]
    assert [rung["name"] for rung in found["rungs"]] == list(RUNGS)
    for rung in found["rungs"]:
        (one,) = rung["runs"]
        assert set(one["values"]) == {*SCORES, *(f"dimers/{name}" for name in SCORES), "forces_mae", "drift", "failed"}
        assert one["values"]["fsd_full"] != one["values"]["dimers/fsd_full"]
        assert one["values"]["forces_mae"] == one["errors"]["test"]["forces_mae_mev_A"]
        assert (out / one["checkpoint"]).exists()


@needs_lightning
def test_the_table_has_a_row_for_every_rung(ladder):
    out, _, done = ladder
    for text in (done.stdout, (out / "ablation.md").read_text()):
        assert text.count("hard kNN") >= 2 and text.count("all, direct") >= 2  # a table for each suite
        assert "core: 1 seed" in text and "dimers: 1 seed" in text
    if find_spec("matplotlib"):
        assert "<svg" in (out / "ablation.svg").read_text()


@needs_lightning
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rungs", "nothing"], "unknown rung 'nothing'"),
        (["--set", "graph=radius"], "what the rungs differ in"),
        (["--suite", "core,core"], "core is named twice"),
        (["--set", "nonsense=1"], "unknown setting of this trainer 'nonsense'"),
    ],
)
def test_what_cannot_be_is_one_line(data, tmp_path, words, message):
    found = run("--data", data, "--out", tmp_path / "out", "--budget", "1", *words)
    assert found.returncode == 2
    (line,) = [line for line in found.stderr.splitlines() if line.startswith("error")]
    assert message in line


def test_help_names_no_heavy_import():
    code = "import sys, bsct_zoo_transformer.command; print('torch' in sys.modules)"
    folder = Path(__file__).parents[1]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True)
    assert found.stdout.strip() == "False"
