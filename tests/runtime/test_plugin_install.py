"""Third-party packages installed, listed and removed by the command line, in environments without pip."""

import json
import os
import pty
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from bsct_zoo.errors import BadInputError
from bsct_zoo.runtime.plugin_install import check_interpreter, parse_source

ADAPTER = """
from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, ModelCard

@hookimpl
def register_adapters():
    card = ModelCard("only", "a trap", "none", "MIT", "a test")
    return [Adapter("{name}", "a trap", "{module}.loader:load", (card,), EnvironmentSpec({requirements}))]
"""
LOADER = """
{imports}
import torch
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction

class Trap(Potential):
    info = PotentialInfo(None, None, "float64", "cpu", True, "none", "MIT")

    def compute(self, batch):
        squares = (batch.positions.double() ** 2).sum(1)
        energy = torch.zeros(batch.n_systems, dtype=torch.float64).index_add(0, batch.system_idx, squares)
        return Prediction(energy, -2 * batch.positions)

def load(card, device, dtype):
    return Trap()
"""


def package(parent, name, *, version="1.0", needs=(), init=None, loader="", requirements=(), points=None):
    """A package called ``name`` in ``parent``, with one adapter of the same name unless ``init`` says otherwise."""
    module = name.replace("-", "_")
    folder = parent / name
    (folder / module).mkdir(parents=True, exist_ok=True)
    points = {name: module} if points is None else points
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling>=1.25"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = {json.dumps(list(needs))}\n'
        "[project.entry-points.bsct_zoo]\n" + "".join(f'{key} = "{value}"\n' for key, value in points.items())
        if points
        else '[build-system]\nrequires = ["hatchling>=1.25"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = {json.dumps(list(needs))}\n'
    )
    text = ADAPTER.format(name=name, module=module, requirements=repr(tuple(requirements)))
    (folder / module / "__init__.py").write_text(text if init is None else init)
    (folder / module / "loader.py").write_text(LOADER.format(imports=loader))
    return folder


def wheel(folder, into):
    """Build the package in ``folder``, as its author would to publish it."""
    from bsct_zoo.runtime.uv_tool import run_uv

    done = run_uv(["build", "--wheel", "--quiet", "--out-dir", str(into), str(folder)], folder)
    assert done.code == 0, done.output


def listed(run):
    """What ``bsct-zoo plugins --json -`` says of third-party packages, by name, and its exit code."""
    done = run("bsct-zoo", "plugins", "--json", "-")
    packages = json.loads(done.stdout)["packages"]
    assert packages[0]["name"] == "bsct-zoo"
    return {entry["name"]: entry for entry in packages[1:]}, done.returncode


def contents(run):
    """Every file of the environment, to see that nothing was changed."""
    return {path: path.stat().st_mtime_ns for path in run.site.rglob("*") if "__pycache__" not in path.parts}


def refused(run, *command, **options):
    """Run a command that must be refused: one line, exit code 2, nothing changed. Returns the line."""
    before = contents(run)
    done = run("bsct-zoo", *command, **options)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert contents(run) == before
    return lines[0]


@pytest.fixture(scope="module")
def run(make_venv):
    """A command in an environment that one plugin was installed into, and stays in."""
    run = make_venv("plugins")
    package(run.site.parents[3], "steady")
    done = run("bsct-zoo", "install", "./steady", "--yes")
    assert done.returncode == 0, done.stderr
    assert "installed steady 1.0: adapter steady" in done.stderr
    return run


def test_folder_and_back(run, tmp_path):
    package(tmp_path, "guest")
    done = run("bsct-zoo", "install", str(tmp_path / "guest"), "--yes", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    entry = listed(run)[0]["guest"]
    assert entry["source"] == f"folder {tmp_path / 'guest'}"
    assert (entry["version"], entry["adapters"], entry["problems"]) == ("1.0", ["guest"], [])
    assert run("bsct-zoo", "compare", "guest", "--limit", "1", "--quiet").returncode == 0
    # A second version takes the place of the first, though nothing but a module changed.
    package(tmp_path, "guest", init=ADAPTER.format(name="renamed", module="guest", requirements="()"))
    assert run("bsct-zoo", "install", str(tmp_path / "guest"), "--yes").returncode == 0
    assert listed(run)[0]["guest"]["adapters"] == ["renamed"]
    done = run("bsct-zoo", "uninstall", "renamed")  # by what it brought
    assert done.returncode == 0
    assert "removed guest 1.0" in done.stderr
    assert "guest" not in listed(run)[0]


def test_from_an_index(run, tmp_path):
    """Names are looked up where uv finds packages; wheels in a folder serve as one."""
    wheel(package(tmp_path, "bsct-zoo-test-plugin", needs=["bsct-zoo-test-leaf>=1", "numpy"]), tmp_path / "index")
    wheel(package(tmp_path, "bsct-zoo-test-leaf", version="1.5", points={}, init=""), tmp_path / "index")
    done = run(
        "bsct-zoo", "install", "bsct-zoo-test-plugin", "--yes", UV_FIND_LINKS=str(tmp_path / "index"), PIP_NO_INDEX="1"
    )
    assert done.returncode == 0, done.stderr
    assert "with bsct-zoo-test-leaf==1.5, which it needs" in done.stderr
    assert listed(run)[0]["bsct-zoo-test-plugin"]["source"] == "index"
    assert run("python", "-c", "import bsct_zoo_test_leaf").returncode == 0
    assert not list(run.site.glob("numpy*"))
    run("bsct-zoo", "uninstall", "bsct-zoo-test-plugin")


def test_from_git(run, tmp_path):
    folder = package(tmp_path, "tracked")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=folder, text=True).strip()
    done = run("bsct-zoo", "install", f"git+file://{folder}", "--yes")
    assert done.returncode == 0, done.stderr
    assert listed(run)[0]["tracked"]["source"] == f"git file://{folder} at {commit[:10]}"
    run("bsct-zoo", "uninstall", "tracked")


