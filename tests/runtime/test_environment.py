import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from bsct_zoo_toy import adapter
from bsct_zoo_toy.loader import LennardJones

from bsct_zoo.errors import BadInputError, EnvironmentBuildError, ModelError
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec
from bsct_zoo.runtime import environment, load, uv_tool, wheel_sizes
from bsct_zoo.runtime.remote import RemotePotential

TOY = adapter("six==1.16.0")
ROOT = Path(__file__).parents[2]
BUILD = f"""
import sys; sys.path.insert(0, {str(ROOT / "tests/runtime/plugins")!r})
from bsct_zoo_toy import adapter
from bsct_zoo.runtime import environment
print(environment.build(adapter("six==1.16.0"), lambda text: print(text, flush=True)).python)
"""


def builder(cache):
    environ = {**os.environ, "BSCT_ZOO_CACHE": str(cache)}
    return subprocess.Popen([sys.executable, "-c", BUILD], stdout=subprocess.PIPE, text=True, env=environ, cwd=ROOT)


def has_six(python):
    done = subprocess.run([python, "-I", "-c", "import six, torch; print(six.__version__)"], stdout=subprocess.PIPE)
    return done.stdout == b"1.16.0\n"


def no_uv_please(*arguments):
    raise AssertionError("uv was run")


# -- a whole one -------------------------------------------------------------------------------------------


def test_a_model_runs_in_its_environment(built, ethanol):
    with load.load_potential(TOY, TOY.cards[0], device="cpu") as potential:
        assert isinstance(potential, RemotePotential)
        here = LennardJones(TOY.cards[0], "cpu", "float64", "good").compute(ethanol(3))
        there = potential.compute(ethanol(3))
        assert torch.equal(here.energy, there.energy) and torch.equal(here.forces, there.forces)
    assert load.where(TOY) == f"environment {built.folder}"


def test_it_holds_what_was_asked_and_the_torch_of_this_interpreter(built):
    assert has_six(built.python)
    assert "six==1.16.0" in built.lock.read_text()
    found = load.package_versions(TOY)
    assert found["six"] == "1.16.0" and found["torch"] == version("torch")
    assert built.python_version == sys.version.split()[0]


def test_only_the_adapter_and_the_core_are_seen_from_there(built):
    with pytest.raises(ModelError, match=r"RuntimeError: six$"):  # neither typer nor pytest
        load.load_potential(TOY, TOY.cards[0], device="cpu", options={"mode": "sees"})


def test_once_made_uv_is_not_asked_again(built, monkeypatch):
    monkeypatch.setattr(environment, "run_uv", no_uv_please)
    assert environment.build(TOY) == built


def test_the_folder_changes_with_what_it_must_hold():
    same = adapter("six==1.16.0")
    others = [adapter("six"), adapter("six==1.16.0", overrides=("numpy",)), adapter()]
    assert environment.folder_of(same) == environment.folder_of(TOY)
    assert len({environment.folder_of(a) for a in [TOY, *others]}) == 4


def test_here_and_not_here(monkeypatch, tmp_path):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path))
    assert load.where(adapter()) == "here"
    assert load.where(TOY) == "not built"
    assert load.package_versions(adapter())["torch"] == version("torch")


# -- two at once, and one that is killed -------------------------------------------------------------------


def wheel(folder, version):
    """A wheel of a package with one line of code, made by hand."""
    stem, info = f"bsct_zoo_tiny-{version}", f"bsct_zoo_tiny-{version}.dist-info"
    files = {
        "bsct_zoo_tiny.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: bsct-zoo-tiny\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as file:
        for name, text in files.items():
            file.writestr(name, text)


def test_newer_releases_change_no_environment_that_is_locked(built, tmp_path, monkeypatch):
    wheels, tiny = tmp_path / "wheels", adapter("bsct-zoo-tiny")
    wheels.mkdir()
    links = ",".join(filter(None, [os.environ.get("UV_FIND_LINKS", "").replace(" ", ","), str(wheels)]))
    monkeypatch.setenv("UV_FIND_LINKS", links)
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "one"))
    wheel(wheels, "1.0")
    first = environment.build(tiny)
    lock = tmp_path / "taken-along.lock"
    lock.write_bytes(first.lock.read_bytes())
    assert first.versions["bsct-zoo-tiny"] == "1.0"

    wheel(wheels, "2.0")
    assert environment.build(tiny) == first
    first.python.unlink()  # as when the Python that it was made of is removed: it is made again
    said = []
    again = environment.build(tiny, said.append)
    assert again.versions == first.versions and again.python.exists()
    assert any("is damaged; making it again" in line for line in said)

    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "two"))  # elsewhere
    assert environment.build(tiny, lock=lock).versions == first.versions
    assert environment.build(tiny, lock=lock).versions == first.versions

    environment.remove(tiny)  # how it is renewed on purpose
    new = environment.build(tiny)
    assert new.versions == {**first.versions, "bsct-zoo-tiny": "2.0"}
    with pytest.raises(BadInputError, match=r"has other versions than .*taken-along.lock; first: bsct-zoo env remove"):
        environment.build(tiny, lock=lock)


