"""What can be put to a model: a task, its items, their answers and scores. Imports nothing heavy.

A plugin registers a ``TaskSource`` with the hook ``register_tasks``. The engine (``bsct_zoo.evaluation``) loads models,
keeps answers, isolates items that fail and makes records; a task knows nothing of that. See ``docs/tasks.md``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bsct_zoo.errors import BadInputError
from bsct_zoo.metrics.columns import Column
from bsct_zoo.plugins.cards import Dtype as Dtype
from bsct_zoo.plugins.cards import Option

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bsct_zoo.potentials.batching import Batcher
    from bsct_zoo.potentials.potential import Potential, PotentialInfo

Status = Literal["ok", "partial", "failed"]


@dataclass(frozen=True)
class Item:
    """What a task asks about at a time, and what can fail alone: a scan, a run, a system.

    Attributes:
        id: unique within its task.
        subject: what the task works on: a ``Scan``, ``ase.Atoms``, ...
        fingerprint: hash of everything of ``subject`` that an answer depends on.
        atomic_numbers: of its atoms; items with elements that a model does not know fail by name.
        group: to gather by, such as a bond type.
        seed: of its random numbers; None where there are none.
        charge: total charge in e.
        multiplicity: 2S+1.
        pbc: periodic directions.
        constraints: those that are honoured, by name.
        notes: what a reader must know of how it was read.
    """

    id: str
    subject: Any
    fingerprint: str
    atomic_numbers: tuple[int, ...]
    group: str = ""
    seed: int | None = None
    charge: int = 0
    multiplicity: int = 1
    pbc: tuple[bool, bool, bool] = (False, False, False)
    constraints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a model says of an item; kept by the engine as it is.

    Attributes:
        arrays: numbers by name, as NumPy arrays.
        facts: anything else, as JSON holds it.
        seconds: the model's own time for it.
        threads, batch_atoms: of the CPU that it was computed on, and how many atoms filled a batch there. They decide
            its last digits; the engine says them, 0 where a GPU computed or nobody knows.
    """

    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    threads: int = 0
    batch_atoms: int = 0


@dataclass(frozen=True)
class Failure:
    """Why a model has no answer for an item.

    Attributes:
        reason: one line.
        log_tail: last output of the model, or the traceback of its error.
    """

    reason: str
    log_tail: str = ""


Outcome = Answer | Failure


def at_a_time(items: Sequence[Item], info: PotentialInfo, size: int) -> Iterator[Sequence[Item]]:
    """``items`` in groups that a task computes together: ``size`` of them, on a CPU one.

    Sums of another order differ in their last digits, and an answer must not depend on what else is asked, or was kept
    before a kill; on a CPU one item fills batches well enough. ``Batcher.isolated`` does the same with frames.
    """
    size = 1 if info.device.startswith("cpu") else max(1, size)
    for first in range(0, len(items), size):
        yield items[first : first + size]


@dataclass(frozen=True)
class Quantity:
    """One number of one item that holds many: a bond length, a frequency.

    Attributes:
        kind: what it is, such as "bond"; quantities of one kind share a unit.
        name: within its item, as in "C1-O2" or "mode 3".
        value: in ``unit``; an imaginary frequency is negative.
        unit: of the numbers.
        reference: the same by the reference; None without one.
        error: value minus reference; of phonons the mean size of the difference over all of them.
        message: what is worth saying of it.
    """

    kind: str
    name: str
    value: float
    unit: str
    reference: float | None = None
    error: float | None = None
    message: str = ""


@dataclass(frozen=True)
class Score:
    """What an answer is worth.

    Attributes:
        metrics: by name, finite; None where there is no value.
        status: "ok", "partial" or "failed".
        message: why it is not "ok"; one line.
        missing: why a metric is None, by metric.
        notes: what a reader must know.
        quantities: the numbers behind the metrics, where an item has many.
    """

    metrics: Mapping[str, float | None]
    status: Status = "ok"
    message: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    quantities: tuple[Quantity, ...] = ()


