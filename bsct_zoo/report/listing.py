"""Lists and facts as plain lines that fit the terminal: one line an entry, cut rather than folded.

Where standard output is a pipe and ``COLUMNS`` is not set, lines are as long as they need to be.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from bsct_zoo.report.console import make_console
from bsct_zoo.report.plain import one_line, plain

_GAP = 2
_NARROWEST = 8  # of a column that is cut
_COMFORTABLE = 40  # width of a column that is cut, before others are left out for it
_UNLIMITED = 10_000


@dataclass(frozen=True)
class ListColumn:
    """A column of a list.

    Attributes:
        title: its header.
        cells: one for each entry.
        short: cells for a narrow terminal.
        optional: left out of a narrow terminal, the last column first.
        cut: cells end in "…" where nothing else makes room.
        right: numbers, aligned at the right.
    """

    title: str
    cells: Sequence[str]
    short: Sequence[str] | None = None
    optional: bool = False
    cut: bool = False
    right: bool = False

    def __post_init__(self) -> None:
        for name in ("cells", "short"):
            if (cells := getattr(self, name)) is not None:
                object.__setattr__(self, name, [one_line(cell) for cell in cells])

    @property
    def width(self) -> int:
        """Characters of the widest cell."""
        return max(map(cell_len, (self.title, *self.cells)))


def console() -> Console:
    """Standard output, for text that is shown as it is."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return make_console(width=_UNLIMITED if piped else None)


def draw_list(columns: Sequence[ListColumn], to: Console) -> None:
    """Print a header and a line for each entry, none wider than ``to``."""
    header, *entries = lines(columns, to.width)
    to.print(Text(header, "bold"), soft_wrap=True)
    for entry in entries:
        to.print(Text(entry), soft_wrap=True)


def draw_facts(facts: Mapping[str, str], to: Console) -> None:
    """Print a line for each name and value that is not empty; long values go on below themselves."""
    facts = {one_line(name): plain(value) for name, value in facts.items() if value}
    indent = max(map(cell_len, facts), default=0) + _GAP
    for name, value in facts.items():
        label = Text(set_cell_size(name, indent), "bold")
        for paragraph in value.split("\n"):
            for line in Text(paragraph).wrap(to, max(20, to.width - indent), overflow="fold"):
                to.print(label + Text(line.plain.rstrip()), soft_wrap=True)
                label = Text(" " * indent)


def lines(columns: Sequence[ListColumn], width: int) -> list[str]:
    """The list as text, its header first."""
    fitted = _fitted(list(columns), width)
    rows = zip(*([column.title, *column.cells] for column in fitted), strict=True)
    return [(" " * _GAP).join(map(_padded, row, fitted)).rstrip() for row in rows]


def _padded(text: str, column: ListColumn) -> str:
    return " " * (column.width - cell_len(text)) + text if column.right else set_cell_size(text, column.width)


def _fitted(columns: list[ListColumn], width: int) -> list[ListColumn]:
    """``columns`` with as much left out, shortened and cut as ``width`` demands."""

    def excess(cut: int = _UNLIMITED) -> int:
        widths = [min(column.width, cut) if column.cut else column.width for column in columns]
        return sum(widths) + _GAP * (len(columns) - 1) - width

    for column in reversed(columns[:]):
        if excess(_COMFORTABLE) > 0 and column.optional:
            columns.remove(column)
    for i, column in enumerate(columns):
        if excess(_COMFORTABLE) > 0 and column.short is not None:
            columns[i] = replace(column, cells=column.short)
    for i, column in reversed(list(enumerate(columns))):
        if excess() > 0 and column.cut:
            room = max(_NARROWEST, column.width - excess())
            columns[i] = replace(
                column, title=_cut(column.title, room), cells=[_cut(cell, room) for cell in column.cells]
            )
    return columns


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"
