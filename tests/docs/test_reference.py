"""The reference is made from the code: each public name and each command is on its page."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import typer

import bsct_zoo
from bsct_zoo.plugins import hookspecs

DOCS = Path(__file__).parents[2] / "docs"
NAMES = re.findall(r"^::: (\S+)", (DOCS / "api.md").read_text(), re.M)


def test_each_name_is_there_and_says_what_it_is():
    for name in NAMES:
        module, _, last = name.rpartition(".")
        modules = ("bsct_zoo.testing", "bsct_zoo.plugins.hookspecs")
        thing = importlib.import_module(name) if name in modules else getattr(importlib.import_module(module), last)
        assert thing.__doc__, name


def test_public_names_are_on_the_page():
    shown = {name.rpartition(".")[2] for name in NAMES}
    said = (DOCS / "api.md").read_text()
    assert {name for name in bsct_zoo.__all__ if name not in shown and f"`{name}`" not in said} == set()
    assert hookspecs.__name__ in NAMES


def test_every_command_is_on_the_page(monkeypatch):
    pytest.importorskip("mkdocs")
    monkeypatch.syspath_prepend(str(DOCS))
    text = importlib.import_module("cli_reference").reference()
    del sys.modules["cli_reference"]
    from bsct_zoo.cli.main import app

    root = typer.main.get_command(app)

    def walk(command, path):
        yield path
        for name in getattr(command, "commands", {}):
            yield from walk(command.commands[name], f"{path} {name}")

    paths = list(walk(root, "bsct-zoo"))[1:]
    assert len(paths) > 35
    assert [path for path in paths if f"# `{path}`" not in text] == []
    assert "`--limit" in text and "](" not in text and not re.search(r"  \[.*\]$", text, re.M)
