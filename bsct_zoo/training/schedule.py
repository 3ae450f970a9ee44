"""How much of the budget is spent, and the learning rate that follows from it."""

from __future__ import annotations

import math
import time

WARM_UP = 0.02  # of the budget
LAST = 1e-3  # of the largest rate, at the end


class Budget:
    """CPU seconds of this process, all its threads together, so that other work on the machine does not matter.

    It runs from when it is made. A run that goes on gives what the parts before have spent.
    """

    def __init__(self, total_s: float, spent_before_s: float = 0.0) -> None:
        self.total_s, self.spent_before_s = total_s, spent_before_s
        self._started = time.process_time()

    @property
    def spent_s(self) -> float:
        """CPU seconds so far, those of earlier parts included."""
        return self.spent_before_s + time.process_time() - self._started

    @property
    def fraction(self) -> float:
        """What is spent of the whole, from 0 to 1."""
        return min(self.spent_s / self.total_s, 1.0)

    @property
    def over(self) -> bool:
        """Whether there is nothing left."""
        return self.spent_s >= self.total_s


def learning_rate_factor(fraction: float) -> float:
    """What the largest learning rate is multiplied by when ``fraction`` of the budget is spent.

    It rises in proportion over the first 2 %, and falls with half a cosine, down to a thousandth.
    """
    fraction = min(max(fraction, 0.0), 1.0)
    return min(fraction / WARM_UP, 1.0) * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * fraction)))
