"""Progress of a training run: a bar of the budget on a terminal, lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
from types import TracebackType

from rich import progress as bars
from rich.console import Console


class TrainingProgress:
    """Shows on standard error how a training run goes on; a ``bsct_zoo.training.host.TrainingListener``."""

    def __init__(self, name: str, budget_s: float, quiet: bool) -> None:
        self.name, self.budget_s, self.quiet = name, budget_s, quiet
        console = Console(stderr=True, highlight=False)
        self.live = console.is_terminal and not quiet
        self.bars = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(bar_width=24),
            bars.TextColumn("{task.fields[spent]}", markup=False),
            bars.TimeRemainingColumn(compact=True),
            bars.TextColumn("{task.fields[what]}", style="dim", markup=False),
            console=console,
            transient=True,
            disable=not self.live,
        )
        self.task = self.bars.add_task(name, total=budget_s, start=False, what="starting", spent="")

    def __enter__(self) -> TrainingProgress:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def message(self, text: str) -> None:
        """See ``TrainingListener``."""
        self.bars.update(self.task, what=text)
        self._say(text)

    def line(self, text: str) -> None:
        """See ``TrainingListener``."""
        self.message(text)

    def spent(self, seconds: float) -> None:
        """See ``TrainingListener``."""
        self.bars.start_task(self.task)
        spent = min(seconds, self.budget_s)
        self.bars.update(self.task, completed=spent, spent=f"{spent:.0f} of {self.budget_s:.0f} CPU s")

    def _say(self, text: str) -> None:
        if not self.live and not self.quiet:
            print(f"{self.name}: {text}", file=sys.stderr)
