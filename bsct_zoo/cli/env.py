"""``bsct-zoo env``: list, build, locate and remove the environments of models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bsct_zoo.plugins.cards import Adapter
from bsct_zoo.plugins.registry import registry

app = typer.Typer(no_args_is_help=True, help="List, build, locate and remove the environments of models.")

Family = Annotated[
    str, typer.Argument(metavar="NAME", help="Model family, as in 'bsct-zoo env list'; with options: NAME@KEY=VALUE.")
]


def _adapter(name: str) -> Adapter:
    """The family called ``name``, with what options behind it need."""
    from bsct_zoo.models.naming import named_model

    return named_model(name).adapter if "@" in name else registry().adapter(name)


@app.command("list")
def list_() -> None:
    """List the model families: where each runs, and what this interpreter lacks."""
    from bsct_zoo.report.installation import draw_environments
    from bsct_zoo.report.listing import console

    draw_environments(list(registry().adapters.values()), console())


@app.command("build")
def build(
    name: Family,
    lock: Annotated[Path | None, typer.Option(help="A requirements.lock of another machine, to be followed.")] = None,
) -> None:
    """Build the environment of NAME now, so that later runs need no network; print its folder."""
    from rich.markup import escape

    from bsct_zoo.report.console import make_console
    from bsct_zoo.runtime import environment
    from bsct_zoo.runtime.place import place_of

    adapter = _adapter(name)
    messages = make_console(stderr=True, markup=True)
    if place_of(adapter).kind == "here":
        messages.print(f"'{adapter.name}' runs in this interpreter and needs no environment")
        return
    with messages.status(f"building the environment of '{adapter.name}'"):
        built = environment.build(adapter, lambda text: messages.print(escape(text), style="dim"), lock)
    typer.echo(built.folder)


@app.command("remove")
def remove(name: Family) -> None:
    """Remove the environments of NAME; the next run builds a new one."""
    from bsct_zoo.runtime import environment

    adapter = _adapter(name)
    removed = environment.remove(adapter)
    for folder in removed:
        typer.echo(f"removed {folder}", err=True)
    if not removed:
        typer.echo(f"'{adapter.name}' has no environment", err=True)


@app.command("path")
def path(name: Family) -> None:
    """Print the folder of the virtual environment of NAME; exit code 1 if it is not built."""
    from bsct_zoo.runtime import environment

    adapter = _adapter(name)
    built = environment.find(adapter)
    if built is None:
        typer.echo(f"'{adapter.name}' has no environment; build it with: bsct-zoo env build {name}", err=True)
        raise typer.Exit(1)
    typer.echo(built.python.parent.parent)
