"""A figure of many models, with the pieces that it was made of, so that other molecules can be drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bsct_zoo.analysis.coefficients import Floats

Over = Literal["mean", "sum", "median", "median_abs", "max_abs", "max", "min"]
_CHUNK = 100  # draws at a time, for the sake of memory


@dataclass(frozen=True)
class Measure:
    """A metric of every model.

    Attributes:
        name: what a user types.
        unit: of it.
        source: where it comes from, for people: "compare on core".
        items: what it was taken over: "scans", "molecules", "systems".
        group: measures of one group were taken over the same items, which are drawn together.
        pieces: [n_models, n_items, n_repeats]; NaN where there is nothing, infinite where a run failed and would have
            had a value that is better small.
        over: how pieces become the value.
        seconds: [n_models] that the whole source took; NaN if unknown.
    """

    name: str
    unit: str
    source: str
    items: str
    group: str
    pieces: Floats
    over: Over
    seconds: Floats

    @property
    def values(self) -> Floats:
        """[n_models]; NaN of a model that does not have it."""
        n_models = len(self.pieces)
        return _REDUCTIONS[self.over](self.pieces.reshape(n_models, -1))

    @property
    def n_items(self) -> int:
        """How many molecules or scans there are."""
        return int(self.pieces.shape[1])

    def counts(self) -> list[int]:
        """[n_models] items that each model has."""
        return [int(n) for n in (~np.isnan(self.pieces)).any(-1).sum(-1)]

    def of(self, models: list[int]) -> Measure:
        """The same of some models."""
        return Measure(**{**vars(self), "pieces": self.pieces[models], "seconds": self.seconds[models]})

    def resampled(self, draws: np.ndarray) -> Floats:
        """[n_draws, n_models] values over the items that ``draws`` [n_draws, n_items] names, all repeats of each."""
        found = [self._of_items(draws[start : start + _CHUNK]) for start in range(0, len(draws), _CHUNK)]
        return np.concatenate(found)

    def _of_items(self, draws: np.ndarray) -> Floats:
        drawn = self.pieces[:, draws].reshape(len(self.pieces), len(draws), -1)
        return _REDUCTIONS[self.over](drawn).T


def _mean(x: Floats) -> Floats:
    there = ~np.isnan(x)
    n = there.sum(-1)
    found: Floats = np.where(n > 0, np.where(there, x, 0.0).sum(-1) / np.maximum(n, 1), np.nan)
    return found


def _sum(x: Floats) -> Floats:
    there = ~np.isnan(x)
    found: Floats = np.where(there.any(-1), np.where(there, x, 0.0).sum(-1), np.nan)
    return found


def _median(x: Floats) -> Floats:
    """Of what is there; infinite values count, so it is infinite where half of the runs failed."""
    ordered, n = np.sort(x, axis=-1), (~np.isnan(x)).sum(-1)  # NaN goes last
    low = np.take_along_axis(ordered, np.maximum((n - 1) // 2, 0)[..., None], -1)[..., 0]
    high = np.take_along_axis(ordered, np.minimum(n // 2, x.shape[-1] - 1)[..., None], -1)[..., 0]
    found: Floats = np.where(n > 0, np.where(low == high, low, 0.5 * (low + high)), np.nan)
    return found


def _highest(x: Floats) -> Floats:
    found: Floats = np.where(np.isnan(x).all(-1), np.nan, np.where(np.isnan(x), -np.inf, x).max(-1))
    return found


_REDUCTIONS: Mapping[Over, Callable[[Floats], Floats]] = {
    "mean": _mean,
    "sum": _sum,
    "median": _median,
    "median_abs": lambda x: _median(np.abs(x)),
    "max_abs": lambda x: _highest(np.abs(x)),
    "max": _highest,
    "min": lambda x: -_highest(-x),
}
