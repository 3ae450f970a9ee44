"""How far a run is, and what follows from that: the learning rate, and how slowly the average of the weights moves."""

from __future__ import annotations

import math
import time

WARM_UP = 0.02  # of the budget
LAST = 1e-3  # of the largest rate, at the end


class Budget:
    """How far a run is: by CPU seconds of this process, or by steps if their number is given.

    CPU seconds are those of all its threads together, so that other work on the machine does not matter; they run from
    when it is made. A run that goes on gives what the parts before have spent. With a number of steps the run is the
    same however fast the machine is.
    """

    def __init__(self, total_s: float, spent_before_s: float = 0.0, steps: int = 0) -> None:
        """``steps``: 0 to go by time. ``step`` is to be kept up to date by whoever counts."""
        self.total_s, self.spent_before_s, self.steps, self.step = total_s, spent_before_s, steps, 0
        self._started = time.process_time()

    @property
    def spent_s(self) -> float:
        """CPU seconds so far, those of earlier parts included."""
        return self.spent_before_s + time.process_time() - self._started

    @property
    def fraction(self) -> float:
        """What is done of the whole, from 0 to 1."""
        done = self.step / self.steps if self.steps else self.spent_s / self.total_s
        return min(done, 1.0)

    @property
    def over(self) -> bool:
        """Whether there is nothing left."""
        return self.fraction >= 1.0


def learning_rate_factor(fraction: float, warm_up: float = WARM_UP) -> float:
    """What the largest learning rate is multiplied by when ``fraction`` of the run is done.

    It rises in proportion over the first 2 %, or another share ``warm_up``, and falls with half a cosine, down to a
    thousandth.
    """
    fraction = min(max(fraction, 0.0), 1.0)
    rise = min(fraction / warm_up, 1.0) if warm_up > 0 else 1.0
    return rise * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * fraction)))


def averaging_decay(decay: float, updates: int) -> float:
    """How much of the average of weights stays at an update, after ``updates`` before it: min(d, (1 + n) / (10 + n)).

    The average of a young run would otherwise be of its first weights, which know nothing.
    """
    return min(decay, (1 + updates) / (10 + updates))
