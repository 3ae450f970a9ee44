"""Where the results of a command go: standard output, files, and what must not get in between."""

from __future__ import annotations

import json as to_json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bsct_zoo.errors import BadInputError
from bsct_zoo.files import atomic_write

if TYPE_CHECKING:
    from bsct_zoo.evaluation.events import Faults
    from bsct_zoo.report.layout import Layout

    R = TypeVar("R")


def check_targets(json: str | None, csv: Path | None, markdown: bool, html: Path | None = None) -> None:
    """Refuse what could not be written, before anything is computed.

    Raises:
        BadInputError: a file cannot be written, or two results want the same place.
    """
    if html is not None:
        from bsct_zoo.report.page.write import require_plotly

        require_plotly()
        if str(html) == "-":
            raise BadInputError("--html needs the name of a file; standard output is for --json -")
    if json == "-" and markdown:
        raise BadInputError("--json - and --markdown both write to standard output; name a file for --json")
    if csv is not None and str(csv) == "-":
        raise BadInputError("--csv needs the name of a file; standard output is for --json -")
    wanted = {"--json": json, "--csv": csv, "--html": html}
    targets = {option: Path(name) for option, name in wanted.items() if name is not None and str(name) != "-"}
    for target in targets.values():
        _check_writable(target)
    for (one, first), (other, second) in combinations(targets.items(), 2):
        if first.resolve() == second.resolve() and not _is_device(first):
            raise BadInputError(f"{one} and {other} both name {first}; choose two files")


def write(
    report: R,
    tables: list[Layout],
    csv_text: Callable[[R], str],
    json: str | None,
    csv: Path | None,
    markdown: bool = False,
    html: Path | None = None,
    page: Callable[[R], str] | None = None,
) -> None:
    """Everything that was asked for, the screen first so that a full disk does not cost the result.

    A file that cannot be written does not cost the other one, nor does a pipe that nobody reads any more (`| head`).

    Raises:
        BadInputError: a file could not be written.
        BrokenPipeError, SystemExit: nobody read to the end; the files are written.
    """
    from bsct_zoo.evaluation.results import json_text

    unread: BrokenPipeError | SystemExit | None = None
    try:
        if json == "-":
            print(json_text(report, ascii_only=True), end="")
        else:
            show(tables, markdown)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:  # rich makes the second of the first
        unread = error
    wanted: dict[Path, Callable[[R], str]] = {}
    if csv is not None:
        wanted[csv] = csv_text
    if json is not None and json != "-":
        wanted[Path(json)] = json_text
    if html is not None and page is not None:
        wanted[html] = page
    problems = []
    for path, text in wanted.items():
        try:
            replace_file(path, text(report))
            if sys.stderr.isatty():
                print(f"wrote {path}", file=sys.stderr)
        except OSError as error:
            problems.append(f"cannot write {path}: {error.strerror}")
    if problems:
        raise BadInputError("; ".join(problems) + "; choose another place and run it again")
    if unread is not None:
        raise unread


def write_json(target: str, content: object) -> None:
    """``content`` as JSON in the file ``target``, or on standard output, which may not know every letter."""
    text = to_json.dumps(content, indent=1, ensure_ascii=target == "-", allow_nan=False)
    if target == "-":
        print(text)
    else:
        replace_file(Path(target), text + "\n")


def show(tables: list[Layout], markdown: bool = False) -> None:
    """Tables on standard output, an empty line between them."""
    from bsct_zoo.report import files, terminal
    from bsct_zoo.report.console import make_console

    if markdown:
        print("\n".join(files.markdown(table) for table in tables), end="")
        return
    for number, table in enumerate(tables):
        print(end="\n" if number else "")
        terminal.draw(table, make_console())


def finish(faults: Faults, debug: bool, quiet: bool) -> None:
    """What is said last, when every result is written.

    Raises:
        BadInputError: a model failed for what the user can mend, or answers could not be kept.
    """
    if debug:
        for model, text in faults.logs:
            print(f"--- last output of {model} ---\n{text.rstrip()}", file=sys.stderr)
    elif faults.logs and not quiet:
        print("rerun with --debug for the output of the failed models", file=sys.stderr)
    if faults.lines:
        raise BadInputError("; ".join(faults.lines))


def replace_file(path: Path, text: str) -> None:
    """Write a file in one step; a link is followed, a device or a pipe is written to as it is.

    Raises:
        OSError: it cannot be written.
    """
    if _is_device(path):
        path.write_text(text, encoding="utf-8")
        return
    atomic_write(path.resolve(), text.encode())


@contextmanager
def stdout_kept_clean() -> Iterator[None]:
    """What models of this process print, from whatever language, goes to standard error; ours comes afterwards."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _check_writable(path: Path) -> None:
    import tempfile

    if path.is_dir():
        raise BadInputError(f"{path} is a folder; name a file")
    if _is_device(path):
        return
    folder = path.resolve().parent
    if not folder.is_dir():
        raise BadInputError(f"there is no folder {folder}; make it first")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInputError(f"cannot write to {path} ({error.strerror}); choose another place") from error


def _is_device(path: Path) -> bool:
    """Whether ``path`` is something that must not be replaced, such as /dev/null."""
    return path.exists() and not path.is_file() and not path.is_dir()
