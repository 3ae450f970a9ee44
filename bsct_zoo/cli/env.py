"""``bsct-zoo env``: the environments that models run in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from bsct_zoo.plugins.cards import Adapter

app = typer.Typer(no_args_is_help=True, help="Environments that models run in: list, build, remove.")

_NAME = typer.Argument(help="Name of a model family, as in 'bsct-zoo env list'.")


@app.command("list")
def list_() -> None:
    """Where every model family runs, and what that takes."""
    from rich.console import Console
    from rich.table import Table

    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.runtime.place import place_of

    table = Table("model", "runs in", "Python", "torch", "missing here", box=None, pad_edge=False)
    for adapter in registry().adapters.values():
        place = place_of(adapter)
        kind = "own environment" if place.environment else place.kind
        torch = place.versions.get("torch", "")
        table.add_row(adapter.name, kind, place.python_version, torch, "\n".join(place.missing))
    Console().print(table)


@app.command("build")
def build(name: str = _NAME) -> None:
    """Make the environment of NAME now, so that later runs need no network."""
    from rich.console import Console
    from rich.markup import escape

    from bsct_zoo.runtime.place import place_of, ready_place

    adapter = _adapter(name)
    messages = Console(stderr=True)
    if place_of(adapter).kind == "here":
        messages.print(f"'{adapter.name}' runs in this interpreter and needs no environment")
        return
    with messages.status(f"making the environment for '{adapter.name}'"):
        place = ready_place(adapter, lambda text: messages.print(escape(text), style="dim"))
    assert place.environment is not None
    typer.echo(place.environment.folder)


@app.command("remove")
def remove(name: str = _NAME) -> None:
    """Remove the environments of NAME; the next run makes one again."""
    from bsct_zoo.runtime import environment

    adapter = _adapter(name)
    removed = environment.remove(adapter)
    for folder in removed:
        typer.echo(f"removed {folder}", err=True)
    if not removed:
        typer.echo(f"'{adapter.name}' has no environment", err=True)


@app.command("path")
def path(name: str = _NAME) -> None:
    """Print the virtual environment of NAME (its interpreter is bin/python in it); exit code 1 if it is not built."""
    from bsct_zoo.runtime import environment

    adapter = _adapter(name)
    found = environment.find(adapter)
    if found is None:
        typer.echo(f"'{adapter.name}' has no environment; make it with: bsct-zoo env build {adapter.name}", err=True)
        raise typer.Exit(1)
    typer.echo(found.python.parent.parent)


def _adapter(name: str) -> Adapter:
    from bsct_zoo.plugins.registry import registry

    return registry().adapter(name)
