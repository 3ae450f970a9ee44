"""The table in the terminal, never cut: what does not fit side by side goes below."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bsct_zoo.report.layout import Cell, Layout, superscript
from bsct_zoo.report.plain import one_line

_NARROWEST = 12  # of the column of names, which is the one that can be folded


def draw(layout: Layout, console: Console) -> None:
    """Print ``layout`` and its footnotes; best cells are bold green and end in ``*``, which survives without colour."""
    console.print(Text(layout.title, "italic"))
    columns = [[row[i] for row in layout.rows] for i in range(len(layout.headers))]
    starred = [any(cell.best for cell in column) for column in columns]
    widths = [_width(layout.headers[i], columns[i], starred[i]) for i in range(len(columns))]
    gap = 2 if sum(widths) + 2 * len(widths) <= console.width else 1
    names = min(widths[0], _room_for_names(console.width, sum(w + gap for w in widths[1:])))
    for page, chosen in enumerate(_pages(widths, console.width - names, gap)):
        if page:
            console.print()
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, gap - 1, 0, 0), pad_edge=False)
        table.add_column(Text(layout.headers[0]), width=names, vertical="bottom", overflow="fold")
        for i in chosen:
            table.add_column(Text(layout.headers[i]), justify="right", no_wrap=True, min_width=widths[i])
        for row in layout.rows:
            table.add_row(Text(_broken(row[0].text, names)), *(_text(row[i], starred[i]) for i in chosen))
        console.print(table)
    console.print()
    for index, note in enumerate(layout.footnotes, start=1):
        style = "yellow" if note.startswith("warning") else "dim"
        console.print(Text(f"{superscript(index)} {note}"), style=style)
    for remark in layout.remarks:
        console.print(Text(one_line(remark)), style="dim")


def _room_for_names(width: int, numbers: int) -> int:
    """What is left beside the numbers, if that is enough; else there are pages anyway, and names need not be narrow."""
    return width - numbers if width - numbers >= _NARROWEST else max(_NARROWEST, width // 3)


def _width(header: str, cells: list[Cell], starred: bool) -> int:
    texts = [*header.split("\n"), *(cell.text + " " * starred for cell in cells)]
    return max(cell_len(text) for text in texts)


def _pages(widths: list[int], room: int, gap: int) -> Iterator[list[int]]:
    """Columns after the first, as many at a time as fit."""
    page: list[int] = []
    left = room
    for i, width in enumerate(widths[1:], start=1):
        if page and width + gap > left:
            yield page
            page, left = [], room
        page.append(i)
        left -= width + gap
    yield page


def _text(cell: Cell, starred: bool) -> Text:
    if cell.best:
        return Text(cell.text + "*", "bold green")
    return Text(cell.text + " " * starred)  # so that numbers stand below each other


def _broken(name: str, width: int) -> str:
    """``name`` on lines of ``width``, broken behind punctuation where there is any."""
    lines = []
    while cell_len(name) > width:
        at = 1 + max(name.rfind(mark, 1, width) for mark in " :@,=/_-")
        at = at if at >= width // 4 else width
        lines.append(name[:at])
        name = name[at:]
    return "\n".join([*lines, name])
