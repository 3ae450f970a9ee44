"""Ways for a model to share cores, and sizes of batches, measured on items of the task itself.

``ways`` has the candidates and says what follows from the figures.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from bsct_zoo.errors import BsctZooError, ModelError
from bsct_zoo.evaluation.context import EngineContext
from bsct_zoo.evaluation.pool import Pool
from bsct_zoo.evaluation.ways import SIZES_TRIED, Chosen, Way, best_size, chosen_text, fastest, fits, pays_off, ways
from bsct_zoo.plugins.tasks import Failure, Item, Outcome, Task
from bsct_zoo.runtime.memory import available_mb, peak_mb

_START_S = 3.0  # of an interpreter with torch, where the first model was loaded in this one
_REPEATS, _AT_LEAST_S = 3, 0.5  # an item is asked about again until so much time is spent, so many times at most


@dataclass(frozen=True)
class Trial:
    """What came out.

    Attributes:
        way: to take.
        outcomes: of the items that were tried, in this way.
        chosen: what is to be remembered; None where nothing was measured.
        text: for people; may be empty.
        pool: of the way, with one process or more open; None for the one process that was there.
    """

    way: Way
    outcomes: list[tuple[Item, Outcome]] = field(default_factory=list)
    chosen: Chosen | None = None
    text: str = ""
    pool: Pool | None = None


def tried(
    task: Task,
    context: EngineContext,
    pool_of: Callable[[int], Pool],
    items: Sequence[Item],
    cores: int,
    most: int,
    sizes: bool,
) -> Trial:
    """Try each way on the smallest of ``items``, where models compile, and on a typical one, whose time counts.

    In the fastest, sizes of batches are tried on the typical one.

    Args:
        task: what is asked.
        context: the one process on all ``cores``, open.
        pool_of: processes with so many threads, to be opened.
        items: what is left to ask about.
        cores: that the model has.
        most: processes that may ever be.
        sizes: whether sizes of batches are to be tried.

    Raises:
        BsctZooError: the one process fails as a whole.
    """
    one = Way(1, cores)
    alone = len(ways(cores, min(most, len(items)))) == 1
    if alone and not sizes:
        return Trial(one)
    order = sorted(items, key=_size)
    small, typical = order[0], order[len(order) // 2]
    context.task = task.name
    warm_s, first = _timed(lambda: _asked(task, context, small))
    rate, second = _steady(lambda: _rate(task, context, typical))
    outcomes = {one: [(small, first), (typical, second)]}
    if any(isinstance(outcome, Failure) for _, outcome in outcomes[one]):
        return Trial(one, outcomes[one])
    left_s = sum(_size(item) for item in order) / _size(typical) / rate
    memory = resident_mb(context)
    more = fits(available_mb(), memory)  # the first one stays open beside them
    _, *others = ways(cores, min(most, len(items), *([] if more is None else [more])))
    if not others and not alone:
        text = f"{one.text}: there is no memory for more, {memory or 0:.0f} MB each (nothing was measured)"
        return Trial(one, outcomes[one], text=text)
    loading_s = max(context.loading_s, _START_S)
    if not pays_off(left_s, loading_s, warm_s + 1 / rate, others, cores, SIZES_TRIED if sizes else 0):
        text = f"{one.text}: about {left_s:.0f} s of work are too little to measure other ways on"
        return Trial(one, outcomes[one], text=text)
    rates, pool = {one: rate}, None
    for way in others:
        if pool is not None:
            pool.close()
        pool = pool_of(way.threads)
        rates[way], outcomes[way] = _rate_of(task, pool, way, small, typical)
    way, gain = fastest(rates, one)
    if pool is not None and way != others[-1]:  # else its processes go on
        pool.close()
        pool = None
        if way != one:
            pool = pool_of(way.threads)
            pool.open(1)
    found, default, size = outcomes[way], context.batch_atoms, 0
    if sizes:
        size, outcome = _best_size(task, context if pool is None else pool, typical, default)
        if size != default:
            found = [(typical, outcome)]
        memory = resident_mb(context if pool is None else pool.contexts[0])
    chosen = Chosen(way.threads, way.processes, gain, memory, 0 if size == default else size)
    return Trial(way, found, chosen, chosen_text(chosen, cores), pool)


def _rate_of(task: Task, pool: Pool, way: Way, small: Item, typical: Item) -> tuple[float, list[tuple[Item, Outcome]]]:
    """Items a second with the processes of ``way``, 0 where they fail, and the outcomes."""
    try:
        pool.open(way.processes)
        _, first = pool.rate(task, small)
        rate, second = _steady(lambda: pool.rate(task, typical))
    except BsctZooError:  # it cannot be loaded so many times
        pool.close()
        return 0.0, []
    failed = isinstance(first, Failure) or isinstance(second, Failure)
    return 0.0 if failed else rate, [(small, first), (typical, second)]


def _best_size(task: Task, asked: EngineContext | Pool, item: Item, start: int) -> tuple[int, Outcome]:
    """How many atoms should fill a batch, as ``asked`` does from now on, and the outcome with that."""
    outcomes: dict[int, Outcome] = {}

    def rate_of(size: int) -> float:
        asked.fill(size)
        try:
            if isinstance(asked, Pool):
                rate, outcomes[size] = _steady(lambda: asked.rate(task, item))
            else:
                rate, outcomes[size] = _steady(lambda: _rate(task, asked, item))
        except ModelError as error:
            outcomes[size] = Failure(str(error))
            if isinstance(asked, EngineContext):
                asked.reopened()
        contexts = asked.contexts if isinstance(asked, Pool) else [asked]
        failed = isinstance(outcomes[size], Failure) or any(context.ran_out for context in contexts)
        return 0.0 if failed else rate

    best = best_size(rate_of, start)
    asked.fill(best)
    return best, outcomes[best]


def resident_mb(context: EngineContext) -> float | None:
    """The largest memory of the process that computes, in MB (10⁶ bytes); None where nobody says."""
    return peak_mb(int(getattr(context.potential, "pid", None) or os.getpid()))


def _size(item: Item) -> int:
    return max(1, len(item.atomic_numbers))


def _asked(task: Task, context: EngineContext, item: Item) -> Outcome:
    return next((outcome for _, outcome in task.run(context, [item])), Failure("no answer"))


def _rate(task: Task, context: EngineContext, item: Item) -> tuple[float, Outcome]:
    seconds, outcome = _timed(lambda: _asked(task, context, item))
    return 1 / seconds, outcome


def _timed(ask: Callable[[], Outcome]) -> tuple[float, Outcome]:
    started = perf_counter()
    outcome = ask()
    return max(perf_counter() - started, 1e-9), outcome


def _steady(ask: Callable[[], tuple[float, Outcome]]) -> tuple[float, Outcome]:
    """The highest rate of a few."""
    rates: list[float] = []
    started = perf_counter()
    while not rates or (len(rates) < _REPEATS and perf_counter() - started < _AT_LEAST_S):
        rate, outcome = ask()
        rates.append(rate)
    return max(rates), outcome
