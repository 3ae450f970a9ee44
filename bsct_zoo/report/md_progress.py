"""Progress of molecular dynamics: a bar with the time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import signal
import sys
import threading
from time import monotonic
from types import FrameType, TracebackType
from typing import Any

from rich import progress as bars
from rich.console import Console

from bsct_zoo.evaluation.md_results import MDRow
from bsct_zoo.evaluation.md_run import Watcher

_EVERY = 30.0  # seconds between two lines where there is no terminal


class MDProgress(Watcher):
    """Shows on standard error how a check goes on, and ends it after the step at hand on Ctrl-C."""

    def __init__(self, names: list[str], quiet: bool) -> None:
        self.names, self.quiet = names, quiet
        self._handler: Any = None
        self._stopping = False
        self._started = self._said = monotonic()
        self._first = 0
        console = Console(stderr=True, highlight=False)
        self.live = console.is_terminal and not quiet
        self.bars = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(bar_width=24),
            bars.TaskProgressColumn(),
            bars.TimeRemainingColumn(compact=True),
            bars.TextColumn("{task.fields[what]}", style="dim", markup=False),
            console=console,
            transient=True,
            disable=not self.live,
        )
        self.tasks = [self.bars.add_task(name, total=None, start=False, what="waiting") for name in names]

    def __enter__(self) -> MDProgress:
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._stop)
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Let the step at hand end on the first Ctrl-C, stop at once on the second."""
        if self._stopping:
            os._exit(130)
        self._stopping = True
        self.bars.stop()
        if self.session is None:
            raise KeyboardInterrupt
        self.session.stop = True
        print("stopping after this step; Ctrl-C again stops at once", file=sys.stderr)

    def started(self, index: int) -> None:
        """See ``Watcher``."""
        self.bars.start_task(self.tasks[index])
        self.bars.update(self.tasks[index], what="")
        self._first = -1

    def message(self, index: int, text: str) -> None:
        """See ``Watcher``."""
        self.bars.update(self.tasks[index], what=text)
        if not self.live and not self.quiet and text != "loading":
            print(f"{self.names[index]}: {text}", file=sys.stderr)

    def stepped(self, index: int, done: int, total: int) -> None:
        """See ``Watcher``."""
        now = monotonic()
        if self._first < 0:  # where an earlier call stopped
            self._started, self._said, self._first = now, now, done
            if done > 1 and not self.live and not self.quiet:
                print(f"{self.names[index]}: goes on after step {done}", file=sys.stderr)
        self.bars.update(self.tasks[index], completed=done, total=total, what=f"{done}/{total} steps")
        if not self.live and not self.quiet and now - self._said > _EVERY and done > self._first:
            left = (now - self._started) / (done - self._first) * (total - done)
            print(f"{self.names[index]}: {done}/{total} steps, {left:.0f} s left", file=sys.stderr)
            self._said = now

    def finished(self, index: int, row: MDRow) -> None:
        """See ``Watcher``."""
        total = max(len(row.runs), 1)
        self.bars.update(self.tasks[index], completed=total, total=total, what="kept" if row.cached else row.status)
        if not self.live and not self.quiet:
            what = f"{len(row.runs)} runs, {row.seconds:.1f} s" + (", kept from before" if row.cached else "")
            print(f"{row.model}: {what if row.runs else f'failed: {row.message}'}", file=sys.stderr)
