"""Every command of every page is one of this command line; those that no mark holds back are run.

A page says why a command is not run in a comment before its block, as in ``<!-- not run: downloads weights -->``, or by
what it is run: ``<!-- run by tests/docs/test_tutorial.py, all of this page -->``. Commands that stand in a sentence are
parsed alone.
"""

import ast
import importlib
import re
import shutil
import sys

import pytest
import typer
from page_commands import PAGES, ROOT, commands, python, words
from typer.testing import CliRunner

from bsct_zoo.cli.main import _with_models, app
from bsct_zoo.plugins.registry import registry

_REASONS = ("network", "environment", "hours", "minutes", "hardware", "of your own", "placeholder")


@pytest.fixture(scope="module")
def root():
    """The command line with the commands of plugins, as click knows it."""
    if "ablate" not in [command.name for command in app.registered_commands]:
        registry().add_commands(app)
    return typer.main.get_command(app)


def parse(root, args):
    """Parse a command without running it.

    Raises:
        click's UsageError: a command, option, argument or value that there is not.
    """
    context = root.context_class(root, info_name="bsct-zoo")
    command, args = root, [word for word in args if word != "--debug"]
    if "--models" in args:
        args = args[: args.index("--models")] + args[args.index("--models") + 2 :]
    while hasattr(command, "list_commands") and args and not args[0].startswith("-"):
        name, *args = args
        known = command.get_command(context, name)
        assert known is not None, f"there is no command '{name}'"
        command = known
    if hasattr(command, "list_commands") and not args:
        return
    command.make_context(command.name, list(args), parent=context)


def line(said):
    return f"{said.page}: {said.text}"


def test_there_are_many():
    assert len(PAGES) > 25 and len(commands()) > 120 and len(python()) > 15


@pytest.mark.parametrize("said", commands(), ids=line)
def test_a_command_is_one_that_there_is(root, said):
    for args in words(said.text):
        bare = [word.strip("[]") for word in args]
        try:
            parse(root, bare)
        except Exception as error:  # a name in a sentence needs no arguments
            named = said.prose or not any(word.startswith("-") for word in args)
            if not (named and type(error).__name__ in ("MissingParameter", "BadOptionUsage")):
                raise


@pytest.mark.parametrize(
    "args",
    [
        ["compare", "mace", "--no-such-option"],
        ["compare"],
        ["comparr", "mace"],
        ["suites", "bild", "mine"],
        ["compare", "mace", "--limit", "none"],
        ["compare", "mace", "--dtype", "float16"],
    ],
)
def test_a_command_that_there_is_not_is_found(root, args):
    try:
        parse(root, args)
        said = "nothing"
    except Exception as error:  # of the click that typer carries
        said = type(error).__name__
    assert said in ("NoSuchOption", "MissingParameter", "BadParameter", "AssertionError")


def test_a_mark_says_why():
    for said in [*commands(), *python()]:
        if said.mark.startswith("not run: "):
            assert any(reason in said.mark for reason in _REASONS), f"{line(said)}: {said.mark}"
        elif said.mark.startswith("run by "):
            assert (ROOT / said.mark.removeprefix("run by ").split(",")[0]).is_file(), said.mark


@pytest.fixture(scope="module")
def desk(tmp_path_factory, root):
    """A folder with the files that commands name."""
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(["compare", "transformer", "transformer:paper", "--only", "C-N/*", "--quiet", "--json", "scans.json"])
        run(["md", "transformer", "--molecule", "H2O", "--time", "0.05", "--quiet", "--json", "nve.json"])
        run(
            [
                "properties",
                "transformer",
                "--molecule",
                "H2O",
                "--what",
                "relax",
                "--quiet",
                "--json",
                "properties.json",
            ]
        )
    for name in ("results.json", "results-1.json", "ours.json", "r.json", "core-transformer.json"):
        shutil.copy(folder / "scans.json", folder / name)
    for name in ("mols.smi", "few.smi", "molecules.smi"):
        (folder / name).write_text("CC ethane\nCO methanol\n")
    return folder


def run(args):
    done = CliRunner().invoke(app, args, standalone_mode=False)
    assert done.exception is None and done.return_value in (0, None), f"{args}\n{done.output}\n{done.exception!r}"


# Of a block or table that is marked because of others in it, these are run all the same: they read files alone.
CHEAP = re.compile(
    r"bsct-zoo (select|report|plot|rerun|results|leaderboard|explain transformer|suites (list|show)|"
    r"models(?! fetch| add| remove)|doctor|plugins|env list|cache show)\b(?!.*\b[A-Z]{3,}\b)"
)
RUN = [one for one in commands() if not one.prose and (not one.mark or CHEAP.match(one.text))]
RUN = [one for one in RUN if not one.mark.startswith(("run by", "output"))]


@pytest.mark.parametrize("said", {one.text: one for one in RUN}.values(), ids=line)
def test_a_command_without_a_mark_runs(root, desk, said, monkeypatch):
    monkeypatch.chdir(desk)
    for args in words(said.text):
        full = [name for word in args for name in (sorted(map(str, desk.glob(word))) if "*.json" in word else [word])]
        small = ["--limit", "2"] if args[0] == "compare" and "--limit" not in args else []
        run(_with_models([*full, *small]))


@pytest.mark.parametrize("said", python(), ids=lambda said: said.page)
def test_python_names_what_there_is(said):
    """What it imports from bsct_zoo, and what it takes from ``bz``, exists."""
    tree = ast.parse(said.text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "bsct_zoo":
            module = importlib.import_module(node.module)
            for name in node.names:
                assert hasattr(module, name.name) or importlib.import_module(f"{node.module}.{name.name}")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "bz":
            assert hasattr(sys.modules["bsct_zoo"], node.attr), node.attr


def test_python_is_run_or_marked():
    assert not [f"{said.page}: {said.text[:60]}" for said in python() if not said.mark]
