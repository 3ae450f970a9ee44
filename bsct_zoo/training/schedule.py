"""Progress of a run, and what depends on it: the learning rate and the decay of the averaged weights."""

from __future__ import annotations

import math
import time

WARM_UP = 0.02  # of the budget
LAST = 1e-3  # final rate relative to the largest


class Budget:
    """Progress of a run, by CPU seconds of this process, or by steps if their number is given.

    CPU seconds of all threads count, from its creation, so that other work on the machine does not matter. A resumed
    run passes what its earlier parts spent. With a number of steps the run does not depend on the speed of the machine.
    """

    def __init__(self, total_s: float, spent_before_s: float = 0.0, steps: int = 0) -> None:
        """``steps``: 0 to go by time. The caller keeps ``step`` up to date."""
        self.total_s, self.spent_before_s, self.steps, self.step = total_s, spent_before_s, steps, 0
        self._started = time.process_time()

    @property
    def spent_s(self) -> float:
        """CPU seconds so far, including those of earlier parts."""
        return self.spent_before_s + time.process_time() - self._started

    @property
    def fraction(self) -> float:
        """The completed fraction, from 0 to 1."""
        done = self.step / self.steps if self.steps else self.spent_s / self.total_s
        return min(done, 1.0)

    @property
    def over(self) -> bool:
        """Whether the budget is spent."""
        return self.fraction >= 1.0


def learning_rate_factor(fraction: float, warm_up: float = WARM_UP) -> float:
    """Factor on the largest learning rate when ``fraction`` of the run is done.

    It rises linearly over the first 2 %, or another fraction ``warm_up``, and falls along half a cosine to a
    thousandth.
    """
    fraction = min(max(fraction, 0.0), 1.0)
    rise = min(fraction / warm_up, 1.0) if warm_up > 0 else 1.0
    return rise * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * fraction)))


def averaging_decay(decay: float, updates: int) -> float:
    """Decay of the averaged weights after ``updates`` updates: min(d, (1 + n) / (10 + n)).

    Otherwise the average of a short run would be dominated by its initial weights.
    """
    return min(decay, (1 + updates) / (10 + updates))
