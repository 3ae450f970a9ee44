"""Every command of the tutorial, run in the order in which it stands there, in fresh folders and environments."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[\w ]+) -->\n\n)?(?:`(?P<file>\S+)`:\n\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.S
)


@dataclass(frozen=True)
class Step:
    """A file to write, or a command to run in one of two environments."""

    text: str
    file: str | None = None
    elsewhere: bool = False


def steps():
    found = []
    for block in _BLOCK.finditer(TUTORIAL.read_text()):
        if block["kind"] == "python":
            assert block["file"], f"a block of Python without the name of its file: {block['text'][:60]}"
            found.append(Step(block["text"], file=block["file"]))
            continue
        if block["kind"] == "text":
            continue
        assert block["kind"] == "sh", block["kind"]
        assert block["mark"] in (None, "not run", "elsewhere"), block["mark"]
        if block["mark"] != "not run":
            found += [Step(line, elsewhere=block["mark"] == "elsewhere") for line in block["text"].splitlines()]
    return found


def rows(text):
    """The rows of the table of a comparison, as words."""
    return [line.split() for line in text.splitlines() if line.startswith(("morse³", "ase:ase.calculators.emt.EMT¹"))]


def test_only_publishing_is_not_run():
    text = TUTORIAL.read_text()
    assert text.count("```") == 2 * len(_BLOCK.findall(text))
    left_out = [block["text"].strip() for block in _BLOCK.finditer(text) if block["mark"] == "not run"]
    assert left_out == ["uv publish dist/*"]
    assert len([step for step in steps() if step.file is None]) >= 12


@pytest.mark.timeout(1800)  # a minute on an idle machine, most of it interpreters starting
def test_it_works(make_venv, tmp_path):
    author, reader = make_venv("author"), make_venv("reader")
    away = tmp_path / "away"
    away.mkdir()
    printed = {}
    for step in steps():
        if step.file is not None:
            assert (tmp_path / step.file).is_file(), f"{step.file} is not one that bsct-zoo wrote"
            (tmp_path / step.file).write_text(step.text)
            continue
        run, folder = (reader, away) if step.elsewhere else (author, tmp_path)
        # What was built stands for the index that it is not published on.
        index = {"UV_FIND_LINKS": str(tmp_path / "dist"), "PIP_NO_INDEX": "1"} if step.elsewhere else {}
        done = run(*shlex.split(step.text), cwd=folder, **index)
        assert done.returncode == 0, f"{step.text}\n{done.stdout}\n{done.stderr}"
        printed[step.text] = done.stdout + done.stderr
    table = printed["bsct-zoo compare morse ase:ase.calculators.emt.EMT --suite metals"]
    shown, found = rows(TUTORIAL.read_text()), rows(table)
    assert len(shown) == 2
    for shown_row, found_row in zip(shown, found, strict=True):
        assert shown_row == found_row[: len(shown_row)]  # the time behind is its own
    assert "index" in printed["bsct-zoo plugins"]
    assert "Girifalco" in printed["bsct-zoo models show morse"]
    assert "removed bsct-zoo-morse 0.1.0" in printed["bsct-zoo uninstall morse"]
    for command in (("check",), ("format", "--check")):
        tidy = author("python", "-m", "ruff", *command, "bsct-zoo-morse", cwd=tmp_path)
        assert tidy.returncode == 0, tidy.stdout
