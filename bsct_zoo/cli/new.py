"""``bsct-zoo new``: create a plugin package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import options

if TYPE_CHECKING:
    from bsct_zoo.plugins.scaffold import Kind

app = typer.Typer(no_args_is_help=True, help="Create a plugin package: an adapter, a suite or a check.")

Name = Annotated[str, typer.Argument(help="The name that users type; the package is bsct-zoo-NAME.")]
Place = Annotated[Path, options.output("--in", metavar="FOLDER", help="Parent folder of the package.")]

# The command to try next; {name} is filled in.
_NEXT = {
    "adapter": "bsct-zoo check {name}",
    "suite": "bsct-zoo compare ase:ase.calculators.emt.EMT --suite {name}",
    "check": "bsct-zoo md transformer --check {name}",
}


@app.command("adapter")
def adapter(name: Name, place: Place = Path()) -> None:
    """Create a package with a model: a batched pair potential, to be replaced by yours."""
    _write("adapter", name, place)


@app.command("suite")
def suite(name: Name, place: Place = Path()) -> None:
    """Create a package with a suite of scans and the script that makes it."""
    _write("suite", name, place)


@app.command("check")
def check(name: Name, place: Place = Path()) -> None:
    """Create a package with a check for 'bsct-zoo md --check NAME'."""
    _write("check", name, place)


def _write(kind: Kind, name: str, place: Path) -> None:
    from shlex import quote

    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.plugins.scaffold import new_package, write_package

    package = new_package(kind, name, place, registry())
    files = write_package(package)
    folder = quote(f"./{package.folder}" if not package.folder.is_absolute() else str(package.folder))
    print(f"wrote {len(files)} files to {folder}; next:")
    print(f"  bsct-zoo install --editable {folder}")
    print(f"  python -m pytest {folder}")
    print(f"  {_NEXT[kind].format(name=package.name)}")
