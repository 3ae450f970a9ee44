"""Progress bars on standard error for a download, an import and a conformance check."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from bsct_zoo.report.console import make_console

_NAME = TextColumn("{task.description}", markup=False)


@contextmanager
def import_bar() -> Iterator[Callable[[int, int, str], None]]:
    """A bar for reading a suite; yields what is to be called with done, total and what is read."""
    with Progress(console=make_console(stderr=True), transient=True) as bars:
        task = bars.add_task("reading", total=None)
        yield lambda done, total, what: bars.update(task, completed=done, total=total or None, description=what)


@contextmanager
def download_bar(
    name: str, size: int | None, quiet: bool = False
) -> Iterator[tuple[Callable[[int, int | None], None], Callable[[str], None], Callable[[str], None]]]:
    """A bar for a download of ``size`` bytes; yields what to call with done and total, with a line of text, a warning.

    Warnings alone are shown if ``quiet``.
    """
    console = make_console(stderr=True, soft_wrap=True)
    columns = (BarColumn(24), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(compact=True))
    with Progress(_NAME, *columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bars:
        task = bars.add_task(name, total=size)
        yield (
            lambda done, total: bars.update(task, completed=done, total=total),
            lambda text: None if quiet else console.print(text),
            lambda text: console.print(text),
        )


def with_bar(names: Sequence[str], quiet: bool = False) -> Iterator[tuple[str, Callable[[str], None]]]:
    """Each of ``names`` with a function that takes a line for where there is no terminal; a bar shows how far it is."""
    console = make_console(stderr=True)
    live = console.is_terminal and not quiet

    def line(text: str) -> None:
        if not (live or quiet):
            print(text, file=sys.stderr)

    columns = (_NAME, BarColumn(bar_width=24), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not live) as bars:
        task = bars.add_task("", total=len(names))
        for name in names:
            bars.update(task, description=name)
            yield name, line
            bars.advance(task)
