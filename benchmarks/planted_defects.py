"""A catalogue of defects of an energy surface, to be planted onto a smooth one: which metric sees them, from when on.

A defect is a pure function of a curve and a strength. ``smooth_curve`` is what they are planted on: a molecule of
two rigid halves whose bond is pulled, held together by analytic pair potentials, so that nothing else is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from ase.build import molecule
from scipy.interpolate import CubicSpline, interp1d

from bsct_zoo.evaluation.scoring import score_scan
from bsct_zoo.metrics.catalogue import METRICS
from bsct_zoo.metrics.ranges import Floats
from bsct_zoo.suites.geometry import bond_scan
from bsct_zoo.suites.scan import Scan

_PLACE = 0.62  # of the way from half to twice the length: a stretched bond, where dynamics would go
_WIDTH = 0.08  # Å, of what is local
_WAVELENGTH = 0.15  # Å, of a ripple: about six frames


@dataclass(frozen=True)
class Curve:
    """What a model says of a scan.

    Attributes:
        coordinate: [n_frames] Å.
        positions: [n_frames, n_atoms, 3] Å.
        energy: [n_frames] eV.
        forces: [n_frames, n_atoms, 3] eV/Å.
    """

    coordinate: Floats
    positions: Floats
    energy: Floats
    forces: Floats


@dataclass(frozen=True)
class Defect:
    """Something wrong with a surface.

    Attributes:
        name: short.
        unit: of its strength.
        what: one line for people.
        plant: (curve, strength, seed) → the curve with the defect.
    """

    name: str
    unit: str
    what: str
    plant: Callable[[Curve, float, int], Curve]


# -- the smooth surface ----------------------------------------------------------------------------------------


def smooth_curve(
    depth: float = 4.0, stiffness: float = 2.0, length: float = 1.53, n_frames: int = 100, between: Floats | None = None
) -> Curve:
    """Ethane pulled at its C-C bond: a Morse potential between the carbons, soft repulsion between all other pairs.

    ``n_frames`` equally far apart, and those with the C-C distances ``between`` (Å) besides.
    """
    atoms = molecule("C2H6")
    nearest = np.linalg.norm(atoms.positions[:, None] - atoms.positions[:2], axis=-1).argmin(axis=1)
    coordinate, positions = bond_scan(atoms.positions, atoms.numbers, 0, 1, nearest, n_frames)
    if between is not None:
        path = interp1d(coordinate, positions, axis=0)  # a straight line
        coordinate = np.union1d(coordinate, between)
        positions = path(coordinate)
    left, right = np.flatnonzero(nearest == 0), np.flatnonzero(nearest == 1)
    energy, forces = np.zeros(len(coordinate)), np.zeros_like(positions)
    for i in left:
        for j in right:
            apart = positions[:, j] - positions[:, i]
            distance = np.linalg.norm(apart, axis=1)
            if i == 0 and j == 1:
                u = np.exp(-stiffness * (distance - length))
                pair, slope = depth * (1 - u) ** 2, 2 * depth * stiffness * u * (1 - u)
            else:
                pair = 20.0 * np.exp(-2.5 * distance)
                slope = -2.5 * pair
            energy += pair
            push = (slope / distance)[:, None] * apart
            forces[:, i] += push
            forces[:, j] -= push
    return Curve(coordinate, positions, energy, forces)


def with_potential(curve: Curve, energy: Floats, slope: Floats) -> Curve:
    """``curve`` with an energy [n_frames] added whose derivative along the coordinate is ``slope``, and its forces.

    The force acts on the two atoms of the bond along it; each moves by half of the change.
    """
    axis = curve.positions[:, 1] - curve.positions[:, 0]
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    forces = curve.forces.copy()
    forces[:, 0] += slope[:, None] * axis
    forces[:, 1] -= slope[:, None] * axis
    return replace(curve, energy=curve.energy + energy, forces=forces)


# -- what can be wrong with it ---------------------------------------------------------------------------------


def _place(curve: Curve) -> float:
    """α in Å where a local defect sits, between two frames."""
    first, last = curve.coordinate[[0, -1]]
    return float(first + _PLACE * (last - first))


def _step(curve: Curve, strength: float, seed: int) -> Curve:
    return replace(curve, energy=curve.energy + strength * (curve.coordinate > _place(curve)))


def _kink(curve: Curve, strength: float, seed: int) -> Curve:
    beyond: Floats = np.maximum(curve.coordinate - _place(curve), 0)
    slope: Floats = np.where(beyond > 0, strength, 0.0)
    return with_potential(curve, strength * beyond, slope)


def _ripple(curve: Curve, strength: float, seed: int) -> Curve:
    k = 2 * np.pi / _WAVELENGTH
    return with_potential(curve, strength * np.sin(k * curve.coordinate), strength * k * np.cos(k * curve.coordinate))


def _well(curve: Curve, strength: float, seed: int) -> Curve:
    x = (curve.coordinate - _place(curve)) / _WIDTH
    shape = np.exp(-0.5 * x**2)
    return with_potential(curve, -strength * shape, strength * x / _WIDTH * shape)


def _hole(curve: Curve, strength: float, seed: int) -> Curve:
    """The wall within the innermost tenth is lower by a fraction: flat at 1, mirrored into a hole at 2."""
    start = curve.coordinate[0] + 0.1 * np.ptp(curve.coordinate)
    inside = curve.coordinate < start
    edge = float(CubicSpline(curve.coordinate, curve.energy)(start))
    energy = np.where(inside, edge + (1 - strength) * (curve.energy - edge), curve.energy)
    forces = np.where(inside, 1 - strength, 1.0)[:, None, None] * curve.forces
    return replace(curve, energy=energy, forces=forces)


def _spurious(curve: Curve, strength: float, seed: int) -> Curve:
    """A force on a hydrogen across the bond, which does no work along the scan; the energy knows nothing of it."""
    shape = np.exp(-0.5 * ((curve.coordinate - _place(curve)) / _WIDTH) ** 2)
    forces = curve.forces.copy()
    forces[:, 2, 0] += strength * shape
    return replace(curve, forces=forces)


def _scaled(curve: Curve, strength: float, seed: int) -> Curve:
    """Forces that are too large by a factor, as a direct head may have them; the energy knows nothing of it."""
    return replace(curve, forces=(1 + strength) * curve.forces)


def _noisy_forces(curve: Curve, strength: float, seed: int) -> Curve:
    noise = np.random.default_rng(seed).normal(0, strength, curve.forces.shape)
    return replace(curve, forces=curve.forces + noise)


def _noisy_energy(curve: Curve, strength: float, seed: int) -> Curve:
    return replace(curve, energy=curve.energy + np.random.default_rng(seed).normal(0, strength, len(curve.energy)))


DEFECTS = (
    Defect("step", "eV", "the energy jumps, the forces do not show it (a bare cut-off)", _step),
    Defect("kink", "eV/Å", "the force jumps (a cut-off that is smooth to first order only)", _kink),
    Defect("ripple", "eV", "the energy oscillates with a wavelength of 0.15 Å (narrow radial functions)", _ripple),
    Defect("well", "eV", "a local minimum, 0.08 Å wide, on the way to dissociation", _well),
    Defect("hole", "–", "the repulsive wall is lower by this fraction at short distance", _hole),
    Defect("spurious force", "eV/Å", "a local force across the bond that no energy explains", _spurious),
    Defect("scaled forces", "–", "all forces too large by this fraction (a direct head)", _scaled),
    Defect("force noise", "eV/Å", "white noise on every force component", _noisy_forces),
    Defect("energy noise", "eV", "white noise on the energy", _noisy_energy),
)
STRENGTHS = tuple(float(f"{10**x:.1g}") for x in np.arange(-3, 2.01, 0.5))  # 0.001, 0.003, ... 100


# -- who sees what ---------------------------------------------------------------------------------------------


def scores(curve: Curve, reference: Curve | None) -> dict[str, float | None]:
    """Every metric of ``curve``, held against ``reference``."""
    scan = Scan(
        id="C-C/ethane",
        kind="bond",
        group="C-C",
        atomic_numbers=molecule("C2H6").numbers.astype(np.int64),
        coordinate=curve.coordinate,
        positions=curve.positions,
        energy=None if reference is None else reference.energy,
        forces=None if reference is None else reference.forces,
        indices=(0, 1),
    )
    return score_scan(scan, curve.energy, curve.forces)


def sees(name: str, clean: float | None, found: float | None) -> bool:
    """Whether a metric tells a defective curve from the clean one: twice as far from perfect, or one more count."""
    if clean is None or found is None:
        return False
    perfect = 1.0 if name in ("tortuosity", "force_flips") else 0.0
    resolution = 0.5 if name in ("force_flips", "extra_minima") else 1e-3
    return found - perfect > 2 * (clean - perfect) + resolution


def detection(n_seeds: int = 5) -> dict[str, dict[str, float | None]]:
    """For each metric and defect the smallest strength from which on the metric sees it; None if it never does.

    The model is a smooth curve that is a little off its reference, as any model is: the defect must stand out against
    what is wrong with the model anyway. Noise is drawn ``n_seeds`` times; it must be seen each time.
    """
    reference, model = smooth_curve(), smooth_curve(depth=3.9, stiffness=2.01, length=1.533)
    clean = scores(model, reference)
    table: dict[str, dict[str, float | None]] = {name: {} for name in METRICS}
    for defect in DEFECTS:
        by_strength = []
        for strength in STRENGTHS:
            runs = [scores(defect.plant(model, strength, seed), reference) for seed in range(n_seeds)]
            by_strength.append({name: all(sees(name, clean[name], run[name]) for run in runs) for name in METRICS})
        for name in METRICS:
            table[name][defect.name] = _first_lasting([seen[name] for seen in by_strength])
    return table


def _first_lasting(seen: list[bool]) -> float | None:
    """The smallest strength from which on all are seen."""
    first = len(seen)
    while first and seen[first - 1]:
        first -= 1
    return STRENGTHS[first] if first < len(seen) else None
