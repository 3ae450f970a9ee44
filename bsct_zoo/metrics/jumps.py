"""True discontinuities of energy and forces along a scan, found by zooming in where the model itself looks suspicious.

What a value gains between two neighbouring points is foretold by the slopes around them. For a smooth surface the rest
falls with the fifth power of their distance, a kink's with the first; that of a step keeps its height. No reference is
needed. Our own, after the bisection of arXiv:2602.04861's scans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from bsct_zoo.metrics.ranges import Floats

ENERGY = 5e-6  # eV: no smaller step is looked for
FORCE = 5e-5  # eV/Å, of the atom that it is largest for
RESOLUTION = 1e-5  # Å along the coordinate to which a step is placed
_PARTS = 8  # that an interval is cut into
_MARGIN = 3  # further parts on either side of it
_KEEPS = 0.3  # of its height, at least, when its interval is cut: a kink keeps an eighth
_NOISE = 20.0  # times its rounding a value must step by
_MOST = 10_000  # frames of a scan, before it counts as too rough to be searched


@dataclass(frozen=True)
class Jump:
    """A discontinuity.

    Attributes:
        at: α in Å, to ``RESOLUTION``.
        energy: eV that the energy steps by, with its sign; 0.0 if it does not.
        force: eV/Å that the force on the atom steps by for which that is largest; 0.0 if none does.
        step: [n_atoms, 3] eV/Å, the forces' own.
    """

    at: float
    energy: float
    force: float
    step: Floats


def unforetold(coordinate: Floats, values: Floats) -> Floats:
    """What ``values`` gain in each interval beyond what the slopes of the four nearest others foretell, by a cubic.

    Args:
        coordinate: [n] ascending.
        values: [n, ...].

    Returns:
        [n - 1, ...], of their unit; for a smooth function of the order of the interval's fifth power.

    Raises:
        ValueError: there are fewer than six points.
    """
    n = len(coordinate) - 1  # intervals
    if n < 5:
        raise ValueError(f"{n + 1} points are too few; six have five intervals")
    width = np.diff(coordinate)
    centre = 0.5 * (coordinate[1:] + coordinate[:-1])
    slope = np.diff(values, axis=0) / width.reshape(-1, *[1] * (values.ndim - 1))
    others = np.clip(np.arange(n) - 2, 0, n - 5)[:, None] + np.arange(5)
    others = others[others != np.arange(n)[:, None]].reshape(n, 4)
    nodes = centre[others]  # [n, 4]
    weights = np.ones((n, 4))
    for a in range(4):
        for b in range(4):
            if a != b:
                weights[:, a] *= (centre - nodes[:, b]) / (nodes[:, a] - nodes[:, b])
    foretold = np.einsum("ka,ka...->k...", weights, slope[others])
    rest: Floats = (slope - foretold) * width.reshape(-1, *[1] * (values.ndim - 1))
    return rest


@dataclass(frozen=True)
class _Window:
    """A run of suspicious intervals, cut.

    Attributes:
        points: [n] α to ask about; equally far from each other.
        inside: which of the n - 1 intervals the run was cut into; others are its margin.
        before: [2, n - 1] heights of energy and force of the interval that each was cut from.
    """

    points: Floats
    inside: NDArray[np.bool_]
    before: Floats

    @property
    def last(self) -> bool:
        """Whether its intervals are as narrow as is asked for."""
        return bool(self.points[1] - self.points[0] <= RESOLUTION)


class JumpSearch:
    """The search along one scan: ``wanted`` says where to ask, ``take`` takes the answers, until nothing is wanted.

    Attributes:
        jumps: found so far, in the order of α.
        asked: frames asked about, those of the scan included.
        energy_limit, force_limit: eV and eV/Å, heights from which on a step stands out from the model's rounding.
        gave_up: whether the surface was too rough everywhere to be searched to the end.
    """

    def __init__(self, coordinate: Floats, path: CubicSpline, energy: Floats, forces: Floats) -> None:
        """``coordinate`` [n] Å ascending, ``path`` through its positions, ``energy`` [n] eV, ``forces`` likewise eV/Å.

        Raises:
            ValueError: there are fewer than six frames.
        """
        self._path = path
        self._coordinate, self._heights = coordinate, _Heights(coordinate, energy, forces)
        self.energy_limit, self.force_limit = ENERGY, FORCE
        self.jumps: tuple[Jump, ...] = ()
        self.asked, self.gave_up = len(coordinate), False
        self._found: list[Jump] = []
        # Where it looks quietest, to learn how the model rounds.
        quiet = np.argsort((self._heights.both / (self._heights.both.max(1, keepdims=True) + 1e-300)).sum(0))[:3]
        middle = 0.5 * (coordinate[quiet] + coordinate[quiet + 1])
        self._quiet = [alpha + np.linspace(-5, 5, 12) * 1e-6 for alpha in middle]
        self._windows: list[_Window] = []

    def positions(self, alpha: Floats) -> Floats:
        """[n, n_atoms, 3] Å of the path at ``alpha`` [n]: the scan's frames, joined smoothly."""
        found: Floats = self._path(alpha)
        return found

    def wanted(self) -> Floats:
        """[n] α in Å to ask about next; empty when the search is over."""
        parts = self._quiet or [window.points for window in self._windows]
        return np.concatenate(parts) if parts else np.zeros(0)

    def take(self, energy: Floats, forces: Floats) -> None:
        """Take ``energy`` [n] eV and ``forces`` [n, n_atoms, 3] eV/Å at ``wanted``."""
        self.asked += len(energy)
        asked = self._quiet or [window.points for window in self._windows]
        ends = np.cumsum([len(points) for points in asked])
        answers = list(zip(np.split(energy, ends[:-1]), np.split(forces, ends[:-1]), strict=True))
        if self._quiet:
            rounding = [
                np.median(_Heights(points, *answer).both, axis=1)
                for points, answer in zip(self._quiet, answers, strict=True)
            ]
            of_energy, of_force = _NOISE * np.median(rounding, axis=0)
            self.energy_limit, self.force_limit = max(ENERGY, float(of_energy)), max(FORCE, float(of_force))
            self._quiet = []
            everything = np.ones(len(self._coordinate) - 1, dtype=bool)
            self._windows = list(self._cut(self._coordinate, self._heights, everything))
        else:
            looked, self._windows = self._windows, []
            for window, answer in zip(looked, answers, strict=True):
                heights = _Heights(window.points, *answer)
                if window.last:
                    self._found += self._steps(window, heights)
                else:
                    self._windows += self._cut(window.points, heights, window.inside)
        if self.asked + sum(len(window.points) for window in self._windows) > _MOST:
            self.gave_up, self._windows = True, []
        self.jumps = tuple(_merged(self._found))

    def _limits(self) -> Floats:
        return np.array([self.energy_limit, self.force_limit])

    def _cut(self, points: Floats, heights: _Heights, inside: NDArray[np.bool_]) -> Iterator[_Window]:
        """The suspicious of the intervals ``inside``, in runs, each cut into parts.

        An interval is suspicious if it, or one of its two neighbours on either side, is above a limit: two steps beside
        each other, or a step and the curvature, may hide each other in one of them.
        """
        above = (heights.both >= self._limits()[:, None]).any(0)
        near = np.convolve(above, np.ones(5), mode="same") > 0
        edges = np.flatnonzero(np.diff(np.concatenate([[False], near & inside, [False]]).astype(int)))
        low, high = self._coordinate[0], self._coordinate[-1]
        for first, end in edges.reshape(-1, 2):
            width = (points[first + 1] - points[first]) / _PARTS
            before = min(_MARGIN, int((points[first] - low) / width + 1e-6))
            after = min(_MARGIN, int((high - points[end]) / width + 1e-6))
            parts = _PARTS * (end - first)
            each = np.repeat(heights.both[:, first:end], _PARTS, axis=1)
            yield _Window(
                np.clip(points[first] + np.arange(-before, parts + after + 1) * width, low, high),
                np.pad(np.ones(parts, dtype=bool), (before, after)),
                np.pad(each, ((0, 0), (before, after)), mode="edge"),
            )

    def _steps(self, window: _Window, heights: _Heights) -> Iterator[Jump]:
        """Intervals of the last cut that kept their height, the highest first, none in the shadow of another."""
        kept = (heights.both >= np.maximum(self._limits()[:, None], _KEEPS * window.before)) & window.inside
        shadowed = np.zeros(kept.shape[1], dtype=bool)
        for k in np.argsort(-(heights.both / self._limits()[:, None]).max(0)):
            if kept[:, k].any() and not shadowed[k]:
                shadowed[max(0, k - 2) : k + 3] = True
                energy, force = kept[:, k] * [heights.energy[k], heights.both[1, k]]
                at = 0.5 * float(window.points[k] + window.points[k + 1])
                yield Jump(at, float(energy), float(force), heights.forces[k])


class _Heights:
    """What the intervals between points gain that is not foretold.

    Attributes:
        energy: [n - 1] eV.
        forces: [n - 1, n_atoms, 3] eV/Å.
        both: [2, n - 1] the size of the energy's, and of the force on the atom for which it is largest.
    """

    def __init__(self, coordinate: Floats, energy: Floats, forces: Floats) -> None:
        self.energy, self.forces = unforetold(coordinate, energy), unforetold(coordinate, forces)
        self.both = np.stack([np.abs(self.energy), np.linalg.norm(self.forces, axis=2).max(axis=1)])


def _merged(found: Sequence[Jump]) -> list[Jump]:
    """In the order of α, each once, although windows that lie close see the same."""
    kept: list[Jump] = []
    for jump in sorted(found, key=lambda each: each.at):
        if kept and jump.at - kept[-1].at < 2 * RESOLUTION:
            kept[-1] = max(kept[-1], jump, key=lambda each: (abs(each.energy), each.force))
        else:
            kept.append(jump)
    return kept
