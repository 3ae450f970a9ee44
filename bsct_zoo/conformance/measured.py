"""Measured bonds and crystals, to tell eV and Å from other units without a reference calculation.

Diatomic molecules: K. P. Huber, G. Herzberg, Constants of Diatomic Molecules (1979). Bulk moduli: C. Kittel,
Introduction to Solid State Physics, 8th ed., chapter 3; those of noble gases near 0 K.
"""

from __future__ import annotations

from dataclasses import dataclass

from ase import units
from ase.data import atomic_masses, atomic_numbers


@dataclass(frozen=True)
class Bond:
    """A diatomic molecule.

    Attributes:
        numbers: atomic numbers.
        length: at equilibrium, Å.
        wavenumber: harmonic, 1/cm.
    """

    numbers: tuple[int, int]
    length: float
    wavenumber: float

    @property
    def stiffness(self) -> float:
        """Force constant μω² in eV/Å²."""
        first, second = (float(atomic_masses[z]) for z in self.numbers)
        quantum = self.wavenumber * float(units.invcm)  # eV
        hbar = float(units._hbar * units.J * units.s)
        return first * second / (first + second) * (quantum / hbar) ** 2


_BONDS = (
    ("H", "H", 0.7414, 4401.2), ("H", "F", 0.9168, 4138.3), ("H", "Cl", 1.2746, 2990.9), ("C", "O", 1.1283, 2169.8),
    ("N", "N", 1.0977, 2358.6), ("O", "O", 1.2075, 1580.2), ("F", "F", 1.4119, 916.6), ("Cl", "Cl", 1.9879, 559.7),
    ("H", "Br", 1.4144, 2649.0), ("S", "S", 1.8892, 725.7), ("P", "P", 1.8934, 780.8), ("Si", "O", 1.5097, 1241.6),
    ("Na", "Cl", 2.3608, 364.7), ("Li", "F", 1.5639, 910.3), ("Li", "H", 1.5949, 1405.7), ("I", "I", 2.6663, 214.5),
    ("Li", "Li", 2.6729, 351.4), ("Na", "Na", 3.0789, 159.1), ("Cu", "Cu", 2.2197, 264.6), ("Ar", "Ar", 3.758, 30.7),
    ("Ne", "Ne", 3.091, 31.3), ("Kr", "Kr", 4.006, 24.2), ("Xe", "Xe", 4.362, 21.1),
)  # fmt: skip
BONDS = tuple(Bond((atomic_numbers[a], atomic_numbers[b]), length, wave) for a, b, length, wave in _BONDS)

# GPa, of the elements' crystals at the lattice constants that ASE knows.
BULK_MODULI = {
    "Si": 98.8, "Cu": 137.0, "Al": 72.2, "C": 443.0, "Fe": 168.3, "W": 323.2, "Ni": 186.0, "Au": 173.2, "Ag": 100.7,
    "Pt": 278.3, "Pd": 180.8, "Na": 6.8, "Li": 11.6, "Ge": 77.2, "Mo": 272.5, "Ta": 200.0, "Ar": 2.7, "Kr": 3.0,
    "Xe": 3.6, "Ne": 1.1,
}  # fmt: skip
