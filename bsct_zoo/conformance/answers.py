"""Answers of a potential per system, and the differences between two sets of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.conformance.finding import Margin
from bsct_zoo.potentials.boxes import boxed, without_stress
from bsct_zoo.potentials.potential import Potential, Prediction
from bsct_zoo.runtime.guard import checked

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SystemAnswer:
    """The answer of a potential for one system.

    Attributes:
        energy: eV.
        forces: [n_atoms, 3] eV/Å.
        stress: [3, 3] eV/Å³; None if the potential gave none for this system.
        failure: why there is no answer, where there is none.
    """

    energy: float
    forces: Floats
    stress: Floats | None
    failure: str = ""


@dataclass(frozen=True)
class Limits:
    """Allowed differences between answers that should be equal: eV, eV/Å, eV/Å³."""

    energy: float
    forces: float
    stress: float


def predict(potential: Potential, batch: AtomsBatch) -> Prediction:
    """The raw prediction; molecules go into a box if the potential takes periodic systems only."""
    if not potential.info.periodic_only:
        return potential.compute(batch)
    inside, molecules = boxed(batch, potential.info.cutoff)
    return without_stress(potential.compute(inside), molecules)


def ask(potential: Potential, systems: Sequence[Atoms]) -> list[SystemAnswer]:
    """One answer for each system, all computed as one batch.

    Raises:
        ModelError: the shapes of the prediction do not match the batch.
        Exception: whatever the potential raises.
    """
    return answers_of(potential, AtomsBatch.from_atoms(systems))


def answers_of(potential: Potential, batch: AtomsBatch) -> list[SystemAnswer]:
    """The same for an existing batch."""
    prediction = checked(predict(potential, batch), batch)
    energies = prediction.energy.cpu().numpy()
    forces = prediction.forces.cpu().double().split(batch.atoms_per_system.tolist())
    stresses = [None] * batch.n_systems if prediction.stress is None else list(prediction.stress.cpu().double())
    return [
        SystemAnswer(
            float(energy),
            force.numpy(),
            None if stress is None or bool(stress.isnan().all()) else stress.numpy(),
            prediction.failures.get(place, ""),
        )
        for place, (energy, force, stress) in enumerate(zip(energies, forces, stresses, strict=True))
    ]


def energies(potential: Potential, systems: Sequence[Atoms]) -> Floats:
    """[n_systems] eV."""
    return np.array([answer.energy for answer in ask(potential, systems)])


def limits(potential: Potential, answers: Sequence[SystemAnswer]) -> Limits:
    """The effect of rounding on ``answers`` in the precision of the potential.

    Errors of sums grow with their terms: forces are the measure of the terms (eV/Å over some Å), energies are
    summed in float64 and may lose the last of its 16 digits. A potential without a cut-off may be a Hamiltonian that
    iterates until its own tolerance is met, a hundred times coarser.
    """
    forces = max((float(np.abs(answer.forces).max(initial=0.0)) for answer in answers), default=0.0)
    stress = max((float(np.abs(answer.stress).max()) for answer in answers if answer.stress is not None), default=0.0)
    energy = max((abs(answer.energy) for answer in answers), default=0.0)
    if potential.info.dtype == "float32":
        return Limits(2e-4 + 1e-8 * energy + 1e-5 * forces, 1e-3 + 1e-4 * forces, 1e-5 + 1e-4 * stress)
    times = 100.0 if potential.info.cutoff is None else 1.0
    return Limits(times * (1e-7 + 1e-11 * energy), times * (1e-6 + 1e-7 * forces), times * (1e-8 + 1e-7 * stress))


def differences(
    potential: Potential, actual: Sequence[SystemAnswer], expected: Sequence[SystemAnswer], what: str
) -> Iterator[Margin]:
    """Differences between ``found`` and ``expected`` per system, relative to the limits of rounding."""
    limit = limits(potential, expected)
    for index, (one, other) in enumerate(zip(actual, expected, strict=True)):
        where = f"of system {index + 1} {what}"
        yield Margin(abs(one.energy - other.energy), limit.energy, "eV", f"energy {where}")
        if len(other.forces):
            yield Margin(largest(one.forces - other.forces), limit.forces, "eV/Å", f"forces {where}")
        if one.stress is not None and other.stress is not None:
            yield Margin(largest(one.stress - other.stress), limit.stress, "eV/Å³", f"stress {where}")
        elif (one.stress is None) != (other.stress is None):
            yield Margin(float("inf"), limit.stress, "eV/Å³", f"stress {where} is there only sometimes")


def largest(values: Floats) -> float:
    """Largest magnitude; infinite if any value is not a number."""
    size = float(np.abs(values).max(initial=0.0))
    return size if np.isfinite(size) else float("inf")
