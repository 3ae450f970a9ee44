"""How far a mean over scans can be trusted: the bootstrap over scans, paired between models.

Which scans a suite holds is chance. The bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993) draws
suites of the same size from the scans at hand; two models are judged on the same draws, since a hard scan is hard for
both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.evaluation.results import Evaluation

DRAWS = 4000
LEVEL = 0.95

Floats = NDArray[np.float64]


def record_values(evaluations: Sequence[Evaluation], metric: str) -> Floats:
    """[n_evaluations, n_items] of ``metric`` on the items that every evaluation has it for; n_items may be 0."""
    tables = [
        {record.id: value for record in evaluation.records if (value := record.metrics.get(metric)) is not None}
        for evaluation in evaluations
    ]
    shared = [name for name in tables[0] if all(name in table for table in tables)] if tables else []
    return np.array([[table[name] for name in shared] for table in tables], dtype=np.float64)


def resampled_means(values: Floats, seed: int = 0, draws: int = DRAWS) -> Floats:
    """[draws, n_rows] means of ``values`` [n_rows, n_scans] over scans drawn with replacement, alike for all rows."""
    n = values.shape[1]
    random = np.random.default_rng(seed)
    weights = random.multinomial(n, np.full(n, 1 / n), size=draws) / n  # [draws, n_scans]
    means: Floats = weights @ values.T
    return means


def interval(samples: Floats, level: float = LEVEL) -> tuple[float, float]:
    """The central part of ``samples`` [draws] that holds ``level`` of them."""
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def mean_interval(evaluation: Evaluation, metric: str, seed: int = 0) -> tuple[float, float] | None:
    """Interval of the mean of ``metric`` over records; None with fewer than two."""
    values = record_values([evaluation], metric)
    return interval(resampled_means(values, seed)[:, 0]) if values.shape[1] > 1 else None


def difference(first: Evaluation, second: Evaluation, metric: str, seed: int = 0) -> tuple[float, float, float] | None:
    """Mean of second minus first on their common items, and its interval; None with fewer than two of these."""
    values = record_values([first, second], metric)
    if values.ndim != 2 or values.shape[1] < 2:
        return None
    apart = values[1:] - values[:1]  # [1, n_scans]
    return (float(apart.mean()), *interval(resampled_means(apart, seed)[:, 0]))


def significantly_different(first: Evaluation, second: Evaluation, metric: str, seed: int = 0) -> bool:
    """Whether the interval of their difference leaves out zero; else the two are tied."""
    found = difference(first, second, metric, seed)
    return found is not None and (found[1] > 0 or found[2] < 0)
