"""A hook of MkDocs: the page on the command line is made from the commands themselves, those of plugins too."""

from __future__ import annotations

import re

import typer.main
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.cli import get_docs_for_click

from bsct_zoo.cli.main import app
from bsct_zoo.plugins.registry import registry

PAGE = "cli.md"
HEAD = """# Command line

Made from the commands of this version. Every command shows the same with `--help`. Exit codes: 0
success, 1 a model or an item failed, 2 bad input, 3 a condition of `--fail-if` is met.

"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The page, beside those that are written by hand."""
    files.append(File.generated(config, PAGE, content=reference()))
    return files


def reference() -> str:
    """Markdown of every command, with its arguments and options."""
    registry().add_commands(app)
    command = typer.main.get_command(app)
    context = command.context_class(command, info_name="bsct-zoo")
    text = get_docs_for_click(obj=command, ctx=context, name="bsct-zoo")
    body = re.sub(r"  +\[(.*)\]$", r" (\1)", text.partition("\n")[2], flags=re.MULTILINE)  # else a link
    return HEAD + body
