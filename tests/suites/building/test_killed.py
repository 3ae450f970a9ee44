"""Builds that are killed: whatever they were at, the same command ends with the same suite."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

SPRINGS = "ase:bsct_zoo_test_calculators.Springs"
HASTY = "xtb@max_iterations=9"  # some frames need fallback settings
STATE = "bsct_zoo.evaluation.store:Shelf.write_state"
ANSWER = "bsct_zoo.evaluation.store:Shelf.write"


def zoo(data, *words, module=("bsct_zoo",), wait=True):
    command = [sys.executable, "-m", *module, "suites", "build", "mine", *words, "--author", "me", "--quiet"]
    environ = os.environ | {"BSCT_ZOO_DATA": str(data), "COLUMNS": "80"}
    if not wait:
        return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def left_by(data):
    """What is in the data folder; the manifest without its date."""
    folder = data / "suites"
    manifest = json.loads((folder / "mine.json").read_text())
    del manifest["made"]
    return sorted(p.name for p in folder.iterdir()), (folder / "mine.npz").read_bytes(), manifest


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The command of two builds, and what they leave when nothing comes between."""
    from ase.build import molecule
    from ase.io import write

    pytest.importorskip("tblite")
    pytest.importorskip("rdkit")
    folder = tmp_path_factory.mktemp("whole")
    write(folder / "two.xyz", [molecule("CH3CH2OH"), molecule("CH3OCH3")])
    (folder / "two.smi").write_text("OO hydrogen-peroxide\nNN hydrazine\n")
    words = {
        "hasty": ("--from", str(folder / "two.xyz"), "--frames", "10", "--reference", HASTY, "--jobs", "2"),
        "relaxed": ("--from", str(folder / "two.smi"), "--frames", "6", "--reference", "xtb", "--jobs", "2"),
    }
    whole = {}
    for name, of_build in words.items():
        done = zoo(folder / name, *of_build)
        assert done.returncode == 0, done.stderr
        whole[name] = left_by(folder / name)
    assert whole["hasty"][2]["frames_with_fallback_settings"] > 3
    return words, whole


@pytest.mark.parametrize(
    ("source", "place", "count"),
    [
        ("relaxed", ANSWER, 1),  # a molecule is relaxed and not kept yet
        ("relaxed", ANSWER, 2),
        ("hasty", STATE, 1),
        ("hasty", STATE, 5),
        ("hasty", ANSWER, 2),  # one of three scans is kept
        ("hasty", "bsct_zoo.evaluation.building:write_manifest", 1),
        ("hasty", "bsct_zoo.evaluation.building:shutil.rmtree", 1),  # all is there, what was unfinished too
    ],
)
def test_the_same_command_ends_with_the_same_suite(sources, tmp_path, source, place, count):
    words, whole = sources
    killed = zoo(tmp_path, *words[source], module=("bsct_zoo_test_dying", place, str(count)))
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "suites" / ".mine.frames").exists()
    done = zoo(tmp_path, *words[source])
    assert done.returncode == 0, done.stderr
    assert left_by(tmp_path) == whole[source]


def test_a_kill_from_outside_costs_the_frames_in_hand(ethanol_file, tmp_path):
    log = tmp_path / "log"
    words = [
        "--from",
        str(ethanol_file),
        "--frames",
        "50",
        "--jobs",
        "2",
        "--reference",
        f"{SPRINGS}@pause=0.05,log={log}",
    ]
    killed = zoo(tmp_path / "data", *words, wait=False)
    hidden = tmp_path / "data" / "suites" / ".mine.frames"
    until = time.monotonic() + 240
    while killed.poll() is None and time.monotonic() < until:
        if len(list(hidden.glob("*/state-*.npz"))) == 2 and len(log.read_text().splitlines()) > 40:
            break
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "data" / "suites" / "mine.npz").exists()
    (hidden / "half.part").write_bytes(b"what a killed process left")
    assert 0 < len(log.read_text().splitlines()) < 150
    done = zoo(tmp_path / "data", *words)
    assert done.returncode == 0, done.stderr
    in_hand = 2 * 45  # two workers, two seconds' worth of frames each
    assert 150 <= len(log.read_text().splitlines()) <= 150 + in_hand
    fresh = zoo(tmp_path / "fresh", *words)
    assert fresh.returncode == 0, fresh.stderr
    assert left_by(tmp_path / "data")[:2] == left_by(tmp_path / "fresh")[:2]
