"""Molecules displaced from their minimum: along normal modes, at a bond, in pairs. Pure functions of arrays."""

from __future__ import annotations

import numpy as np
from ase import units
from ase.data import covalent_radii
from numpy.typing import NDArray

from bsct_zoo.properties.vibrations import WAVENUMBER, Vibrations
from bsct_zoo.suites.geometry import fragments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_FURTHEST = 0.25  # Å: torsions and the like follow no straight line further than that


def rattled(positions: Floats, spread: float, rng: np.random.Generator) -> Floats:
    """``positions`` [n, 3] Å, every coordinate displaced by a Gaussian of standard deviation ``spread`` in Å."""
    return positions + rng.normal(0, spread, positions.shape)


def along_modes(
    positions: Floats, masses: Floats, found: Vibrations, temperature: float, rng: np.random.Generator
) -> Floats:
    """``positions`` [n, 3] Å displaced along all modes as a quantum harmonic oscillator is at ``temperature`` in K.

    The mass-weighted coordinate of a mode of frequency ω is Gaussian with the variance ħ/(2ω) coth(ħω/2kT) (Wigner;
    e.g. Feynman, "Statistical Mechanics", eq. 2.84): stiff bonds move by their zero-point width, which classical
    dynamics never reaches. A soft mode whose width would move an atom by more than 0.25 Å has its width cut to that; an
    imaginary one counts as real.

    Args:
        positions: of the minimum.
        masses: [n] u.
        found: the modes at ``positions`` for these masses.
    """
    wavenumbers = np.maximum(np.abs(found.frequencies), 1.0)  # [n_modes] 1/cm
    quantum = wavenumbers * units.invcm  # ħω in eV
    squares = (wavenumbers / WAVENUMBER) ** 2  # ω² in eV/Å²/u
    variance = quantum / (2 * squares) / np.tanh(quantum / (2 * units.kB * temperature))  # Å² u
    moves = found.modes / np.sqrt(masses)[:, None]  # [n_modes, n, 3]
    furthest = np.linalg.norm(moves, axis=2).max(1)  # [n_modes]
    amplitudes = rng.normal(0, np.minimum(np.sqrt(variance), _FURTHEST / furthest))
    displaced: Floats = positions + np.einsum("k,kni->ni", amplitudes, moves)
    return displaced


def pulled(positions: Floats, bond: tuple[int, int], side: Ints, length: float) -> Floats:
    """``positions`` [n, 3] Å with the bond set to ``length`` in Å; ``side`` [n] as ``fragments`` gives it.

    Both fragments stay rigid and move by half of the change, as in a bond scan.
    """
    i, j = bond
    along = positions[j] - positions[i]
    before = float(np.linalg.norm(along))
    moved: Floats = positions + np.where(side == 1, 0.5, -0.5)[:, None] * ((length - before) / before * along)
    return moved


def cuttable(n_atoms: int, bonds: tuple[tuple[int, int], ...]) -> list[tuple[tuple[int, int], Ints]]:
    """The bonds that can be pulled (those outside rings), each with the side of it that every atom is on."""
    found = []
    for bond in bonds:
        try:
            found.append((bond, fragments(n_atoms, bonds, *bond)))
        except ValueError:  # in a ring
            continue
    return found


def spread_evenly(count: int, least: float, largest: float, rng: np.random.Generator) -> Floats:
    """[count] numbers from ``least`` to ``largest``: one drawn in each of as many equal parts, ascending."""
    drawn: Floats = least + (largest - least) * (np.arange(count) + rng.uniform(0, 1, count)) / max(count, 1)
    return drawn


def random_rotation(rng: np.random.Generator) -> Floats:
    """A rotation matrix [3, 3], uniform over orientations (Mezzadri, Notices AMS 54, 592 (2007))."""
    q, r = np.linalg.qr(rng.standard_normal((3, 3)))
    q = q * np.sign(np.diag(r))
    turned: Floats = q * np.sign(np.linalg.det(q))
    return turned


def random_direction(rng: np.random.Generator) -> Floats:
    """A unit vector [3], uniform over the sphere."""
    v = rng.standard_normal(3)
    unit: Floats = v / np.linalg.norm(v)
    return unit


def side_by_side(
    x: Floats, x_numbers: Ints, y: Floats, y_numbers: Ints, target: float, rng: np.random.Generator
) -> Floats:
    """[n_x + n_y, 3] Å of two molecules at a random orientation, their nearest atoms ``target`` contacts apart.

    A contact is the sum of the covalent radii plus 1 Å.
    """
    x, y = x - x.mean(0), (y - y.mean(0)) @ random_rotation(rng).T
    direction = random_direction(rng)
    contact = covalent_radii[x_numbers][:, None] + covalent_radii[y_numbers] + 1.0  # [n_x, n_y]
    reach = float(np.linalg.norm(x, axis=1).max() + np.linalg.norm(y, axis=1).max() + target * contact.max())
    for shift in np.arange(0.0, reach + 0.05, 0.05):
        distance = np.linalg.norm(x[:, None] - (y + shift * direction), axis=-1)
        if (distance / contact).min() >= target:
            break
    return np.concatenate([x, y + shift * direction])