def test_a_lock_that_is_none(tmp_path):
    with pytest.raises(BadInputError, match=r"cannot read .*no.lock: No such file"):
        environment.build(TOY, lock=tmp_path / "no.lock")
    (tmp_path / "prose.lock").write_text("Dear reader,\n")
    with pytest.raises(BadInputError, match="pins no package"):
        environment.build(TOY, lock=tmp_path / "prose.lock")


def test_two_processes_make_it_once(built, tmp_path):
    first, second = builder(tmp_path), builder(tmp_path)
    said = [process.communicate(timeout=120)[0].splitlines() for process in (first, second)]
    assert said[0][-1] == said[1][-1] and has_six(said[0][-1])
    assert sum(line.startswith("Installed") for lines in said for line in lines) == 1
    assert len(list(tmp_path.glob("environments/toy-*/build-*"))) == 1


@pytest.mark.parametrize("moment", ["venv/pyvenv.cfg", "requirements.lock", "venv/lib/python*/site-packages/torch"])
def test_a_killed_build_is_never_taken_for_a_whole_one(moment, built, tmp_path, monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path))
    process = builder(tmp_path)
    end = time.monotonic() + 60
    while not list(tmp_path.glob(f"environments/toy-*/build-*/{moment}")) and time.monotonic() < end:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert list(tmp_path.glob("environments/toy-*/build-*")), "nothing was begun"
    assert environment.find(TOY) is None
    assert has_six(environment.build(TOY).python)


def test_a_failed_build_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path))
    broken = adapter("numpy<1.27", "numpy>2")
    expected = r"cannot make the environment for 'toy': Because .*numpy"
    with pytest.raises(EnvironmentBuildError, match=expected) as caught:
        environment.build(broken)
    assert "unsatisfiable" in caught.value.log_tail and "\n" not in str(caught.value)
    assert not list(tmp_path.glob("environments/*/*"))


def test_an_environment_whose_python_is_gone_is_made_again(tmp_path, monkeypatch, built):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path))
    folder = environment.folder_of(TOY)
    (folder / "build-x").mkdir(parents=True)
    shutil.copy(built.folder / "complete.json", folder)
    assert environment.find(TOY) is None
    (folder / "complete.json").write_text("[]")
    assert environment.find(TOY) is None


def test_remove(built, tmp_path, monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path))
    for name in ("toy-0123456789ab", "toy-ba9876543210", "toy-two-0123456789ab"):
        (tmp_path / "environments" / name).mkdir(parents=True)
    assert [path.name for path in environment.remove(TOY)] == ["toy-0123456789ab", "toy-ba9876543210"]
    assert [p.name for p in tmp_path.glob("environments/*") if p.is_dir()] == ["toy-two-0123456789ab"]


# -- what can be in the way --------------------------------------------------------------------------------


def test_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    expected = r"'toy': no network and \S+ not in uv's cache; connect and run 'bsct-zoo env build toy'$"
    with pytest.raises(EnvironmentBuildError, match=expected) as caught:
        environment.build(adapter("bsct-zoo-no-such-package"))
    assert caught.value.log_tail


def test_no_uv(tmp_path, monkeypatch):
    import uv

    def missing():
        raise FileNotFoundError

    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path))
    monkeypatch.setattr(uv, "find_uv_bin", missing)
    monkeypatch.setattr(uv_tool.shutil, "which", lambda name: None)
    with pytest.raises(EnvironmentBuildError, match="pip install uv"):
        environment.build(TOY)


