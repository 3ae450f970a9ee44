"""Consoles of rich that pass no control character of a text on; every one is made here."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from bsct_zoo.report.plain import plain


class PlainConsole(Console):
    """A console of rich that styles text and passes no control character of it on."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See ``Console.render``; what rich itself says to the terminal is left as it is."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(plain(segment.text), segment.style)


def make_console(stderr: bool = False, **options: Any) -> PlainConsole:
    """A console for standard output or error, or for the ``file`` in ``options``; text is shown as it is."""
    stream = sys.stderr if stderr else sys.stdout
    own = {"highlight": False, "markup": False, "emoji": False, "file": getattr(stream, "unguarded", stream)}
    return PlainConsole(stderr=stderr, **{**own, **options})
