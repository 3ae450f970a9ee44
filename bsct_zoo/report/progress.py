"""Progress of a comparison: bars with the time left on a terminal, short lines elsewhere, nothing when quiet."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

from rich import progress as bars
from rich.console import Console

from bsct_zoo.evaluation.comparison import Row
from bsct_zoo.evaluation.run import Listener


class Progress(Listener):
    """Shows on standard error how a comparison goes on."""

    def __init__(self, names: list[str], quiet: bool) -> None:
        self.names, self.quiet, self.stopping = names, quiet, False
        self._handler: Any = None
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
        self.tasks = {
            index: self.bars.add_task(name, total=None, start=False, what="waiting") for index, name in enumerate(names)
        }

    def __enter__(self) -> Progress:
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
        """End after the batch at hand on the first Ctrl-C, at once on the second."""
        if self.stopping:
            os._exit(130)
        self.stopping = True
        self.bars.stop()
        print("stopping after this batch; Ctrl-C again stops at once", file=sys.stderr)
        raise KeyboardInterrupt

    def _go_on(self) -> None:
        """Raise in the thread of a model if the user wants to stop."""
        if self.stopping:
            raise KeyboardInterrupt

    def model_started(self, index: int, name: str) -> None:
        """See ``Listener``."""
        self._go_on()
        self.bars.start_task(self.tasks[index])
        self.bars.update(self.tasks[index], what="")

    def message(self, index: int, text: str) -> None:
        """See ``Listener``."""
        self._go_on()
        self.bars.update(self.tasks[index], what=text)
        if not self.live and not self.quiet and text != "loading":
            print(f"{self.names[index]}: {text}", file=sys.stderr)

    def progress(self, index: int, done: int, total: int) -> None:
        """See ``Listener``."""
        self._go_on()
        self.bars.update(self.tasks[index], completed=done, total=total, what=f"{done}/{total} frames")

    def model_done(self, index: int, row: Row) -> None:
        """See ``Listener``."""
        total = row.n_scans
        self.bars.update(self.tasks[index], completed=total, total=total, what="kept" if row.cached else row.status)
        if not self.live and not self.quiet:
            what = f"{row.n_scans} scans, {row.seconds:.1f} s" + (", kept from before" if row.cached else "")
            print(f"{row.model}: {what if row.status == 'ok' else f'{row.status}: {row.message}'}", file=sys.stderr)
