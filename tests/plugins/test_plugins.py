"""A real third-party package, installed from a folder outside the tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "good"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the third-party package installed in it."""
    from bsct_zoo.runtime.uv_tool import run_uv

    outside = tmp_path_factory.mktemp("outside")
    shutil.copytree(SOURCE, outside / "package")
    target = outside / "site"
    arguments = ["pip", "install", "--no-deps", "--python", sys.executable, "--target", str(target)]
    done = run_uv([*arguments, str(outside / "package")], outside)
    assert done.code == 0, done
    return target


def zoo(site, *arguments):
    environment = os.environ | {"PYTHONPATH": str(site), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", "bsct_zoo", *arguments], capture_output=True, text=True, env=environment, check=False
    )


def test_it_computes(site):
    done = zoo(site, "compare", "trap", "--limit", "2", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "trap" in done.stdout


def test_its_command_is_there(site):
    assert zoo(site, "hello").stdout == "hello from a plugin\n"


def test_each_broken_plugin_costs_one_line(site):
    done = zoo(site, "models")
    assert done.returncode == 0
    warnings = [line for line in done.stderr.splitlines() if line]
    assert all(line.startswith("warning: plugin '") for line in warnings)
    for name, why in {
        "bad_import": "RuntimeError: broken on import",
        "bad_signature": "wrong",
        "bad_hook": "ValueError: cannot say what suites",
        "taken": "the name 'xtb' is taken",
    }.items():
        assert sum(name in line and why in line for line in warnings) == 1, (name, done.stderr)
    for model in ("trap", "second", "xtb", "transformer"):
        assert model in done.stdout
