"""``bsct-zoo cache``: what models said, kept for later runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bsct_zoo.cli import options

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer(help="Answers of models that are kept for later runs.", no_args_is_help=True)

_OLD = ("predictions", "dynamics", "properties")  # folders of 0.1, which are not read any more


@app.command("show")
def show() -> None:
    """Show where answers are kept and how much room they take."""
    folder, count, size, old = _state()
    print(f"{count} answers, {size / 1e6:.1f} MB in {folder}")
    if old:
        print(f"{len(old)} folders of an older version, which 'cache clear' removes: {', '.join(map(str, old))}")


@app.command("clear")
def clear(yes: options.Unasked = False) -> None:
    """Remove every kept answer, and what older versions kept."""
    import shutil
    import sys

    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.store import Store

    folder, count, size, old = _state()
    if (count or old) and not yes:
        if not sys.stdin.isatty():
            raise BadInputError(f"this would remove {count} answers ({size / 1e6:.1f} MB); say --yes")
        if not typer.confirm(f"Remove {count} answers ({size / 1e6:.1f} MB)?", err=True):
            print("nothing was removed")
            return
    Store(folder).clear()
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    left, _ = Store(folder).size()
    if left:
        raise BadInputError(f"{left} answers in {folder} could not be removed; check the permissions")
    print(f"removed {count} answers, {size / 1e6:.1f} MB")


def _state() -> tuple[Path, int, int, list[Path]]:
    """Folder, number of answers, bytes, and folders of older versions."""
    from bsct_zoo.evaluation.store import Store
    from bsct_zoo.runtime.folders import cache_dir

    folder = cache_dir() / "answers"
    return folder, *Store(folder).size(), [path for name in _OLD if (path := cache_dir() / name).is_dir()]
