"""``bsct-zoo new``: start a package of your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bsct_zoo.plugins.scaffold import Kind

app = typer.Typer(no_args_is_help=True, help="Start a package of your own: an adapter, a suite or a check.")

Name = Annotated[str, typer.Argument(help="What users will type; the package is called bsct-zoo-NAME.")]
Place = Annotated[Path, typer.Option("--in", metavar="FOLDER", help="Where the package's folder goes.")]

# What to type first; {folder} and {name} are filled in.
_NEXT = {
    "adapter": "bsct-zoo check {name}",
    "suite": "bsct-zoo compare ase:ase.calculators.emt.EMT --suite {name}",
    "check": "bsct-zoo md transformer --check {name}",
}


@app.command("adapter")
def adapter(name: Name, place: Place = Path()) -> None:
    """Write a package that brings a model: a batched pair potential, to be replaced by yours."""
    _write("adapter", name, place)


@app.command("suite")
def suite(name: Name, place: Place = Path()) -> None:
    """Write a package that brings a suite of scans, with the script that makes it."""
    _write("suite", name, place)


@app.command("check")
def check(name: Name, place: Place = Path()) -> None:
    """Write a package that brings a check for 'bsct-zoo md --check NAME'."""
    _write("check", name, place)


def _write(kind: Kind, name: str, place: Path) -> None:
    from shlex import quote

    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.plugins.scaffold import new_package, write_package

    package = new_package(kind, name, place, registry())
    files = write_package(package)
    folder = quote(f"./{package.folder}" if not package.folder.is_absolute() else str(package.folder))
    print(f"wrote {len(files)} files into {folder}; next:")
    print(f"  bsct-zoo install --editable {folder}")
    print(f"  python -m pytest {folder}")
    print(f"  {_NEXT[kind].format(name=package.name)}")
