"""Progress of everything that takes time: bars on a terminal, short lines elsewhere, nothing when quiet."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from time import monotonic
from types import FrameType, TracebackType
from typing import Any

from rich import progress as bars

from bsct_zoo.errors import shortened
from bsct_zoo.evaluation.events import Done, Event, Failed, Message, Progress, Started
from bsct_zoo.report.console import make_console

_EVERY_S = 30.0  # between two lines about the same work where there is no terminal


class ProgressDisplay:
    """A listener that shows events on standard error, and ends the work on Ctrl-C.

    The first Ctrl-C lets the batch or step in hand end, so that everything computed is kept; the second ends the
    process at once.
    """

    def __init__(self, names: Sequence[str] = (), quiet: bool = False, at_once: bool = False) -> None:
        """``names`` are models whose bars are shown from the start; ``at_once``: the first Ctrl-C interrupts, too.

        A training has no batch to wait for: its trainer goes on from its last checkpoint.
        """
        self.quiet, self._at_once, self._stopping = quiet, at_once, False
        self._handler: Any = None
        self._said: dict[tuple[int, str], tuple[float, float, int]] = {}  # when last, when first, and how far then
        console = make_console(stderr=True)
        self.live = console.is_terminal and not quiet
        self._bars = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(bar_width=24),
            bars.TaskProgressColumn(),
            bars.TimeRemainingColumn(compact=True),
            bars.TextColumn("{task.fields[what]}", style="dim", markup=False),
            console=console,
            transient=True,
            disable=not self.live,
        )
        self._tasks: dict[int, bars.TaskID] = {}
        for row, name in enumerate(names):
            self._bar(row, name)

    def __enter__(self) -> ProgressDisplay:
        if threading.current_thread() is threading.main_thread() and not self._at_once:
            self._handler = signal.signal(signal.SIGINT, self._stop)
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)

    def __call__(self, event: Event) -> None:
        """Show ``event``.

        Raises:
            KeyboardInterrupt: the user wants to stop.
        """
        if self._stopping:
            raise KeyboardInterrupt
        bar = self._bar(event.row, event.model)
        if isinstance(event, Started):
            self._bars.start_task(bar)
            self._bars.update(bar, what=event.task)
        elif isinstance(event, Message):
            self._bars.update(bar, what=event.text)
            if event.text != "loading":
                self._say(f"{event.model}: {event.text}")
        elif isinstance(event, Progress):
            self._bars.start_task(bar)
            what = f"{event.task} {event.done}/{event.total} {event.unit}".strip()
            self._bars.update(bar, completed=event.done, total=event.total, what=what)
            self._say_progress(event)
        elif isinstance(event, Done | Failed):
            what = event.message if isinstance(event, Failed) else "kept" if event.cached else event.status
            self._bars.update(bar, completed=1, total=1, what=what)
            if isinstance(event, Done):
                self._say_done(event)

    def _bar(self, row: int, name: str) -> bars.TaskID:
        if row not in self._tasks:
            self._tasks[row] = self._bars.add_task(name, total=None, start=False, what="waiting")
        return self._tasks[row]

    def _say_done(self, event: Done) -> None:
        text = f"{event.n_items} {event.noun}{'s' * (event.n_items != 1)}, {event.seconds:.1f} s"
        text += ", kept from before" if event.cached else ""
        if event.status != "ok":
            text = f"{event.status}: {shortened(event.message, 240)}"
        self._say(f"{event.model}: {event.task}: {text}")

    def _say_progress(self, event: Progress) -> None:
        """A line now and then, with the time left."""
        key, now = (event.row, event.task), monotonic()
        last, first, start = self._said.setdefault(key, (now, now, event.done))
        if now - last > _EVERY_S and event.done > start:
            left = (now - first) / (event.done - start) * (event.total - event.done)
            self._say(f"{event.model}: {event.done}/{event.total} {event.unit}, {left:.0f} s left")
            self._said[key] = (now, first, start)

    def _say(self, text: str) -> None:
        if not self.live and not self.quiet:
            print(text, file=sys.stderr)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            os._exit(130)
        self._stopping = True
        self._bars.stop()
        print("stopping after the batch in hand; press Ctrl-C again to stop at once", file=sys.stderr)
