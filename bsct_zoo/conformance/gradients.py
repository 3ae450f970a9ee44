"""Forces and stress against fourth-order differences of the energy.

dE/dx ≈ [8 (E(x + h) - E(x - h)) - (E(x + 2h) - E(x - 2h))] / 12h        error h⁴ E⁽⁵⁾ / 30
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from bsct_zoo.atoms.copies import deformed, moved
from bsct_zoo.conformance.answers import Floats, ask, energies, largest
from bsct_zoo.conformance.finding import Finding, Margin, failed, judged, skipped
from bsct_zoo.conformance.probes import named
from bsct_zoo.conformance.subject import Subject
from bsct_zoo.potentials.potential import Potential

_COORDINATES = 12  # per system; larger systems are tested along this many
_STEPS = np.array([-2.0, -1.0, 1.0, 2.0])
_WEIGHTS = np.array([1.0, -8.0, 8.0, -1.0]) / 12.0
_SECOND_ORDER = np.array([0.0, -1.0, 1.0, 0.0]) / 2.0


@dataclass(frozen=True)
class _Differences:
    """Steps for a precision, and the accuracy of the differences."""

    step: float  # Å
    strain: float
    forces: float  # error from rounding, eV/Å
    stress: float  # likewise, eV/Å³
    relative: float  # error, of the largest component


_FLOAT64 = _Differences(2e-4, 1e-4, 1e-4, 2e-6, 1e-4)  # short, since some models are rough
_ITERATED = _Differences(5e-3, 4e-3, 1e-3, 2e-5, 1e-3)  # energies good to 1e-6 eV or so, see ``answers.limits``
_FLOAT32 = _Differences(2e-2, 1e-2, 2e-2, 2e-3, 2e-2)


def _settings(potential: Potential) -> _Differences:
    if potential.info.dtype == "float32":
        return _FLOAT32
    return _ITERATED if potential.info.cutoff is None else _FLOAT64


def forces(subject: Subject) -> Finding:
    """Forces are minus the gradient of the energy, component by component.

    Required of forces declared as a gradient; reported for direct forces.
    """
    potential = subject.exact
    settings = _settings(potential)
    measures = []
    by_size = sorted(subject.molecules, key=len)
    for atoms in (*by_size[:1], *by_size[1:][-1:], *subject.crystals):  # the smallest and the largest
        actual, expected, doubt = force_components(potential, atoms)
        limit = settings.forces + settings.relative * float(np.abs(expected).max()) + doubt
        where = f"force on {named(atoms)} that is not minus the gradient"
        measures.append(Margin(largest(actual - expected), limit, "eV/Å", where))
    return judged(measures, required=potential.info.conservative)


def force_components(potential: Potential, atoms: Atoms) -> tuple[Floats, Floats, float]:
    """Some force components of ``potential``, the same by differences, and the uncertainty of the latter.

    All in eV/Å; see ``_slopes``.
    """
    coordinates = np.arange(3 * len(atoms))
    if len(coordinates) > _COORDINATES:
        coordinates = np.sort(np.random.default_rng(3).choice(coordinates, _COORDINATES, replace=False))

    def pushed(coordinate: int, by: float) -> Atoms:
        return moved(atoms, atoms.positions + by * np.eye(3 * len(atoms))[coordinate].reshape(-1, 3))

    slopes, doubt = _slopes(potential, pushed, coordinates.tolist(), _settings(potential).step)
    answer = ask(potential, [atoms])[0]
    return answer.forces.reshape(-1)[coordinates], -slopes, doubt


def stress(subject: Subject) -> Finding:
    """Stress is the derivative of the energy by strain over the volume, with ASE's sign; and symmetric."""
    potential = subject.exact
    if not potential.info.has_stress:
        return skipped("it declares no stress")
    settings = _settings(potential)
    measures = []
    for atoms in subject.crystals:
        actual = ask(potential, [atoms])[0].stress
        if actual is None:
            return failed("declared, but a periodic system has none")
        expected, doubt = _stress_by_differences(potential, atoms, settings.strain)
        limit = settings.stress + settings.relative * float(np.abs(expected).max()) + doubt
        where = f"stress of {named(atoms)}"
        off, skew = largest(actual - expected), largest(actual - actual.T)
        measures.append(Margin(off, limit, "eV/Å³", f"{where} that is not the derivative by strain"))
        measures.append(Margin(skew, limit, "eV/Å³", f"{where} that is not symmetric"))
    return judged(measures, required=potential.info.conservative)


def _stress_by_differences(potential: Potential, atoms: Atoms, step: float) -> tuple[Floats, float]:
    """[3, 3] eV/Å³, and its uncertainty."""
    pairs = [(i, k) for i in range(3) for k in range(i, 3)]

    def strained(pair: int, by: float) -> Atoms:
        strain = np.eye(3)
        i, k = pairs[pair]
        strain[i, k] += by / 2
        strain[k, i] += by / 2
        return deformed(atoms, strain)

    slopes, doubt = _slopes(potential, strained, list(range(len(pairs))), step)
    volume = float(atoms.get_volume())
    tensor = np.zeros((3, 3))
    for (i, k), slope in zip(pairs, slopes / volume, strict=True):
        tensor[i, k] = tensor[k, i] = slope
    return tensor, doubt / volume


def _slopes(
    potential: Potential, displaced: Callable[[int, float], Atoms], coordinates: Sequence[int], step: float
) -> tuple[Floats, float]:
    """[n_coordinates] derivative of the energy along each, all systems as one batch, and its uncertainty.

    The uncertainty is the deviation of second-order differences: large where the surface is rough on the scale of
    the step or energies are noisy, whatever the forces are.
    """
    systems = [displaced(coordinate, float(by)) for coordinate in coordinates for by in step * _STEPS]
    energy = energies(potential, systems).reshape(-1, len(_STEPS))
    slopes: Floats = energy @ _WEIGHTS / step
    return slopes, float(np.abs(slopes - energy @ _SECOND_ORDER / step).max())
