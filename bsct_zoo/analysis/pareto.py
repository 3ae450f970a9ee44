"""The Pareto front: what nothing else beats in every respect at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def dominators(costs: NDArray[np.float64]) -> list[list[int]]:
    """For each row of ``costs`` [n, n_objectives] the rows that are no worse in any objective and better in one.

    Lower is better; costs must be finite. A row that no other beats is on the front.
    """
    no_worse = np.all(costs[:, None, :] <= costs[None, :, :], axis=-1)  # [i, j]: of i against j
    better = np.any(costs[:, None, :] < costs[None, :, :], axis=-1)
    beats: NDArray[np.bool_] = np.asarray(no_worse & better)
    return [np.flatnonzero(beats[:, j]).tolist() for j in range(len(costs))]
