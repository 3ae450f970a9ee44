"""The one door to terminals, Markdown and CSV: what files, plugins and models call things is shown, never obeyed.

A name may hold anything: an escape sequence that rewrites the screen, a line break that forges a footnote, letters that
turn the direction of writing, a formula for a spreadsheet. Tables (``layout``), lists (``listing``), consoles
(``console``), everything printed (``PlainStream``) and CSV pass through here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

_TURNING = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029]
_CONTROLS = {c: f"\\x{c:02x}" for c in (*range(0x20), *range(0x7F, 0xA0)) if c not in (9, 10)}
_SHOWN = _CONTROLS | {c: f"\\u{c:04x}" for c in _TURNING}
_MARKS = str.maketrans({"<": "&lt;", "`": "\\`"})
_FORMULA = ("=", "+", "-", "@")


def plain(text: str) -> str:
    """``text`` with control characters as people write them; line breaks and tabs stay."""
    return text.translate(_SHOWN)


def one_line(text: str) -> str:
    """The same without line breaks and tabs."""
    return plain(text.replace("\n", " ").replace("\t", " "))


def marked_down(text: str) -> str:
    """One line that Markdown shows as it is: no links, no HTML."""
    return one_line(text).translate(_MARKS).replace("](", "]\\(")


class PlainStream:
    """A text stream whose writers cannot control the terminal. Anything else is done by the stream itself.

    Attributes:
        unguarded: that stream.
    """

    def __init__(self, stream: TextIO) -> None:
        self.unguarded = stream

    def write(self, text: str) -> int:
        """Write ``text``, its control characters shown."""
        self.unguarded.write(plain(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of ``lines``."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)


class PlainCsv:
    """A CSV: lines of numbers and of texts that no spreadsheet takes for a formula."""

    def __init__(self) -> None:
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer, lineterminator="\n")

    def writerow(self, cells: Sequence[Any]) -> None:
        """Add a line; a text that begins like a formula gets an apostrophe in front."""
        self._writer.writerow([_csv_cell(cell) for cell in cells])

    @property
    def text(self) -> str:
        """All lines."""
        return self._buffer.getvalue()


def _csv_cell(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    text = one_line(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