def test_what_is_no_plugin_is_not_installed(run, tmp_path):
    package(tmp_path, "ordinary", points={}, init="")
    line = refused(run, "install", str(tmp_path / "ordinary"), "--yes")
    assert "'ordinary' is not a plugin of bsct-zoo" in line


@pytest.mark.parametrize("deep", [False, True], ids=["itself", "through another"])
def test_installed_versions_stay(run, tmp_path, deep):
    import numpy

    needs = [f"numpy!={numpy.__version__}"]
    if deep:
        wheel(package(tmp_path, "bsct-zoo-test-clash", needs=needs, points={}, init=""), tmp_path / "index")
        needs = ["bsct-zoo-test-clash"]
    package(tmp_path, "clash", needs=needs)
    index = {"UV_FIND_LINKS": str(tmp_path / "index")} if deep else {}
    line = refused(run, "install", str(tmp_path / "clash"), "--yes", **index)
    assert "numpy" in line
    assert numpy.__version__ in line
    assert listed(run)[0].keys() == {"steady"}


@pytest.mark.parametrize(
    ("init", "why"),
    [
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import os; os._exit(3)", "ends the interpreter"),
        (ADAPTER.format(name="steady", module="broken", requirements="()"), "the name 'steady' is taken"),
        (ADAPTER.format(name="new", module="broken", requirements="('not a requirement',)"), "InvalidRequirement"),
    ],
    ids=["import", "exit", "crash", "name taken", "environment"],
)
def test_a_broken_plugin_is_not_installed(run, tmp_path, init, why):
    package(tmp_path, "broken", init=init, points={"zz_broken": "broken"})
    assert why in refused(run, "install", str(tmp_path / "broken"), "--yes")
    assert listed(run) == ({"steady": listed(run)[0]["steady"]}, 0)


def test_a_plugin_that_takes_the_name_of_another_is_not_installed(run, tmp_path):
    """It would come first in the alphabet, so the plugin that is installed would be the one left out."""
    package(tmp_path, "aaa", init=ADAPTER.format(name="steady", module="aaa", requirements="()"))
    assert "breaks 'steady'" in refused(run, "install", str(tmp_path / "aaa"), "--yes")


def test_files_of_other_packages_are_not_hidden(run, tmp_path):
    folder = package(tmp_path, "greedy")
    (folder / "ase").mkdir()
    (folder / "ase" / "__init__.py").write_text("")
    with (folder / "pyproject.toml").open("a") as file:
        file.write('[tool.hatch.build.targets.wheel]\npackages = ["greedy", "ase"]\n')
    assert "would hide" in refused(run, "install", str(folder), "--yes")


def test_a_plugin_that_breaks_later_takes_no_other_down(run, tmp_path):
    folder = package(tmp_path, "late")
    assert run("bsct-zoo", "install", "-e", str(folder), "--yes").returncode == 0
    assert listed(run)[0]["late"]["source"] == f"editable folder {folder}"
    (folder / "late" / "__init__.py").write_text("raise RuntimeError('no longer')\n")
    entries, code = listed(run)
    assert code == 1
    assert entries["late"]["problems"] == ["late: RuntimeError: no longer"]
    assert (entries["steady"]["adapters"], entries["steady"]["problems"]) == (["steady"], [])
    table = run("bsct-zoo", "plugins").stdout
    assert "broken: late: RuntimeError: no longer" in " ".join(table.split())
    done = run("bsct-zoo", "compare", "steady", "--limit", "1", "--quiet")
    assert done.returncode == 0
    assert done.stderr == "warning: plugin 'late' is left out: RuntimeError: no longer\n"
    assert run("bsct-zoo", "uninstall", "late").returncode == 0
    assert listed(run)[1] == 0


