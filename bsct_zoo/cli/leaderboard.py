"""``bsct-zoo leaderboard``: a static site from files of results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make a static site from files of results.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A group of one command; docs/leaderboard.md."""


@app.command("build")
def build(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the site.")],
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT.json...", help="Written by --json of compare, md or properties.")
    ],
) -> int:
    """Write a leaderboard: an index, a page for each suite or task, a page for each model with its history.

    A file that cannot be read, or whose means do not follow from its records, is left out and named.
    Exit code: 0 success, 1 a file was left out, 2 bad input.
    """
    from bsct_zoo.analysis.verified import unsupported
    from bsct_zoo.cli.output import replace_file
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.results import read_results
    from bsct_zoo.report.leaderboard.write import site

    _check(folder)
    taken, left_out = [], []
    seen: dict[bytes, str] = {}
    for path in results:
        try:
            one = read_results(path)
            content = path.read_bytes()
            if content in seen:
                raise BadInputError(f"{path} is the same as {seen[content]}")
            seen[content] = path.name
            if not one.tasks or not one.rows:
                raise BadInputError(f"{path} holds no results")
            if wrong := next(unsupported(one), ""):
                raise BadInputError(f"{path} was changed by hand: {wrong}")
        except BadInputError as error:
            left_out.append(" ".join(str(error).replace(str(path), path.name).split()))
            continue
        taken.append((path.name, one))
    for line in left_out:
        print(f"left out: {line}", file=sys.stderr)
    if not taken:
        raise BadInputError(f"none of {len(results)} files can be used, so there is no leaderboard")
    pages = site(taken, left_out)
    for old in [*folder.glob("model/*.html"), *folder.glob("suite/*.html")]:
        old.unlink()
    for name, text in pages.items():
        replace_file(folder / name, text)
    print(f"wrote {len(pages)} pages of {len(taken)} file{'s' * (len(taken) != 1)}; open {folder / 'index.html'}")
    return int(bool(left_out))


def _check(folder: Path) -> None:
    """Refuse a folder that holds something else.

    Raises:
        BadInputError: it does, or it is a file.
    """
    from bsct_zoo.errors import BadInputError

    if folder.exists() and not folder.is_dir():
        raise BadInputError(f"{folder} is a file; name a folder")
    strange = folder.is_dir() and {path.name for path in folder.iterdir()} - {"index.html", "model", "suite"}
    if strange:
        raise BadInputError(f"{folder} holds {sorted(strange)[0]}, which is no leaderboard's; name a new folder")