class Context(Protocol):
    """What the engine gives to a task while it runs.

    Attributes:
        model: as the user named it.
        potential: it.
        batcher: fills batches for it.
    """

    model: str
    potential: Potential
    batcher: Batcher

    def progress(self, done: int, total: int, unit: str) -> None:
        """Say how far it is."""

    def say(self, text: str) -> None:
        """Say something worth saying."""

    def takes(self, option: str) -> bool:
        """Whether the model has an option of this name."""

    def variant(self, **options: str | int | float | bool) -> Potential:
        """The same model with other options; the engine closes it."""

    def reopened(self) -> Potential:
        """The model loaded afresh, after its process died; ``potential`` from then on."""

    def read_state(self, key: str) -> Mapping[str, NDArray[np.generic]] | None:
        """What ``keep_state`` kept under ``key`` for this model; None if there is nothing."""

    def keep_state(self, key: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Keep unfinished work, to resume after an interruption; a full disk costs the resuming alone."""

    def drop_state(self, key: str) -> None:
        """Forget it."""


class Task(ABC):
    """Something put to a model.

    Attributes:
        name: unique within a run: the name of a suite or of a check.
        kind: what sort of task: "scans", "md", "properties", or a plugin's own.
        title: one line for tables; may be empty.
        items: what is asked about.
        columns: what a table says of a model; none for a task that only collects answers.
        headline: names of the columns that a table shows by default.
        dtype: what models compute in for it; None for what the run says.
        noun: what an item is called: "scan", "run", "system".
        level_of_theory: of the reference; None without one.
        sha256: of the file that holds the items; empty if none does.
        own_progress: whether ``run`` says how far it is where several processes share the items.
    """

    name: str
    kind: str
    title: str
    items: Sequence[Item]
    columns: Sequence[Column] = ()
    headline: tuple[str, ...] = ()
    dtype: Dtype | None = None
    noun: str = "item"
    level_of_theory: str | None = None
    sha256: str = ""
    own_progress: bool = False

    @property
    def settings(self) -> Mapping[str, Any]:
        """What was asked for, as JSON holds it; stands in results."""
        return {}

    @property
    def flagged(self) -> tuple[str, ...]:
        """Ids of items whose reference is itself at fault: no model is to blame there."""
        return ()

    def key(self) -> Mapping[str, Any]:
        """What decides an answer beside the model and the item: settings, and hashes of the code that computes."""
        return dict(self.settings)

    def is_kept(self, item: Item, answer: Answer) -> bool:
        """Whether a kept answer serves; not where files that go with it are gone, say."""
        return True

    def bare(self) -> Task:
        """What ``run`` needs of the task beside the items that it is given: this goes to the nodes of a cluster."""
        return self

    def together(self, item: Item) -> str:
        """What the items that share batches with ``item`` have in common; empty if it is computed alone.

        Answers of one batch depend on each other in their last digits: they are kept, and asked for again, as a whole.
        """
        return ""

    def skips(self, item: Item, info: PotentialInfo) -> bool:
        """Whether ``item`` is left out for this model without being a failure."""
        return False

    @abstractmethod
    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Ask ``context.potential`` about ``items``; yields each with its outcome as soon as it is known.

        Raises:
            ModelError: the model answers no more; items without an outcome fail for this reason.
        """

    def against(self, reference: str, outcomes: Mapping[str, Outcome]) -> Task:
        """The same task, judged against what the model ``reference`` says; itself where it needs no such thing."""
        return self

    @abstractmethod
    def score(self, item: Item, answer: Answer) -> Score:
        """What ``answer`` is worth; pure."""

    def curves(self, item: Item, answer: Answer) -> Mapping[str, NDArray[Any]]:
        """What ``answer`` looks like: arrays [n] of one length by name, a few hundred numbers each; pure."""
        return {}

    def reference_curves(self, item: Item) -> Mapping[str, NDArray[Any]]:
        """What the curves of every model stand over and against: a coordinate, the reference's own curves."""
        return {}

    def states(self, item: Item) -> set[tuple[int, int]]:
        """Charges in e and multiplicities 2S+1 of all that a model is asked for ``item``, in pairs."""
        return {(item.charge, item.multiplicity)}

    def notes(self, info: PotentialInfo, skipped: Sequence[Item]) -> Iterator[str]:
        """What a reader must know of the model under this task that its numbers do not say."""
        return iter(())


@dataclass(frozen=True)
class TaskSource:
    """A task as a plugin registers it.

    Attributes:
        name: what a user types after ``--task``.
        summary: one line for people.
        task: "module:function", called with ``options`` as keyword arguments, gives the ``Task``.
        options: settings that a user may give, as in ``name@key=value``.
        columns: of the task, so that they can be named before it is made.
    """

    name: str
    summary: str
    task: str
    options: tuple[Option, ...] = ()
    columns: tuple[Column, ...] = ()


def require_once(names: Sequence[str]) -> None:
    """Refuse a suite or task that is named again: results know it by its name.

    Raises:
        BadInputError: one is.
    """
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInputError(f"{twice} is named twice; give each suite and task once")
