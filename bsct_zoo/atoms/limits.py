"""Limits for readers that believe what a file claims: time, and memory beyond what is there already."""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from bsct_zoo.errors import BadInputError

LONGEST_S = 300
_LEAST = 2 << 30  # bytes
_PER_BYTE = 400  # of a file: what lines of text become as Python objects, with room to spare


@contextmanager
def limited(path: Path, longest_s: int = LONGEST_S) -> Iterator[None]:
    """Let no reader of ``path`` take more than ``longest_s`` seconds, or far more memory than its size explains.

    Both are of the whole process, so only its main thread is limited.

    Raises:
        BadInputError: it took more.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = _in_use() + max(_LEAST, _PER_BYTE * path.stat().st_size)
    before, left = signal.signal(signal.SIGALRM, late), signal.alarm(longest_s)
    with suppress(ValueError, OSError):  # not every system limits it
        if soft == resource.RLIM_INFINITY or most < soft:
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    except TimeoutError as error:
        raise BadInputError(f"{path} could not be read in {longest_s} s; is it what its name says?") from error
    except MemoryError as error:
        raise BadInputError(f"{path} claims more than fits into memory; is it what its name says?") from error
    finally:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGALRM, before)
        signal.alarm(left)


def _in_use() -> int:
    """Bytes of address space of this process."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:  # not Linux
        return 1 << 40
