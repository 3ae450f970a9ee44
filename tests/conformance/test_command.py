"""``bsct-zoo check`` from outside."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bsct_zoo.conformance.properties import PROPERTIES

PLUGINS = Path(__file__).parent / "plugins"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """Run the command where the plugin is installed: it has an entry point."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "bsct_zoo_faulty-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bsct-zoo-faulty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[bsct_zoo]\nfaulty = bsct_zoo_faulty\n")
    path = os.pathsep.join([str(folder), str(PLUGINS), *filter(None, [os.environ.get("PYTHONPATH")])])
    environ = {**os.environ, "PYTHONPATH": path, "COLUMNS": "80", "NO_COLOR": "1"}

    def run(*arguments):
        command = [sys.executable, "-m", "bsct_zoo", "check", *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, cwd=folder)

    return run


def test_the_table(check):
    done = check("faulty@fault=stress_of_the_wrong_sign", "--only", "stress,forces", "--only", "cutoff")
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines)
    rows = {line.split()[0]: line.split() for line in lines if line and line.split()[0] in PROPERTIES}
    assert list(rows) == ["forces", "stress", "cutoff"]
    assert rows["stress"][1] == "FAILED" and float(rows["stress"][2]) > float(rows["stress"][3])
    assert rows["forces"][1] == "passed" and float(rows["forces"][2]) <= float(rows["forces"][3])
    assert "not the derivative by strain" in done.stdout
    assert "2 passed, 1 failed" in lines[-1]
    assert [line.split(",")[0] for line in done.stderr.splitlines()] == [
        "forces: passed",
        "stress: failed",
        "cutoff: passed",
    ]


def test_json(check, tmp_path):
    file = tmp_path / "found.json"
    done = check("faulty", "--only", "shapes,forces", "--dtype", "float32", "--json", str(file))
    assert done.returncode == 0, done.stderr
    said = json.loads(file.read_text())
    assert said["model"] == "faulty" and said["dtype"] == "float32" and said["schema"] == 1
    assert said["counts"] == {"passed": 2, "failed": 0, "reported": 0, "skipped": 0}
    assert [one["property"] for one in said["findings"]] == ["shapes", "forces"]
    done = check("faulty@fault=nan_for_oxygen", "--only", "determinism", "--json", "-", "--quiet")
    assert done.returncode == 1 and done.stderr == ""
    [one] = json.loads(done.stdout)["findings"]
    assert one["status"] == "failed" and one["figure"] is None  # not a number, which JSON cannot hold


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fautly"], "unknown model 'fautly'; did you mean faulty"),
        (["faulty", "--only", "force"], "unknown property 'force'; did you mean forces"),
        (["faulty", "--elements", "H,Xx"], "--elements takes chemical symbols, e.g. 'H,C,Cu', not 'Xx'"),
        (["faulty", "--json", "absent/found.json"], "make it first"),
        (["faulty", "--device", "cuda:99"], "device 'cuda:99' is not here"),
    ],
)
def test_bad_input(check, arguments, words):
    done = check(*arguments)
    assert done.returncode == 2
    assert words in done.stderr and done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_every_property_is_explained():
    page = (ROOT / "docs" / "conformance.md").read_text()
    for name, judge in PROPERTIES.items():
        assert f"`{name}`" in page, name
        assert judge.__doc__.strip().endswith(".")
