"""Items of a task shared among several processes of one model: a process that dies costs the item in its hand."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue

from bsct_zoo.errors import ModelError
from bsct_zoo.evaluation.context import EngineContext, Opener
from bsct_zoo.evaluation.store import Shelf
from bsct_zoo.plugins.tasks import Failure, Item, Outcome, Task

_ATTEMPTS = 2  # at an item before it is given up: the process may have died of something else


def shared_among_processes(
    task: Task,
    first: EngineContext,
    opener: Opener,
    shelf: Shelf | None,
    items: Sequence[Item],
    processes: int,
    total: int,
) -> Iterator[tuple[Item, Outcome]]:
    """Outcomes of ``items`` as they come.

    Args:
        task: what is asked.
        first: a process that is open already; it is closed at the end.
        opener: opens more.
        shelf: where unfinished work is kept.
        items: what is asked about.
        processes: at most so many.
        total: items in all, for the progress.

    Raises:
        BsctZooError: the model cannot be loaded, or fails at every item.
    """
    pool = _Pool(task, opener, shelf, items)
    others = min(processes, len(items)) - 1
    threads = [threading.Thread(target=pool.work, args=(first,), daemon=True)]
    threads += [threading.Thread(target=pool.work, args=(None,), daemon=True) for _ in range(others)]
    done, failed = total - len(items), 0
    try:
        for thread in threads:
            thread.start()
        for _ in items:
            result = pool.next(first)
            failed += isinstance(result[1], Failure)
            done += 1
            first.task = task.name
            if not task.own_progress:
                first.progress(done, total, f"{task.noun}s")
            yield result
    finally:
        pool.stop()
        for thread in threads:
            thread.join()
    if items and failed == len(items) == total and pool.died:
        raise ModelError(pool.died)


class _Pool:
    def __init__(self, task: Task, opener: Opener, shelf: Shelf | None, items: Sequence[Item]) -> None:
        self.task, self.opener, self.shelf = task, opener, shelf
        self.left = deque(items)
        self.results: SimpleQueue[tuple[Item, Outcome] | BaseException] = SimpleQueue()
        self.open: set[EngineContext] = set()
        self.lock, self.stopped, self.died = threading.Lock(), threading.Event(), ""

    def next(self, context: EngineContext) -> tuple[Item, Outcome]:
        """The next outcome; short waits, so that a listener can end them."""
        while True:
            try:
                result = self.results.get(timeout=0.2)
            except Empty:
                context.beat()
                continue
            if isinstance(result, BaseException):
                raise result
            return result

    def stop(self) -> None:
        """End every process, whatever it is at."""
        self.stopped.set()
        with self.lock:
            contexts = list(self.open)
        for context in contexts:
            context.close()

    def work(self, context: EngineContext | None) -> None:
        """Take items until none is left."""
        try:
            if context is None:
                if not self.left:
                    return
                context = EngineContext(self.opener, self.shelf, None)
            with self.lock:
                self.open.add(context)
            context.task = self.task.name
            while not self.stopped.is_set():
                try:
                    item = self.left.popleft()
                except IndexError:
                    break
                self.results.put((item, self._outcome(context, item)))
            context.close()
        except BaseException as error:
            if not self.stopped.is_set():
                self.results.put(error)

    def _outcome(self, context: EngineContext, item: Item) -> Outcome:
        return asked_alone(self.task, context, item, self._after_death)

    def _after_death(self, why: str) -> bool:
        if not self.stopped.is_set():
            self.died = why
        return not self.stopped.is_set()


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
