"""Elastic constants from stress or energy under small strains. Pure functions of arrays.

Voigt's order is xx yy zz yz xz xy.

Source: Nye, "Physical Properties of Crystals" (1957); averages of Voigt, Reuss and Hill as in Hill, Proc. Phys. Soc. A
65, 349 (1952).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
_PAIRS = tuple(combinations(range(6), 2))


@dataclass(frozen=True)
class Moduli:
    """Of a polycrystal, in the unit of the constants.

    Attributes:
        bulk: Hill's mean of Voigt's and Reuss's bulk modulus.
        shear: the same of the shear modulus.
    """

    bulk: float
    shear: float


def strain_matrix(voigt: ArrayLike) -> NDArray[np.float64]:
    """[3, 3] strain of ``voigt`` [6], whose shears are engineering strains (twice the components)."""
    strain = np.zeros((3, 3))
    for value, (i, j) in zip(np.asarray(voigt, dtype=np.float64), VOIGT, strict=True):
        strain[i, j] = strain[j, i] = value if i == j else value / 2
    return strain


def stress_strains(size: float) -> NDArray[np.float64]:
    """[12, 6]: each of the six strains, +``size`` and -``size``."""
    return np.stack([size * np.eye(6), -size * np.eye(6)], axis=1).reshape(12, 6)


def from_stress(stress: ArrayLike, size: float) -> NDArray[np.float64]:
    """[6, 6] constants, symmetric, from ``stress`` [12, 3, 3] at ``stress_strains(size)``, in its unit."""
    s = np.asarray(stress, dtype=np.float64)
    voigt = np.stack([s[:, i, j] for i, j in VOIGT], axis=1).reshape(6, 2, 6)
    rows = (voigt[:, 0] - voigt[:, 1]) / (2 * size)
    return np.asarray(0.5 * (rows + rows.T))


def energy_strains(size: float) -> NDArray[np.float64]:
    """[73, 6]: none; each strain + and -; each pair of strains ++, +-, -+, --."""
    unit = size * np.eye(6)
    strains = [np.zeros(6)]
    strains += [sign * unit[i] for i in range(6) for sign in (1, -1)]
    strains += [a * unit[i] + b * unit[j] for i, j in _PAIRS for a in (1, -1) for b in (1, -1)]
    return np.array(strains)


def from_energy(energy: ArrayLike, volume: float, size: float) -> NDArray[np.float64]:
    """[6, 6] constants in eV/Å³ from ``energy`` [73] eV at ``energy_strains(size)`` of an unstressed cell, Å³."""
    e = np.asarray(energy, dtype=np.float64)
    constants = np.zeros((6, 6))
    single, double = e[1:13].reshape(6, 2), e[13:].reshape(len(_PAIRS), 4)
    constants[np.diag_indices(6)] = (single.sum(1) - 2 * e[0]) / size**2
    for (i, j), four in zip(_PAIRS, double, strict=True):
        constants[i, j] = constants[j, i] = (four[0] - four[1] - four[2] + four[3]) / (4 * size**2)
    return constants / volume


def cubic_constants(constants: ArrayLike) -> tuple[float, float, float]:
    """C11, C12 and C44 of a cubic crystal whose axes are x, y and z: means of the entries that symmetry makes equal."""
    c = np.asarray(constants, dtype=np.float64)
    return (
        float(np.mean([c[0, 0], c[1, 1], c[2, 2]])),
        float(np.mean([c[0, 1], c[0, 2], c[1, 2]])),
        float(np.mean([c[3, 3], c[4, 4], c[5, 5]])),
    )


def stable(constants: ArrayLike) -> bool:
    """Whether every small strain costs energy (Born's criterion)."""
    return bool(np.linalg.eigvalsh(np.asarray(constants, dtype=np.float64)).min() > 0)


def moduli(constants: ArrayLike) -> Moduli:
    """Hill's means; of use only where ``stable``."""
    c = np.asarray(constants, dtype=np.float64)
    s = np.asarray(np.linalg.inv(c), dtype=np.float64)
    bulk_voigt, bulk_reuss = c[:3, :3].sum() / 9, 1 / s[:3, :3].sum()

    def parts(m: NDArray[np.float64]) -> tuple[float, float, float]:
        return float(np.trace(m[:3, :3])), float(m[0, 1] + m[0, 2] + m[1, 2]), float(np.trace(m[3:, 3:]))

    (a, b, d), (p, q, r) = parts(c), parts(s)
    return Moduli(float(bulk_voigt + bulk_reuss) / 2, ((a - b + 3 * d) / 15 + 15 / (4 * p - 4 * q + 3 * r)) / 2)
