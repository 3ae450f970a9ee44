"""What happens while tasks are put to models, as one stream of events: for terminals, notebooks, logs and tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bsct_zoo.errors import BadInputError, BsctZooError, EnvironmentBuildError


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something happened.

    Attributes:
        model: as the user named it.
        task: name of the task; empty where it concerns the model as a whole.
        row: number of the model among those of the run: the same model may be asked for twice.
    """

    model: str
    task: str = ""
    row: int = 0


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """Work on a task began."""


@dataclass(frozen=True, kw_only=True)
class Message(Event):
    """Something worth saying, such as a package being installed."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """``done`` of ``total`` units (frames, steps, molecules) are done."""

    done: int
    total: int
    unit: str


@dataclass(frozen=True, kw_only=True)
class Beat(Event):
    """Nothing new: a long wait goes on, and a listener may end it."""


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """A model failed as a whole under a task.

    Attributes:
        message: why; one line.
        user_error: whether the user can mend it: a damaged file, no network for its environment.
        log_tail: last output of the model.
    """

    message: str
    user_error: bool = False
    log_tail: str = ""

    @staticmethod
    def of(error: BsctZooError, model: str, task: str, row: int, log_tail: str = "") -> Failed:
        """The event of ``error``."""
        user_error = isinstance(error, BadInputError | EnvironmentBuildError)
        tail = getattr(error, "log_tail", "") or log_tail
        return Failed(model=model, task=task, row=row, message=str(error), user_error=user_error, log_tail=tail)


@dataclass(frozen=True, kw_only=True)
class NotKept(Event):
    """Answers could not be kept; the run goes on without."""

    message: str


@dataclass(frozen=True, kw_only=True)
class Done(Event):
    """A task is done.

    Attributes:
        status: "ok", "partial" or "failed".
        n_items: items that were asked about.
        noun: what an item is called.
        seconds: the model's own time.
        cached: every answer was kept from an earlier run.
        message: why the status is not "ok".
    """

    status: str
    n_items: int
    noun: str
    seconds: float
    cached: bool = False
    message: str = ""
    log_tail: str = ""


Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""


@dataclass
class Faults:
    """A listener that remembers what a command must say at its end.

    Attributes:
        user_errors: one line for each model that failed for what the user can mend.
        logs: last output of models that failed, as (model, text).
        not_kept: why answers could not be kept.
    """

    user_errors: list[str] = field(default_factory=list)
    logs: list[tuple[str, str]] = field(default_factory=list)
    not_kept: list[str] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Take ``event`` in."""
        if isinstance(event, Failed) and event.user_error:
            self.user_errors.append(f"{event.model}: {event.message}")
        if isinstance(event, Failed | Done) and event.log_tail and (event.model, event.log_tail) not in self.logs:
            self.logs.append((event.model, event.log_tail))
        if isinstance(event, NotKept):
            self.not_kept.append(event.message)

    @property
    def lines(self) -> list[str]:
        """Everything that the user can mend, each once."""
        return list(dict.fromkeys([*self.user_errors, *self.not_kept]))


def both(*listeners: Listener) -> Listener:
    """A listener that tells all ``listeners``."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell
