"""How far a correlation can be trusted: bootstrap over models, and over molecules.

Two things are chance, and each has an interval of its own: which models there are, and which molecules they were judged
on. Models are drawn with replacement as pairs of values; molecules (scans, systems) are drawn with replacement for all
models alike, and every model's figure is made anew from them. Intervals are percentiles (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, ch. 13); draws in which a coefficient is undefined are left out.

Drawing molecules adds the noise of few molecules once more to figures that have it already, so that interval leans to
zero; where the noise is large it may even leave out the coefficient itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bsct_zoo.analysis.coefficients import Floats
from bsct_zoo.analysis.measures import Measure

DRAWS = 2000
LEVEL = 0.95
_LEAST = 0.9  # share of draws in which a coefficient must be defined

Coefficient = Callable[..., Floats]
Interval = tuple[float, float]


def over_models(coefficient: Coefficient, columns: Sequence[Floats], seed: int, draws: int = DRAWS) -> Interval | None:
    """Interval of ``coefficient`` of ``columns``, each [n_models], over models drawn with replacement."""
    n = len(columns[0])
    drawn = np.random.default_rng([seed, 0]).integers(0, n, (draws, n))
    return interval(coefficient(*(column[drawn] for column in columns)))


def over_items(coefficient: Coefficient, measures: Sequence[Measure], seed: int, draws: int = DRAWS) -> Interval | None:
    """The same over molecules; those of measures of one group are drawn together. None if each has but one."""
    if all(measure.n_items < 2 for measure in measures):
        return None
    return interval(coefficient(*(measure.resampled(_draws(measure, seed, draws)) for measure in measures)))


def _draws(measure: Measure, seed: int, draws: int) -> np.ndarray:
    """[draws, n_items] items of ``measure``, the same for every measure of its group."""
    key = [seed, 1, *measure.group.encode()]
    return np.random.default_rng(key).integers(0, measure.n_items, (draws, measure.n_items))


def interval(samples: Floats, level: float = LEVEL) -> Interval | None:
    """The central part of ``samples`` that holds ``level`` of them; None if too many are undefined."""
    there = samples[np.isfinite(samples)]
    if len(there) < _LEAST * len(samples):
        return None
    low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
