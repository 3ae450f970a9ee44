"""Units, from experiment: a model's own numbers do not reveal whether they are eV or kcal/mol.

The model pulls diatomic molecules and swells crystals of its elements. Where its own minimum lies tells the unit of
length, the stiffness at that minimum the unit of energy: models err by tens of per cent there, a wrong unit by a factor
of 13 or more. Forces, which could be in another unit than the energy, are held against its slope.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from ase import Atoms, units
from ase.build import bulk

from bsct_zoo.atoms.copies import deformed
from bsct_zoo.conformance.answers import Floats, energies
from bsct_zoo.conformance.finding import Finding, Margin, judged
from bsct_zoo.conformance.gradients import force_components
from bsct_zoo.conformance.measured import BONDS, BULK_MODULI
from bsct_zoo.conformance.probes import named
from bsct_zoo.conformance.subject import Subject
from bsct_zoo.potentials.potential import Potential

_ENERGY = {"kcal/mol": 23.06, "kJ/mol": 96.49, "Hartree": 1 / 27.211, "Rydberg": 1 / 13.606, "meV": 1000.0}
_LENGTHS = (1.8897, 0.5292)  # Bohr for Å, in either direction
_AT_MOST = 8  # bonds, and half as many crystals
_NEAR = 1.35  # a minimum within this factor of the measured length is that of the bond
_FACTOR = 3.6  # closer to eV than to the next unit, 1/13.6, in the logarithm


@dataclass(frozen=True)
class Well:
    """A minimum of a model relative to experiment: ratios of the lengths and of the second derivatives there."""

    length: float
    stiffness: float


def energy_unit(subject: Subject) -> Finding:
    """Energies are eV and lengths Å, by the stiffness of bonds and crystals whose stiffness is known."""
    wells = list(_bonds(subject))
    if subject.potential.info.cutoff is not None or not any(map(_near, wells)):  # see ``probes.crystals``
        wells += _crystals(subject)
    for ratio in _LENGTHS:
        if _most(abs(well.length / ratio - 1) < 0.12 for well in wells):
            scale = median(well.length for well in wells)
            what = f"bonds {scale:.2f} times as long as measured: Bohr taken for Å, or Å for Bohr?"
            return judged([Margin(max(scale, 1 / scale), _NEAR, "×", what)])
    if not _most(map(_near, wells)):  # like an untrained model
        return Finding("reported", message="it holds few bonds or crystals near their length: units cannot be told")
    near = list(filter(_near, wells))
    ratio = median(well.stiffness for well in near)
    nearest = min(_ENERGY, key=lambda name: abs(np.log(ratio / _ENERGY[name])))
    what = f"bonds {ratio:.3g} times as stiff as measured: energies in {nearest}?"
    return judged([Margin(max(ratio, 1 / ratio), _FACTOR, "×", what)])


def _most(answers: Iterable[bool]) -> bool:
    """Whether at least half are true, of one or more."""
    given = list(answers)
    return 2 * sum(given) >= len(given) > 0


def _near(well: Well) -> bool:
    return 1 / _NEAR < well.length < _NEAR


def force_unit(subject: Subject) -> Finding:
    """Forces follow the slope of the energy in eV/Å, in sign and size, for direct forces too."""
    potential = subject.exact
    components = [force_components(potential, atoms)[:2] for atoms in subject.molecules]
    groups = [[one] for one in components]
    if not potential.info.conservative:  # a direct head that learned anything stays within a factor of two over all
        groups = [components]
    measures = []
    for group, atoms in zip(groups, subject.molecules, strict=False):
        actual, expected = (np.concatenate(parts) for parts in zip(*group, strict=True))
        ratio = float(actual @ expected / (expected @ expected))
        where = f" of {named(atoms)}" if len(groups) > 1 else ""
        if ratio <= 0:
            return Finding("failed", ratio, None, "×", f"forces point the wrong way{where}: the sign of the gradient?")
        what = f"forces are {ratio:.3g} times the slope of the energy{where}"
        measures.append(Margin(max(ratio, 1 / ratio), 2.0, "×", what))
    return judged(measures)


def _bonds(subject: Subject) -> Iterator[Well]:
    known = [bond for bond in BONDS if set(bond.numbers) <= subject.tried][:_AT_MOST]
    ratios = np.arange(0.4, 2.3, 0.02)
    for bond in known:
        pairs = [Atoms(list(bond.numbers), [[0, 0, 0], [ratio * bond.length, 0, 0]]) for ratio in ratios]
        well = _well(subject.exact, pairs, ratios)
        if well is not None:
            length, curvature = well
            yield Well(length, curvature / bond.length**2 / bond.stiffness)


def _crystals(subject: Subject) -> Iterator[Well]:
    if not subject.crystals:
        return
    known = [symbol for symbol in BULK_MODULI if set(bulk(symbol).numbers.tolist()) <= subject.tried]
    for symbol in known[: _AT_MOST // 2]:
        atoms, ratios = bulk(symbol), np.arange(0.8, 1.26, 0.02)
        well = _well(subject.exact, [deformed(atoms, ratio * np.eye(3)) for ratio in ratios], ratios)
        if well is not None:
            length, curvature = well
            # E(x) of the scale x: B = V E''(V) = E''(x) / 9V at the minimum, here with x relative to it.
            volume = atoms.get_volume() * length**3
            modulus = curvature * length**2 / (9 * volume) / float(units.GPa)
            yield Well(length, modulus / BULK_MODULI[symbol])


def _well(potential: Potential, systems: Sequence[Atoms], ratios: Floats) -> tuple[float, float] | None:
    """Where the deepest minimum inside ``ratios`` is, and the second derivative there; None if there is none."""
    energy = energies(potential, systems)
    inner = [k for k in range(2, len(ratios) - 2) if energy[k] == energy[k - 1 : k + 2].min()]
    inner = [k for k in inner if np.isfinite(energy[k - 2 : k + 3]).all() and energy[k - 1 : k + 2].std() > 0]
    if not inner:
        return None
    lowest = min(inner, key=lambda k: float(energy[k]))
    curvature = np.polyfit(ratios[lowest - 2 : lowest + 3] - ratios[lowest], energy[lowest - 2 : lowest + 3], 4)[2] * 2
    return (float(ratios[lowest]), float(curvature)) if curvature > 0 else None
