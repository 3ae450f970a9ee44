"""Ways for one model to share cores: which there are, whether measuring them pays, and which is the fastest. Pure.

On a CPU with C cores one process may compute on C threads, or C processes on one thread each, or something between.
Which is fastest depends on the model: threads of small systems wait for each other, processes hold the model N times.
So does the size of batches: large ones leave the processor's caches, small ones pay for every call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

ADVANTAGE = 1.1  # times faster than one process that another way must be: chance, and the memory of several
PAYS = 5.0  # times what measuring costs that is left to do: a way that is a quarter faster pays it back at once
ROOM = 0.8  # of the memory that is available, for further processes
SIZES = (64, 4096)  # atoms in a batch, least and most that are tried
SIZES_TRIED = 4  # as a rule: the default again, and one or two to either side


@dataclass(frozen=True)
class Numerics:
    """What decides the last digits of an answer on a CPU; 0 where nobody knows, or on a GPU.

    Attributes:
        threads: of the process that computed.
        batch_atoms: that filled a batch.
    """

    threads: int = 0
    batch_atoms: int = 0


@dataclass(frozen=True)
class Way:
    """``processes`` of a model, each on ``threads`` threads."""

    processes: int
    threads: int

    @property
    def text(self) -> str:
        """For people."""
        processes = "one process" if self.processes == 1 else f"{self.processes} processes"
        return f"{processes} of {'one thread' if self.threads == 1 else f'{self.threads} threads'}"


@dataclass(frozen=True)
class Chosen:
    """What was measured, as it is remembered.

    Attributes:
        threads: of each process; they decide the last digits.
        processes: as many as were measured.
        faster: how many times faster than one process on all cores.
        memory_mb: the largest resident memory of the first process in MB (10⁶ bytes); None where nobody says.
        batch_atoms: that fill a batch; 0 for the default, or where it was not measured.
    """

    threads: int
    processes: int
    faster: float
    memory_mb: float | None
    batch_atoms: int = 0

    @property
    def way(self) -> Way:
        """Without what was measured."""
        return Way(self.processes, self.threads)


def ways(cores: int, most: int) -> list[Way]:
    """Ways to use ``cores`` with at most so many processes: the one process first, the most processes last."""
    counts = [cores // 2, cores] if cores >= 4 else [cores]
    bounded = sorted({min(count, most) for count in counts} - {0, 1})
    return [Way(1, cores), *(Way(count, cores // count) for count in bounded)]


def fits(available_mb: float | None, each_mb: float | None) -> int | None:
    """How many more processes of ``each_mb`` fit into the memory that is available; None where nobody says."""
    return None if available_mb is None or not each_mb else int(ROOM * available_mb / each_mb)


def pays_off(left: float, loading: float, trial: float, others: Sequence[Way], cores: int, sizes: int = 0) -> bool:
    """Whether what is ``left`` to do is worth measuring; all times in seconds of one process on all cores.

    Args:
        left: all items.
        loading: a model.
        trial: the items that each way is tried on.
        others: ways beside the one process.
        cores: of the one process; if threads scaled perfectly, one of them would take that many times as long.
        sizes: of batches to be tried.
    """
    cost = sum(loading + trial * cores / way.threads for way in others) + sizes * trial
    return left >= PAYS * cost


def fastest(rates: Mapping[Way, float], one: Way) -> tuple[Way, float]:
    """The way of the highest rate (items a second), and how many times faster than ``one`` it is.

    ``one`` itself unless another is faster by more than chance; ways that failed have a rate of 0.
    """
    best = max(rates, key=lambda way: rates[way])
    gain = rates[best] / rates[one]
    return (best, gain) if gain >= ADVANTAGE else (one, 1.0)


def best_size(rate_of: Callable[[int], float], start: int) -> int:
    """How many atoms should fill a batch: doubled and halved from ``start`` while that is faster.

    ``start`` itself unless another is faster by more than chance.

    Args:
        rate_of: items a second with a size; 0 where that failed.
        start: whose rate is asked first.
    """
    rates = {start: rate_of(start)}
    for factor in (0.5, 2.0):
        size = start
        while SIZES[0] <= (other := int(size * factor)) <= SIZES[1]:
            rates[other] = rate_of(other)
            if rates[other] <= rates[size]:
                break
            size = other
        if size != start:  # what is faster on one side is not so on the other
            break
    best = max(rates, key=lambda size: rates[size])
    return best if rates[best] >= ADVANTAGE * rates[start] else start


def bounded(way: Way, items: int, more: int | None) -> Way:
    """``way`` with no more processes than items, and than ``more`` beside the first; threads decide digits and stay."""
    most = items if more is None else min(items, 1 + more)
    return Way(max(1, min(way.processes, most)), way.threads)


def chosen_text(chosen: Chosen, cores: int) -> str:
    """What was measured, for people."""
    if chosen.threads == cores:
        text = f"{chosen.way.text} is as fast as several" if cores > 1 else chosen.way.text
    else:
        text = f"{chosen.way.text} each, {chosen.faster:.1f} times faster than {Way(1, cores).text}"
    return text + (f", in batches of {chosen.batch_atoms:,} atoms" if chosen.batch_atoms else "")


def kept_as(cores: int, most: int) -> str:
    """Under which name a ``Chosen`` is kept: of so many cores, with so many processes at most."""
    return f"{cores} cores, {most} processes at most"


def cores_of(name: str) -> int:
    """Inverse of ``kept_as``."""
    return int(name.partition(" ")[0])
