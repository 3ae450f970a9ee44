"""Equation of state of a crystal. Pure functions of arrays.

Source: Birch, Phys. Rev. 71, 809 (1947), third order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class EquationOfState:
    """Minimum of the energy over the volume.

    Attributes:
        energy: eV, at the minimum.
        volume: Å³.
        bulk_modulus: eV/Å³.
        derivative: of the bulk modulus with respect to pressure, no unit.
    """

    energy: float
    volume: float
    bulk_modulus: float
    derivative: float


def birch_murnaghan(volumes: ArrayLike, state: EquationOfState) -> NDArray[np.float64]:
    """Energies in eV at ``volumes`` [n] Å³."""
    squeeze = (state.volume / np.asarray(volumes, dtype=np.float64)) ** (2 / 3)
    cubic = (squeeze - 1) ** 3 * state.derivative + (squeeze - 1) ** 2 * (6 - 4 * squeeze)
    return np.asarray(state.energy + 9 / 16 * state.volume * state.bulk_modulus * cubic)


def fit_birch_murnaghan(volumes: ArrayLike, energies: ArrayLike) -> EquationOfState:
    """The third-order equation that fits best; exact, for it is a cubic polynomial in V^(-2/3).

    Args:
        volumes: [n >= 4] Å³.
        energies: [n] eV.

    Raises:
        ValueError: there is no minimum within the volumes.
    """
    v, e = np.asarray(volumes, dtype=np.float64), np.asarray(energies, dtype=np.float64)
    middle, level = float(v.mean()), float(e.mean())
    x = (v / middle) ** (-2 / 3)
    curve = np.polynomial.Polynomial.fit(x, e - level, 3)
    roots = curve.deriv().roots()
    at = [float(r.real) for r in np.atleast_1d(roots) if abs(np.imag(r)) < 1e-9 and curve.deriv(2)(r.real) > 0]
    at = [root for root in at if x.min() <= root <= x.max()]
    if not at:
        raise ValueError("the energy has no minimum within these volumes")
    x0 = at[0]
    volume = middle * x0 ** (-1.5)
    second, third = float(curve.deriv(2)(x0)), float(curve.deriv(3)(x0))
    # derivatives of x by volume, and of the energy by the chain rule
    slope, bend = -2 / 3 * x0 / volume, 10 / 9 * x0 / volume**2
    e2, e3 = second * slope**2, third * slope**3 + 3 * second * slope * bend
    return EquationOfState(float(curve(x0)) + level, volume, volume * e2, -1 - volume * e3 / e2)
