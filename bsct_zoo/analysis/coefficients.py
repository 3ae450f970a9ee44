"""Correlation coefficients of many samples at once: those of ``scipy.stats``, which tests hold them to at 1e-12.

Scipy's own take one sample at a time or twelve times as long (``kendalltau`` of 2000 draws); none skips missing values.

Arrays are [..., n]: the last axis runs over models, the others over draws of a bootstrap. What is undefined (one of the
two is constant) is NaN. Values may be infinite, which is larger than everything: a model that failed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pearson(x: Floats, y: Floats) -> Floats:
    """Product-moment correlation of ``x`` and ``y`` [..., n], over the places where both are finite; [...]."""
    there = np.isfinite(x) & np.isfinite(y)
    n = np.maximum(there.sum(-1, keepdims=True), 1)
    a, b = np.where(there, x, 0.0), np.where(there, y, 0.0)
    a = np.where(there, a - a.sum(-1, keepdims=True) / n, 0.0)
    b = np.where(there, b - b.sum(-1, keepdims=True) / n, 0.0)
    size = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(size > 1e-12 * _scale(x, y, there), (a * b).sum(-1) / size, np.nan)
    return np.clip(found, -1.0, 1.0)


def log_pearson(x: Floats, y: Floats) -> Floats:
    """``pearson`` of logarithms, over the places where both are positive and finite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return pearson(np.log(x), np.log(y))


def spearman(x: Floats, y: Floats) -> Floats:
    """Rank correlation (Spearman 1904), ties by mean ranks; NaN where a value is NaN."""
    return pearson(_ranks(x), _ranks(y))


def kendall(x: Floats, y: Floats) -> Floats:
    """Kendall's tau-b: concordant less discordant pairs, with its correction for ties (Biometrika 33, 239, 1945)."""
    upper = np.triu_indices(x.shape[-1], 1)
    with np.errstate(invalid="ignore"):  # of two infinite values neither is larger
        a = np.sign(_ranks(x)[..., upper[0]] - _ranks(x)[..., upper[1]])
        b = np.sign(_ranks(y)[..., upper[0]] - _ranks(y)[..., upper[1]])
        size = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
        found: Floats = np.where(size > 0, (a * b).sum(-1) / np.where(size > 0, size, 1.0), np.nan)
    return found


def partial_spearman(x: Floats, y: Floats, *given: Floats) -> Floats:
    """Rank correlation of ``x`` and ``y`` once what the ranks of ``given`` explain linearly is taken out of both.

    From the inverse P of the matrix of rank correlations: -P_xy / sqrt(P_xx P_yy). Of one variable z it is
    (r_xy - r_xz r_yz) / sqrt((1 - r_xz²)(1 - r_yz²)) (Kendall and Stuart, The Advanced Theory of Statistics 2, ch. 27).

    All are [..., n].
    """
    columns = [_ranks(x), _ranks(y), *(_ranks(z) for z in given)]
    matrix = np.stack([np.stack([pearson(a, b) for b in columns], -1) for a in columns], -2)
    sound = np.asarray(np.isfinite(matrix).all((-1, -2)))
    safe = np.where(sound[..., None, None], matrix, np.eye(len(columns)))
    sound &= np.linalg.det(safe) > 1e-9  # one of them is a function of the others
    inverse = np.linalg.inv(np.where(sound[..., None, None], safe, np.eye(len(columns))))
    size = np.sqrt(inverse[..., 0, 0] * inverse[..., 1, 1])
    found: Floats = np.where(sound, -inverse[..., 0, 1] / size, np.nan)
    return found


def _ranks(values: Floats) -> Floats:
    from scipy.stats import rankdata  # imported late: half a second

    found: Floats = np.asarray(rankdata(values, axis=-1), dtype=np.float64)
    return found


def _scale(x: Floats, y: Floats, there: NDArray[np.bool_]) -> Floats:
    """What rounding of constant values may leave of their spread."""
    large: Floats = np.abs(np.where(there, x, 0.0)).max(-1) * np.abs(np.where(there, y, 0.0)).max(-1)
    return large
