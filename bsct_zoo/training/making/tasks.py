"""Work for several processes of a reference, what each task makes kept in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.suites.building.reference import Workers

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Task(Generic[_Found]):
    """What one process makes at a time.

    Attributes:
        name: of the task.
        path: of the file that keeps what it makes.
        make: how.
    """

    name: str
    path: Path
    make: Callable[[Potential], _Found]


def carried_out(
    tasks: Sequence[Task[_Found]],
    read: Callable[[Path], _Found | None],
    write: Callable[[Path, _Found], None],
    pool: Workers,
    workers: int,
    on_progress: Callable[[int, int], None],
) -> tuple[dict[str, _Found], dict[str, str]]:
    """What all tasks make, by their names, read where it is there already; and those that failed, with why.

    A task at which a process fails is tried once more with a new one.

    Raises:
        ModelError: the reference fails at every task.
    """
    found: dict[str, _Found] = {}
    failed: dict[str, str] = {}
    for task in tasks:
        known = read(task.path)
        if known is not None:
            found[task.name] = known
    left = [task for task in tasks if task.name not in found]
    stopped: list[bool] = []

    def one(task: Task[_Found]) -> None:
        for last in (False, True):
            try:
                with pool.one() as potential:
                    made = task.make(potential)
                write(task.path, made)
                found[task.name] = made
                return
            except ModelError as error:
                if last or stopped:
                    failed[task.name] = " ".join(str(error).split())
                    return

    with ThreadPoolExecutor(max(1, workers)) as threads:
        try:
            pending: set[Future[None]] = {threads.submit(one, task) for task in left}
            while pending:  # short waits, so that Ctrl-C is heard
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                on_progress(len(tasks) - len(pending), len(tasks))
        except BaseException:
            stopped.append(True)
            threads.shutdown(wait=False, cancel_futures=True)
            pool.close()
            raise
    if left and len(failed) == len(tasks):
        raise ModelError(next(iter(failed.values())))
    return found, failed
