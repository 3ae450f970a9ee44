"""A curve in text: dots of braille, so that a scan can be seen in any terminal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # by column and row of a braille letter
_EMPTY = 0x2800


def draw(x: Floats, y: Floats, width: int = 64, height: int = 12, top: float | None = None) -> list[str]:
    """Lines of text with y over x, its scale at the left, x's below.

    ``x`` and ``y`` are [n], NaN where there is nothing; ``width`` and ``height`` in letters, the scale beside them;
    what is above ``top`` is left out. Neighbours are joined, across gaps not.
    """
    seen = np.isfinite(y) & (np.ones(len(y), bool) if top is None else y <= top)
    if not seen.any():
        return ["nothing to draw"]
    low, high = float(y[seen].min()), float(y[seen].max())
    high = high if high > low else low + 1.0
    columns, rows = 2 * width - 1, 4 * height - 1
    span = float(x[-1] - x[0]) or 1.0
    grid = np.full((height, width), _EMPTY)

    def dot(column: int, row: int) -> None:
        grid[row // 4, column // 2] |= _DOTS[column % 2][row % 4]

    at = np.round((x - x[0]) / span * columns).astype(int)
    up = np.zeros(len(y), dtype=int)
    up[seen] = np.round((high - y[seen]) / (high - low) * rows).astype(int)
    for k in np.flatnonzero(seen):
        dot(at[k], up[k])
        if k + 1 < len(y) and seen[k + 1]:
            n = max(abs(at[k + 1] - at[k]), abs(up[k + 1] - up[k]), 1)
            for t in range(1, n):
                dot(round(at[k] + (at[k + 1] - at[k]) * t / n), round(up[k] + (up[k + 1] - up[k]) * t / n))
    lines = []
    for row in range(height):
        value = {0: high, height // 2: 0.5 * (high + low), height - 1: low}.get(row)
        lines.append(f"{'' if value is None else f'{value:.4g}':>10} │{''.join(map(chr, grid[row]))}")
    ends = f"{x[0]:.3g}", f"{x[-1]:.3g} Å"
    lines.append(" " * 11 + "└" + "─" * width)
    lines.append(" " * 12 + ends[0] + " " * max(1, width - len(ends[0]) - len(ends[1])) + ends[1])
    return lines
