"""What ``bsct-zoo new`` writes: a package that passes its own tests, is tidy, and is found once it is installed."""

import json

import pytest

from bsct_zoo.errors import BadInputError, BsctZooError
from bsct_zoo.plugins import scaffold
from bsct_zoo.plugins.registry import registry
from bsct_zoo.plugins.scaffold import new_package, write_package

FILES = {
    "adapter": {"bsct_zoo_{}/loader.py", "bsct_zoo_{}/potential.py"},
    "suite": {"make_suite.py", "bsct_zoo_{}/suite.npz"},
    "check": {"bsct_zoo_{}/hessian.py"},
}
COMMON = {
    "pyproject.toml",
    "README.md",
    "LICENSE",
    ".gitignore",
    ".github/workflows/test.yml",
    "bsct_zoo_{}/__init__.py",
}


@pytest.fixture(scope="module")
def run(make_venv):
    return make_venv("new")


def test_an_adapter_works_at_once(run, tmp_path):
    works_at_once(run, tmp_path, "adapter", "my-pair")
    done = run("bsct-zoo", "compare", "my-pair", "--limit", "2", "--json", "-", "--quiet")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    one = row["evaluations"]["core"]
    assert (one["status"], one["versions"]["bsct-zoo-my-pair"]) == ("ok", "0.1.0")
    assert one["values"]["tortuosity"] == pytest.approx(1.0, abs=1e-6)  # one well along a bond
    assert one["values"]["force_flips"] == 1


def test_a_suite_works_at_once(run, tmp_path):
    works_at_once(run, tmp_path, "suite", "metals")
    done = run("bsct-zoo", "compare", "ase:ase.calculators.emt.EMT", "--suite", "metals", "--json", "-", "--quiet")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    one = row["evaluations"]["metals"]
    assert one["status"] == "ok"
    assert one["values"]["forces_mae_full"] < 1e-8  # the reference against itself
    assert one["values"]["fsd_full"] < 1e-6


def test_a_check_works_at_once(run, tmp_path):
    works_at_once(run, tmp_path, "check", "curl-of-forces")
    done = run("bsct-zoo", "md", "transformer", "--check", "curl-of-forces", "--molecule", "H2O", "--json", "-")
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(done.stdout)["rows"][0]["evaluations"]["curl-of-forces"]["records"]
    assert 0 < record["metrics"]["asymmetry"] < 1e-2 * record["metrics"]["largest"]


def works_at_once(run, folder, kind, name):
    """Write, test, lint, type-check, install; leaves it installed."""
    done = run("bsct-zoo", "new", kind, name, cwd=folder)
    assert done.returncode == 0, done.stderr
    head, *following = done.stdout.splitlines()
    assert head.endswith("next:")
    assert len(following) == 3
    made = folder / f"bsct-zoo-{name}"
    module = name.replace("-", "_")
    files = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    assert {file.format(module) for file in COMMON | FILES[kind]} <= files
    assert any(file.startswith("tests/test_") for file in files)
    text = "".join(path.read_text() for path in made.rglob("*") if path.is_file() and path.suffix != ".npz")
    assert "MODULE" not in text
    assert "$" not in text.replace("${{ matrix.python }}", "")
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["pytest", "-q", "-p", "no:cacheprovider"]):
        done = run("python", "-m", *command, ".", cwd=made)
        assert done.returncode == 0, done.stdout + done.stderr
    done = run("bsct-zoo", "install", "--yes", "--quiet", str(made))
    assert done.returncode == 0, done.stderr
    assert run("bsct-zoo", "new", kind, name, "--in", "elsewhere", cwd=folder).returncode == 2  # taken by now


@pytest.mark.parametrize("kind", ["adapter", "suite", "check"])
@pytest.mark.parametrize("name", ["", "My", "1st", "a_b", "a--b", "-a", "a-", "a b", "ä", "../a", "a/b", "import x"])
def test_names_that_are_none(kind, name, tmp_path):
    with pytest.raises(BadInputError, match="is not a name"):
        new_package(kind, name, tmp_path, registry())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "name"),
    [("adapter", "xtb"), ("adapter", "tblite"), ("adapter", "core"), ("suite", "core"), ("check", "nve")],
    ids=["adapter", "alias", "package of another kind", "suite", "check"],
)
def test_names_that_are_taken(kind, name, tmp_path):
    with pytest.raises(BadInputError, match=f"the name '{name}' is taken"):
        new_package(kind, name, tmp_path, registry())


def test_the_package_prefix_may_be_written_out(tmp_path):
    package = new_package("adapter", "bsct-zoo-two-words", tmp_path, registry())
    assert (package.name, package.module) == ("two-words", "bsct_zoo_two_words")
    assert package.folder == tmp_path / "bsct-zoo-two-words"


def test_nothing_is_written_over(run, tmp_path):
    there = tmp_path / "bsct-zoo-mine"
    there.mkdir()
    (there / "thesis.txt").write_text("years of work")
    done = run("bsct-zoo", "new", "adapter", "mine", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: the folder bsct-zoo-mine is not empty; choose another name or place (--in)\n"
    assert [path.name for path in tmp_path.rglob("*")] == ["bsct-zoo-mine", "thesis.txt"]
    done = run("bsct-zoo", "new", "adapter", "mine", "--in", "bsct-zoo-mine/thesis.txt", cwd=tmp_path)
    assert done.returncode == 2
    assert "thesis.txt is a file, not a folder" in done.stderr


def test_an_empty_folder_is_taken_and_a_missing_one_made(tmp_path):
    (tmp_path / "bsct-zoo-mine").mkdir()
    write_package(new_package("check", "mine", tmp_path, registry()))
    assert (tmp_path / "bsct-zoo-mine" / "pyproject.toml").is_file()
    files = write_package(new_package("check", "mine", tmp_path / "a" / "b", registry()))
    assert all((tmp_path / "a" / "b" / "bsct-zoo-mine" / file).is_file() for file in files)


def test_all_of_it_or_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(scaffold.sys, "executable", "false")
    with pytest.raises(BsctZooError, match=r"make_suite\.py failed"):
        write_package(new_package("suite", "mine", tmp_path, registry()))
    assert not list(tmp_path.iterdir())