@pytest.mark.parametrize("editable", [False, True], ids=["copied", "editable"])
def test_a_plugin_with_an_environment_of_its_own(run, tmp_path, editable):
    """Its loader imports what this interpreter lacks and its environment has; its own modules come from here."""
    needed = "six==1.16.0"
    loader = "import six, sys\nassert six.__version__ == '1.16.0' and 'environments' in sys.prefix"
    folder = package(tmp_path, "apart", requirements=[needed], loader=loader)
    flags = ["--editable"] if editable else []
    done = run("bsct-zoo", "install", str(folder), "--yes", "--build", *flags)
    if "no network" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    assert listed(run)[0]["apart"]["unbuilt"] == []
    environment = run("bsct-zoo", "env", "path", "apart").stdout.strip()
    done = run("bsct-zoo", "compare", "apart", "--limit", "1", "--quiet", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"][0]["evaluations"]["core"]["versions"]["six"] == "1.16.0"
    done = run("bsct-zoo", "uninstall", "apart")
    assert done.returncode == 0
    assert not Path(environment).exists()


def test_without_build_it_says_how(run, tmp_path):
    folder = package(tmp_path, "apart", requirements=["six==1.15.0"])
    done = run("bsct-zoo", "install", str(folder), "--yes")
    assert "bsct-zoo env build apart" in done.stderr
    assert listed(run)[0]["apart"]["unbuilt"] == ["apart"]
    run("bsct-zoo", "uninstall", "apart")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("bsct-zoo", "bsct-zoo itself cannot be removed"),
        ("xtb", "'xtb', which comes with bsct-zoo, cannot be removed"),
        ("numpy", "'numpy' is not a plugin of bsct-zoo"),
        ("stead", "unknown plugin 'stead'; did you mean steady?"),
    ],
)
def test_what_uninstall_refuses(run, name, why):
    assert why in refused(run, "uninstall", name)


def test_it_does_not_remove_what_another_needs(run, tmp_path):
    package(tmp_path, "leaning", needs=["steady"])
    assert run("bsct-zoo", "install", str(tmp_path / "leaning"), "--yes").returncode == 0
    assert "'leaning' needs 'steady'" in refused(run, "uninstall", "steady")
    assert run("bsct-zoo", "uninstall", "leaning").returncode == 0


def test_bsct_zoo_does_not_install_itself(run, tmp_path):
    package(tmp_path, "bsct-zoo")
    assert "is bsct-zoo itself" in refused(run, "install", str(tmp_path / "bsct-zoo"), "--yes")


def test_without_a_terminal_it_wants_a_yes(run, tmp_path):
    package(tmp_path, "guest")
    line = refused(run, "install", str(tmp_path / "guest"))
    assert "runs its code" in line
    assert "--yes" in line


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 130), (b"y\n", 0)])
def test_on_a_terminal_it_asks(run, tmp_path, answer, code):
    package(tmp_path, "asked")
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    command = [run.site.parents[2] / "bin" / "bsct-zoo", "install", tmp_path / "asked"]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=False)
    assert "runs its code with your permissions; continue? [y/N]" in done.stderr
    assert done.returncode == code
    assert ("asked" in listed(run)[0]) == (code == 0)
    run("bsct-zoo", "uninstall", "asked")


def test_what_may_stand_for_a_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = package(tmp_path, "local")
    (tmp_path / "local-1.0-py3-none-any.whl").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    cases = {
        "some-plugin": ("index", "some-plugin"),
        "some-plugin>=1,<2": ("index", "some-plugin>=1,<2"),
        "./local": ("folder", str(folder)),
        str(folder): ("folder", str(folder)),
        "local-1.0-py3-none-any.whl": ("file", str(tmp_path / "local-1.0-py3-none-any.whl")),
        "git+https://a.b/c@main": ("address", "git+https://a.b/c@main"),
        "https://github.com/who/what": ("address", "git+https://github.com/who/what"),
        "https://a.b/c.git": ("address", "git+https://a.b/c.git"),
        "https://a.b/c-1.0-py3-none-any.whl": ("address", "https://a.b/c-1.0-py3-none-any.whl"),
        "what @ git+https://a.b/c": ("address", "what @ git+https://a.b/c"),
    }
    for text, expected in cases.items():
        source = parse_source(text)
        assert (source.kind, source.target) == expected, text
    for text, why in {
        "./nowhere": "there is no file or folder ./nowhere",
        "./empty": "no pyproject.toml",
        "local": "write ./local for it",
        "not a name": "neither a package's name",
        "--index-url=evil": "neither",
    }.items():
        with pytest.raises(BadInputError, match=why):
            parse_source(text)


def test_an_interpreter_that_takes_no_packages(tmp_path, monkeypatch):
    check_interpreter()
    real = sysconfig.get_path
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / "gone") if name == "purelib" else real(name))
    with pytest.raises(BadInputError, match="cannot write to"):
        check_interpreter()
    (tmp_path / "EXTERNALLY-MANAGED").write_text("")
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    with pytest.raises(BadInputError, match="managed by the system"):
        check_interpreter()
