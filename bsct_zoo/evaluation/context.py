"""A loaded model with what a task may ask of the engine while it runs: batches, states, progress, a fresh start."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.evaluation.events import Beat, Listener, Message, NotKept, Progress
from bsct_zoo.evaluation.store import Shelf
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.cards import OptionValue
from bsct_zoo.plugins.tasks import Dtype
from bsct_zoo.potentials.batching import Batcher, default_atoms
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.load import load_potential


@dataclass(frozen=True)
class Opener:
    """How a model is loaded.

    Attributes:
        spec: which.
        device, dtype: what it computes in.
        timeout: seconds that it may be silent.
        threads: that it computes on; None for as many as torch takes.
        own_process: always in a process of its own, so that a crash costs that process alone.
        listen, row: who hears of what takes time, and which model it is.
    """

    spec: ModelSpec
    device: str
    dtype: Dtype
    timeout: float | None
    threads: int | None
    own_process: bool
    listen: Listener
    row: int

    def open(self, options: Mapping[str, OptionValue]) -> Potential:
        """The model, loaded; ``options`` go before those of the user.

        Raises:
            BsctZooError: see ``runtime.load.load_potential``.
        """
        return load_potential(
            self.spec.adapter,
            self.spec.card,
            device=self.device,
            dtype=self.dtype,
            options={**self.spec.options, **options},
            timeout=self.timeout,
            threads=self.threads,
            own_process=self.own_process,
            on_event=lambda text: self.listen(Message(model=self.spec.text, row=self.row, text=text)),
        )

    def beat(self) -> None:
        """Let whoever listens end a long wait."""
        self.listen(Beat(model=self.spec.text, row=self.row))


class EngineContext:
    """See ``plugins.tasks.Context``. Not for several threads at once.

    Attributes:
        batch_atoms: that are to fill a batch.
        loading_s: seconds that loading took.
    """

    def __init__(self, opener: Opener, shelf: Shelf | None, batch_atoms: int = 0) -> None:
        """Load the model; see ``fill`` for ``batch_atoms``.

        Raises:
            BsctZooError: it cannot be loaded.
        """
        self.model, self.task = opener.spec.text, ""
        self._opener, self._shelf, self._most = opener, shelf, math.inf
        self._variants: dict[str, Potential] = {}
        started = perf_counter()
        self.potential: Potential = opener.open({})
        self.loading_s = perf_counter() - started
        self.batcher = Batcher(self.potential)
        self.batch_atoms = int(self.batcher.limit)
        self.fill(batch_atoms)

    def fill(self, batch_atoms: int = 0, most: int = 0) -> None:
        """Let ``batch_atoms`` fill a batch from now on, 0 for the default of the device.

        Never more than there was memory for, here or, if it is not 0, ``most`` in an earlier run.
        """
        self._most = min(self._most, most or math.inf, self.batcher.limit if self.ran_out else math.inf)
        self.batch_atoms = int(min(batch_atoms or default_atoms(self.potential.info.device), self._most))
        self.batcher.limit = float(self.batch_atoms)

    @property
    def ran_out(self) -> bool:
        """Whether memory ran out since ``fill``, and batches have been smaller since."""
        return self.batcher.limit < self.batch_atoms

    def progress(self, done: int, total: int, unit: str) -> None:
        """Tell whoever listens."""
        row = self._opener.row
        self._opener.listen(Progress(model=self.model, task=self.task, row=row, done=done, total=total, unit=unit))

    def beat(self) -> None:
        """Let whoever listens end a long wait."""
        self._opener.listen(Beat(model=self.model, task=self.task, row=self._opener.row))

    def say(self, text: str) -> None:
        """Tell whoever listens."""
        self._opener.listen(Message(model=self.model, task=self.task, row=self._opener.row, text=text))

    def takes(self, option: str) -> bool:
        """Whether the model has an option of this name."""
        return any(one.name == option for one in self._opener.spec.adapter.options)

    def variant(self, **options: OptionValue) -> Potential:
        """The same model with other options, loaded once."""
        key = repr(sorted(options.items()))
        if key not in self._variants:
            self._variants[key] = self._opener.open(options)
        return self._variants[key]

    def reopened(self) -> Potential:
        """The model and its variants loaded afresh, after a process died."""
        self.close()
        self.potential = self._opener.open({})
        self.batcher = Batcher(self.potential, self.batcher.limit)
        return self.potential

    def read_state(self, key: str) -> Mapping[str, NDArray[np.generic]] | None:
        """What ``keep_state`` kept; None without a store."""
        return None if self._shelf is None else self._shelf.read_state(key)

    def keep_state(self, key: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Keep unfinished work; a full disk costs the resuming alone."""
        if self._shelf is not None:
            try:
                self._shelf.write_state(key, arrays)
            except OSError as error:
                text = f"unfinished work could not be kept in {self._shelf.folder}: {error.strerror}; free some room"
                self._shelf = None
                self._opener.listen(NotKept(model=self.model, task=self.task, row=self._opener.row, message=text))

    def drop_state(self, key: str) -> None:
        """Forget unfinished work."""
        if self._shelf is not None:
            self._shelf.drop_state(key)

    @property
    def log_tail(self) -> str:
        """The last output of the model's process; empty where it has none of its own."""
        return str(getattr(self.potential, "log_tail", ""))

    def close(self) -> None:
        """Close the model and its variants; safe to call twice."""
        for potential in (self.potential, *self._variants.values()):
            potential.close()
        self._variants.clear()
