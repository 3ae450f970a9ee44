"""The table in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bsct_zoo.report.layout import Layout


def draw(layout: Layout, console: Console) -> None:
    """Print ``layout`` and its footnotes; best cells are bold green and end in ``*``, which survives without colour."""
    table = Table(title=layout.title, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0), pad_edge=False)
    for index, title in enumerate(layout.headers):
        if index == 0:
            table.add_column(title, overflow="fold", min_width=12, vertical="bottom")
        else:
            table.add_column(title, justify="right", no_wrap=True)
    for row in layout.rows:
        texts = [Text(cell.text + ("*" if cell.best else ""), "bold green" if cell.best else "") for cell in row]
        table.add_row(*texts)
    console.print(table)
    for index, note in enumerate(layout.footnotes, start=1):
        if note.startswith("* "):
            console.print(Text(note), style="dim", soft_wrap=False)
        else:
            console.print(Text(f"{_mark(index)} {note}"), style="yellow" if note.startswith("warning") else "dim")


def _mark(index: int) -> str:
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(index))
