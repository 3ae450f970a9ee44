"""A drift with a reliable error: the residuals of the line are correlated in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FEWEST_BLOCKS = 8


@dataclass(frozen=True)
class Slope:
    """A straight line through a series.

    Attributes:
        value: its slope.
        error: standard error of it; None if the series is too short.
        spread: standard deviation of the series around the line.
    """

    value: float
    error: float | None
    spread: float


def slope(times: Floats, values: Floats) -> Slope:
    """Least squares through ``values`` [n] at equally spaced ``times`` [n], n ≥ 3.

    The error comes from the line through means over blocks of time, long enough for neighbouring blocks to be
    uncorrelated (Flyvbjerg and Petersen, J. Chem. Phys. 91, 461 (1989), applied to the residuals).
    """
    centred = times - times.mean()
    value = float((centred * values).sum() / (centred**2).sum())
    left = values - values.mean() - value * centred
    errors = [_line_error(*blocks) for blocks in _levels(centred, left)]
    return Slope(value, max(errors) if errors else None, float(left.std()))


def mean_error(values: Floats) -> float | None:
    """Standard error of the mean of a series [n] that is correlated in time; None if it is too short."""
    places = np.arange(len(values), dtype=np.float64)
    errors = [float(means.std(ddof=1) / np.sqrt(len(means))) for _, means in _levels(places, values - values.mean())]
    return max(errors) if errors else None


def _levels(times: Floats, left: Floats) -> list[tuple[Floats, Floats]]:
    """Times and means of blocks, from the shortest length at which neighbours are uncorrelated to the longest of use.

    The largest error over these is taken: a fast oscillation makes short blocks look uncorrelated while something
    slower is still to come.
    """
    found: list[tuple[Floats, Floats]] = []
    length = 1
    while len(left) // length >= _FEWEST_BLOCKS:
        n_blocks = len(left) // length
        first = len(left) - n_blocks * length  # the remainder is left out at the start
        blocks = (
            times[first:].reshape(n_blocks, length).mean(1),
            left[first:].reshape(n_blocks, length).mean(1),
        )
        if found or 2 * length * _FEWEST_BLOCKS > len(left) or _neighbours(blocks[1]) < 1 / np.sqrt(n_blocks):
            found.append(blocks)
        length *= 2
    return found


def _neighbours(means: Floats) -> float:
    """Correlation of each block with the next."""
    deviations = means - means.mean()
    variance = (deviations**2).sum()
    return float((deviations[1:] * deviations[:-1]).sum() / variance) if variance > 0 else 0.0


def _line_error(times: Floats, means: Floats) -> float:
    """Standard error of the slope through independent ``means`` [n]."""
    centred = times - times.mean()
    fitted = (centred * means).sum() / (centred**2).sum()
    left = means - means.mean() - fitted * centred
    return float(np.sqrt((left**2).sum() / (len(means) - 2) / (centred**2).sum()))
