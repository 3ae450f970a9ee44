"""How far a mean over scans, or a correlation over models, can be trusted: the bootstrap.

Intervals are percentiles (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13) over draws with
replacement. Two things are chance: which scans or molecules there are, and which models.

Means. Suites of the same size are drawn from the scans at hand; two models are judged on the same draws, since a hard
scan is hard for both.

Correlations. Models are drawn as pairs of values. Molecules (scans, systems) are drawn for all models alike, and every
model's figure is made anew from them; this adds the noise of few molecules once more to figures that have it already,
so that interval leans to zero, and where the noise is large it may even leave out the coefficient itself.

``scipy.stats.bootstrap`` draws neither pieces of several repeats nor the same items for measures of one group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bsct_zoo.analysis.coefficients import Floats
from bsct_zoo.analysis.measures import Measure
from bsct_zoo.evaluation.results import Evaluation

DRAWS = 4000  # of means
CORRELATION_DRAWS = 2000
LEVEL = 0.95
_WEIGHTS = 20_000_000  # of scans in draws, held at a time: 300 MB
_LEAST = 0.9  # share of draws in which a value must be defined

Coefficient = Callable[..., Floats]
Interval = tuple[float, float]


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
    if n * draws <= _WEIGHTS:
        weights = random.multinomial(n, np.full(n, 1 / n), size=draws) / n  # [draws, n_scans]
        means: Floats = weights @ values.T
        return means
    means = np.empty((draws, len(values)))
    for mean in means:  # the same distribution, in a tenth of the time and without the gigabytes
        mean[:] = values @ (np.bincount(random.integers(n, size=n), minlength=n) / n)
    return means


def interval(samples: Floats, level: float = LEVEL) -> Interval | None:
    """The central part of ``samples`` [draws] that holds ``level`` of them; None if too many are undefined."""
    there = samples[np.isfinite(samples)]
    if len(there) < _LEAST * len(samples):
        return None
    low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def mean_interval(evaluation: Evaluation, metric: str, seed: int = 0) -> Interval | None:
    """Interval of the mean of ``metric`` over records; None with fewer than two."""
    values = record_values([evaluation], metric)
    return interval(resampled_means(values, seed)[:, 0]) if values.shape[1] > 1 else None


def difference(first: Evaluation, second: Evaluation, metric: str, seed: int = 0) -> tuple[float, float, float] | None:
    """Mean of second minus first on their common items, and its interval; None with fewer than two of these."""
    values = record_values([first, second], metric)
    if values.ndim != 2 or values.shape[1] < 2:
        return None
    apart = values[1:] - values[:1]  # [1, n_scans]
    ends = interval(resampled_means(apart, seed)[:, 0])
    return None if ends is None else (float(apart.mean()), *ends)


def p_value(first: Evaluation, second: Evaluation, metric: str, seed: int = 0, draws: int = DRAWS) -> float | None:
    """Of no difference between the means of two evaluations on their common items; two-sided, None with fewer than two.

    Twice the share of draws on the other side of zero, and never below what ``draws`` can tell.
    """
    values = record_values([first, second], metric)
    if values.ndim != 2 or values.shape[1] < 2:
        return None
    moved = resampled_means(values[1:] - values[:1], seed, draws)[:, 0]
    fewest = min(int((moved <= 0).sum()), int((moved >= 0).sum()))
    return min(1.0, 2 * (fewest + 1) / (draws + 1))


def significant(p_values: Sequence[float], level: float = 1 - LEVEL) -> list[bool]:
    """Which of several tests are significant together, so that all of them err with probability ``level`` at most.

    Holm, Scand. J. Statist. 6, 65 (1979): the smallest of m is held to level / m, the next to level / (m - 1), ...
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    found = [False] * len(p_values)
    for rank, place in enumerate(order):
        if p_values[place] > level / (len(p_values) - rank):
            break
        found[place] = True
    return found


def significantly_different(first: Evaluation, second: Evaluation, metric: str, seed: int = 0) -> bool:
    """Whether the interval of their difference leaves out zero; else the two are tied."""
    found = difference(first, second, metric, seed)
    return found is not None and (found[1] > 0 or found[2] < 0)


def over_models(
    coefficient: Coefficient, columns: Sequence[Floats], seed: int, draws: int = CORRELATION_DRAWS
) -> Interval | None:
    """Interval of ``coefficient`` of ``columns``, each [n_models], over models drawn with replacement."""
    n = len(columns[0])
    drawn = np.random.default_rng([seed, 0]).integers(0, n, (draws, n))
    return interval(coefficient(*(column[drawn] for column in columns)))


def over_items(
    coefficient: Coefficient, measures: Sequence[Measure], seed: int, draws: int = CORRELATION_DRAWS
) -> Interval | None:
    """The same over molecules; those of measures of one group are drawn together. None if each has but one."""
    if all(measure.n_items < 2 for measure in measures):
        return None
    return interval(coefficient(*(measure.resampled(_draws(measure, seed, draws)) for measure in measures)))


def _draws(measure: Measure, seed: int, draws: int) -> np.ndarray:
    """[draws, n_items] items of ``measure``, the same for every measure of its group."""
    key = [seed, 1, *measure.group.encode()]
    return np.random.default_rng(key).integers(0, measure.n_items, (draws, measure.n_items))
