"""A real third-party package, installed from a folder outside the tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A function that installs a third-party package into a folder of its own, and returns the folder."""
    from bsct_zoo.runtime.uv_tool import run_uv

    def install(name):
        outside = tmp_path_factory.mktemp(name)
        shutil.copytree(PACKAGES / name, outside / "package")
        target = outside / "site"
        arguments = ["pip", "install", "--no-deps", "--python", sys.executable, "--target", str(target)]
        done = run_uv([*arguments, str(outside / "package")], outside)
        assert done.code == 0, done
        return target

    return install


@pytest.fixture(scope="module")
def site(installed):
    return installed("good")


@pytest.fixture(scope="module")
def old_site(installed):
    return installed("old")


def zoo(site, *arguments):
    return python(site, "-m", "bsct_zoo", *arguments)


def python(site, *arguments):
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": path, "COLUMNS": "120"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False)


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


def test_plugins_of_the_first_version_load_and_are_told_what_to_change(old_site):
    done = zoo(old_site, "compare", "old-trap", "--suite", "old-suite", "--limit", "1", "--md", "old-check")
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if "bsct-zoo 0.1" in line]
    assert len(warnings) == 3, done.stderr
    for plugin, change in {
        "old_adapter": "bsct_zoo.checkpoints.read_vouched -> bsct_zoo.runtime.checkpoints.read_trusted",
        "old_suite": "bsct_zoo.scans.source -> bsct_zoo.plugins.suite_source",
        "old_check": "bsct_zoo.checks -> bsct_zoo.plugins.checks",
    }.items():
        (line,) = [line for line in warnings if f"plugin '{plugin}' uses names of bsct-zoo 0.1" in line]
        assert change in line
        assert line.endswith("update these names")
        assert ("register_checks -> register_tasks" in line) == (plugin == "old_check")
    assert "old-trap" in done.stdout


def test_a_check_of_the_first_version_knows_its_time_step(old_site):
    done = zoo(old_site, "md", "old-trap", "--check", "old-check", "--molecule", "H2O", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert '"step": 0.5' in done.stdout


WORKER = """
import sys
from ase.build import molecule
from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.plugins.registry import registry
from bsct_zoo.runtime.remote import RemotePotential

adapter = registry().adapters["old-trap"]
with RemotePotential(sys.executable, adapter, adapter.cards[0], device="cpu", dtype="float64", options={}) as potential:
    info = potential.info
    print(info.conservative, info.supports_charge_spin, info.equivariant)
    print(potential.compute(AtomsBatch.from_atoms([molecule("H2O")])).forces.shape)
"""


def test_an_adapter_of_the_first_version_computes_in_a_worker(old_site):
    done = python(old_site, "-c", WORKER)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True True False\ntorch.Size([3, 3])\n"


def test_every_old_path_leads_somewhere():
    from importlib import import_module

    from bsct_zoo import legacy

    for name in (*legacy.MODULES, *legacy.TRANSLATED, *legacy.NAMES):
        import_module(name)
    for module, names in legacy.NAMES.items():
        for old, new in names.items():
            assert getattr(import_module(module), old) is getattr(import_module(module), new)
    with pytest.raises(ImportError):
        import_module("bsct_zoo.scans.nowhere")
    legacy.used_by_last_import()
