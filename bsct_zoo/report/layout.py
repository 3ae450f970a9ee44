"""A table before it is drawn: cells, headers and footnotes, which the terminal and Markdown both show."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass, field

from bsct_zoo.metrics.columns import Column
from bsct_zoo.report.plain import one_line, plain

_ARROWS = {"lower": "↓", "higher": "↑", None: ""}


@dataclass
class Cell:
    """Text of a cell; ``best`` if no other row is better."""

    text: str
    best: bool = False

    def __post_init__(self) -> None:
        self.text = one_line(self.text)


@dataclass
class Layout:
    """A table before it is drawn.

    Attributes:
        title: what was compared.
        headers: one for each column; title, unit and arrow on lines of their own.
        rows: cells.
        remarks: what stands below the footnotes, without a number.
    """

    title: str
    headers: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    _notes: dict[str, list[str]] = field(default_factory=dict)  # text -> whom it is about

    def __post_init__(self) -> None:
        self.title = one_line(self.title)
        self.headers = [plain(text) for text in self.headers]

    def note(self, text: str, about: str = "") -> str:
        """Mark that refers to a footnote, which is added if it is new; it names all that it is ``about``."""
        text, about = one_line(text), one_line(about)
        names = self._notes.setdefault(text, [])
        names += [about] * (bool(about) and about not in names)
        return superscript(list(self._notes).index(text) + 1)

    @property
    def footnotes(self) -> list[str]:
        """Footnotes, numbered from 1 as they are referred to."""
        return [f"{', '.join(names)}: {text}" if names else text for text, names in self._notes.items()]

    def empty(self, reason: str, about: str = "") -> Cell:
        """A cell without a value, and why."""
        return Cell("–" + self.note(reason, about))


def header(column: Column, prefix: str = "", arrow: bool = True) -> str:
    """Title on narrow lines, below it unit and direction of better."""
    width = 7 if arrow else 11
    title = f"{prefix} {column.title}".strip()
    lines = textwrap.wrap(title, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*lines, unit(column) if arrow else column.unit]).rstrip()


def unit(column: Column) -> str:
    """Unit and direction."""
    return f"{column.unit} {_ARROWS[column.better]}".strip()


def number(value: float) -> str:
    """Three significant digits, without an exponent where it can be avoided."""
    if value == 0:
        return "0"
    if not math.isfinite(value):  # results hold no such thing; a table must not invent one
        raise ValueError("a result is not finite")
    size = abs(value)
    if size >= 99950 or size < 9.995e-4:
        return f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    rounded = abs(float(f"{value:.2e}"))  # 9.999 has as many decimals as 10.0
    return f"{value:.{max(0, 2 - math.floor(math.log10(rounded)))}f}"


def superscript(n: int) -> str:
    """``n`` as the mark of a footnote."""
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(n))