def test_a_cache_that_takes_no_files(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(BadInputError, match="set BSCT_ZOO_CACHE"):
        environment.build(TOY)


def test_the_torch_of_this_interpreter_is_tried_first(monkeypatch):
    attempts = {}
    monkeypatch.setattr(environment, "without_gpu", lambda: False)
    for found in ("2.13.0+cpu", "2.13.0", "2.13.0+mine", None):
        monkeypatch.setattr(environment, "_torch_version", lambda found=found: found)
        attempts[found] = environment._torch_attempts()
    assert attempts["2.13.0+cpu"] == [
        (["torch==2.13.0+cpu"], []),
        (["torch==2.13.0+cpu"], ["--torch-backend", "cpu"]),
        (["torch==2.13.0"], []),
        ([], []),
    ]
    assert attempts["2.13.0"] == [(["torch==2.13.0"], []), ([], [])]
    assert attempts["2.13.0+mine"] == [(["torch==2.13.0+mine"], []), (["torch==2.13.0"], []), ([], [])]
    assert attempts[None] == [([], [])]
    monkeypatch.setattr(environment, "without_gpu", lambda: True)  # one of PyPI's, with CUDA that nothing needs
    monkeypatch.setattr(environment, "_torch_version", lambda: "2.13.0")
    without = [(["torch==2.13.0"], ["--torch-backend", "cpu"]), (["torch==2.13.0"], []), ([], [])]
    assert environment._torch_attempts() == without


def test_other_torch_if_a_model_asks_for_it(tmp_path, monkeypatch):
    """The pin gives way to what the model requires, without a download: only the resolver is asked."""
    asked = []

    def run(arguments, folder, on_event=None):
        asked.append((folder / "requirements.in").read_text())
        (folder / "requirements.lock").write_text("torch==2.5.0\nnvidia-something==1\n")
        pinned = "torch==2.13" in asked[-1]
        return uv_tool.UvResult(int(pinned), "cause: Because you require torch==2.13.0 and torch==2.5.0" * pinned)

    told = []
    monkeypatch.setattr(environment, "run_uv", run)
    monkeypatch.setattr(environment, "_torch_version", lambda: "2.13.0")
    monkeypatch.setattr(environment, "without_gpu", lambda: False)
    monkeypatch.setattr(environment, "download_text", lambda *_: "3 GB")
    assert environment._lock(adapter("torch==2.5.0"), tmp_path, tmp_path / "python", told.append) == []
    assert len(asked) == 2 and told == [told[0], "3 GB"] and "taking another build or version" in told[0]


def test_importing_costs_nothing():
    script = (
        "import sys, bsct_zoo.runtime.load, bsct_zoo.cli.env, bsct_zoo.runtime.environment;"
        "print([m for m in ('torch', 'numpy', 'ase', 'rich.table') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


# -- devices and the command line --------------------------------------------------------------------------


def test_devices(monkeypatch):
    assert load.resolve_device("cpu") == "cpu"
    assert load.resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.setattr(load, "without_gpu", lambda: False)  # torch itself is asked then
    assert load.resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    for device in ("cuda:99", "gpu", ""):
        with pytest.raises(BadInputError, match="is not here"):
            load.resolve_device(device)


def test_commands(built, monkeypatch):
    from typer.testing import CliRunner

    from bsct_zoo.cli import env
    from bsct_zoo.plugins.registry import Registry

    local = Adapter("local", "runs here", "bsct_zoo_toy.loader:load", (), EnvironmentSpec())
    monkeypatch.setattr(env, "registry", lambda: Registry(adapters={"toy": TOY, "local": local}))
    app, run = env.app, CliRunner(env={"COLUMNS": "200"}).invoke
    listed = run(app, ["list"]).stdout
    assert "own env" in listed and "here" in listed and "six==1.16.0" in listed
    assert run(app, ["path", "toy"]).stdout.strip() + "/bin/python" == str(built.python)
    assert run(app, ["build", "toy"]).stdout.strip() == str(built.folder)
    assert "needs no environment" in " ".join(run(app, ["build", "local"]).stderr.split())
    missing = run(app, ["path", "local"])
    assert missing.exit_code == 1 and not missing.stdout
    assert "has no environment" in run(app, ["remove", "local"]).stderr


def test_a_full_disk_is_called_one(monkeypatch, tmp_path):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path))
    full = uv_tool.UvResult(2, "error: Failed to install: a.whl\n  Caused by: No space left on device (os error 28)")
    assert full.no_space and not uv_tool.UvResult(0, full.output).no_space
    failure = environment._failure(Adapter("a", "s", "m:f", ()), full)
    assert "the disk is full" in str(failure) and str(tmp_path) in str(failure) and "\n" not in str(failure)


# -- what is downloaded --------------------------------------------------------------------------------------


def test_the_size_of_a_download_is_that_of_its_largest_wheels():
    lock = {
        "packages": [
            {"name": "torch", "wheels": [{"size": 900_000_000}, {"size": 100_000_000}]},
            {"name": "nvidia-cublas-cu12", "wheels": [{"size": 600_000_000}]},
            {"name": "triton", "wheels": [{"size": 200_000_000}]},
            {"name": "nvidia-ml-py", "wheels": [{"size": 58_000}]},
            {"name": "six", "sdist": {"size": 34_000}},
            {"name": "odd", "wheels": [{}]},
        ]
    }
    assert wheel_sizes.sizes(lock) == pytest.approx((1.700092, 0.8))


def test_a_large_download_is_said_before_it_starts(tmp_path, monkeypatch):
    """By uv's own answer for a real package; the limit is lowered to it."""
    (tmp_path / "requirements.lock").write_text("numpy==2.2.0\n")
    flags = ["--python", sys.executable]
    assert wheel_sizes.download_text(tmp_path, flags) == ""  # 16 MB
    monkeypatch.setattr(wheel_sizes, "_WORTH_SAYING", 0.01)
    assert wheel_sizes.download_text(tmp_path, flags) == "this environment downloads up to 0.0 GB"
    monkeypatch.setattr(wheel_sizes, "_CUDA", ("num",))
    assert "0.0 GB of them CUDA libraries; install a torch for CPUs" in wheel_sizes.download_text(tmp_path, flags)
    (tmp_path / "requirements.lock").write_text("no-such-package-of-ours==1\n")
    assert wheel_sizes.download_text(tmp_path, flags) == ""
