"""Items of a task shared among several processes of one model: a process that dies costs the item in its hand."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import TypeVar

from bsct_zoo.errors import ModelError
from bsct_zoo.evaluation.context import EngineContext, Opener
from bsct_zoo.evaluation.store import Shelf
from bsct_zoo.plugins.tasks import Failure, Item, Outcome, Task

_ATTEMPTS = 2  # at an item before it is given up: the process may have died of something else
_BEAT_S = 0.2  # between two chances for a listener to end a wait

T = TypeVar("T")


class Pool:
    """Processes of one model, open or to be opened."""

    def __init__(self, opener: Opener, shelf: Shelf | None, batch_atoms: int = 0) -> None:
        """``shelf`` keeps unfinished work; ``batch_atoms`` fill a batch, 0 for the default."""
        self.opener, self.shelf, self.batch_atoms = opener, shelf, batch_atoms
        self.contexts: list[EngineContext] = []
        self._lock, self._stopped, self._died = threading.Lock(), threading.Event(), ""

    def open(self, processes: int) -> None:
        """Open processes until there are so many, all at once.

        Raises:
            BsctZooError: one cannot be loaded; the pool is closed then.
        """
        self._at_once([self._opened] * (processes - len(self.contexts)))

    def fill(self, batch_atoms: int) -> None:
        """Let so many atoms fill a batch from now on."""
        self.batch_atoms = batch_atoms
        for context in self.contexts:
            context.fill(batch_atoms)

    def rate(self, task: Task, item: Item) -> tuple[float, Outcome]:
        """Every open process asked about ``item`` at the same time: items a second, and the answer, or a failure.

        A process that dies is not replaced.
        """

        def ask(context: EngineContext) -> tuple[float, Outcome]:
            context.task = task.name
            started = perf_counter()
            outcome = asked_alone(task, context, item, lambda why: False)
            return perf_counter() - started, outcome

        asked = self._at_once([lambda one=one: ask(one) for one in self.contexts])  # type: ignore[misc]
        outcome = next((one for _, one in asked if isinstance(one, Failure)), asked[0][1])
        return sum(1 / max(seconds, 1e-9) for seconds, _ in asked), outcome

    def outcomes(self, task: Task, items: Sequence[Item], processes: int, total: int) -> Iterator[tuple[Item, Outcome]]:
        """Outcomes of ``items`` as they come; the pool is closed at the end.

        Args:
            task: what is asked.
            items: what is asked about.
            processes: at most so many; those that are not open yet are opened as they are needed.
            total: items in all, for the progress.

        Raises:
            BsctZooError: the model cannot be loaded, or fails at every item.
        """
        left, results = deque(items), SimpleQueue[tuple[Item, Outcome] | BaseException]()
        first = self.contexts[0]
        workers: list[EngineContext | None] = [*self.contexts[: len(items)]]
        workers += [None] * (min(processes, len(items)) - len(workers))
        threads = [threading.Thread(target=self._work, args=(one, task, left, results), daemon=True) for one in workers]
        done, failed = total - len(items), 0
        try:
            for thread in threads:
                thread.start()
            for _ in items:
                result = _next(results, first)
                failed += isinstance(result[1], Failure)
                done += 1
                first.task = task.name
                if not task.own_progress:
                    first.progress(done, total, f"{task.noun}s")
                yield result
        finally:
            self.close()
            for thread in threads:
                thread.join()
        if items and failed == len(items) == total and self._died:
            raise ModelError(self._died)

    def close(self) -> None:
        """End every process, whatever it is at; safe to call twice."""
        self._stopped.set()
        with self._lock:
            contexts = list(self.contexts)
        for context in contexts:
            context.close()

    def _opened(self) -> EngineContext:
        context = EngineContext(self.opener, self.shelf, self.batch_atoms)
        with self._lock:
            self.contexts.append(context)
        if self._stopped.is_set():
            context.close()
        return context

    def _at_once(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """What ``calls`` return, each from a thread; closes the pool if one raises, or a listener ends the wait."""
        if not calls:
            return []
        with ThreadPoolExecutor(len(calls)) as threads:
            futures = [threads.submit(call) for call in calls]
            try:
                while wait(futures, timeout=_BEAT_S).not_done:
                    self.opener.beat()
                return [future.result() for future in futures]
            except BaseException:
                self.close()
                raise

    def _work(
        self,
        context: EngineContext | None,
        task: Task,
        left: deque[Item],
        results: SimpleQueue[tuple[Item, Outcome] | BaseException],
    ) -> None:
        """Take items until none is left."""
        try:
            if context is None:
                if not left:
                    return
                context = self._opened()
            context.task = task.name
            while not self._stopped.is_set():
                try:
                    item = left.popleft()
                except IndexError:
                    break
                results.put((item, asked_alone(task, context, item, self._goes_on)))
            context.close()
        except BaseException as error:
            if not self._stopped.is_set():
                results.put(error)

    def _goes_on(self, why: str) -> bool:
        """Whether a new process takes the place of one that died."""
        if not self._stopped.is_set():
            self._died = why
        return not self._stopped.is_set()


def _next(results: SimpleQueue[tuple[Item, Outcome] | BaseException], context: EngineContext) -> tuple[Item, Outcome]:
    """The next outcome; short waits, so that a listener can end them."""
    while True:
        try:
            result = results.get(timeout=_BEAT_S)
        except Empty:
            context.beat()
            continue
        if isinstance(result, BaseException):
            raise result
        return result


def asked_alone(
    task: Task, context: EngineContext, item: Item, goes_on: Callable[[str], bool] = lambda why: True
) -> Outcome:
    """Ask about one item, with a new process after each that failed, if it ``goes_on`` after hearing why."""
    failure = Failure("no answer")
    for _ in range(_ATTEMPTS):
        try:
            for _, outcome in task.run(context, [item]):
                return outcome
            return failure
        except ModelError as error:
            why = " ".join(str(error).split())
            if not goes_on(why):
                return Failure("stopped")
            failure = Failure(why, error.log_tail)
            context.reopened()
    return failure
