"""Cut-off and precision."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from bsct_zoo.conformance.answers import ask, energies
from bsct_zoo.conformance.finding import Finding, Margin, judged, skipped
from bsct_zoo.conformance.probes import named
from bsct_zoo.conformance.subject import Subject

_NEAR = 1e-4  # Å on either side of the cut-off


def cutoff(subject: Subject) -> Finding:
    """Two atoms beyond the declared cut-off do not interact, and there is no step where one crosses it.

    A jump is a fault of forces that are declared a gradient, since nothing is the gradient of a step.
    """
    potential = subject.exact
    radius = potential.info.cutoff
    if radius is None:
        return skipped("it declares no cut-off")
    tried = sorted(subject.tried)
    first, second = tried[0], tried[min(1, len(tried) - 1)]
    pairs = [Atoms([first, second], [[0, 0, 0], [0, radius + by, 0]]) for by in (-_NEAR, _NEAR, 0.5)]
    inside, outside, far = ask(potential, pairs)
    lone = float(energies(potential, [Atoms([first], [[0, 0, 0]]), Atoms([second], [[0, 0, 0]])]).sum())
    scale = 1.0 if potential.info.dtype == "float64" else 20.0
    measures = [
        Margin(abs(inside.energy - outside.energy), 1e-5 * scale, "eV", f"step of the energy at {radius:g} Å"),
        Margin(float(np.abs(inside.forces - outside.forces).max()), 1e-3, "eV/Å", f"step of forces at {radius:g} Å"),
    ]
    beyond = [
        Margin(float(np.abs(far.forces).max()), 1e-6, "eV/Å", "force between atoms beyond the declared cut-off"),
        Margin(abs(far.energy - lone), 1e-5 * scale, "eV", "energy between atoms beyond the declared cut-off"),
    ]
    reach = judged(beyond)
    return reach if reach.status == "failed" else judged(measures, required=potential.info.conservative)


def precision(subject: Subject) -> Finding:
    """float32 gives what float64 gives, to the digits of float32."""
    single, double = subject.in_precision("float32"), subject.in_precision("float64")
    if single is None or double is None:
        return skipped(f"it computes in {subject.potential.info.dtype} alone")
    measures = []
    answers = zip(subject.systems, ask(single, subject.systems), ask(double, subject.systems), strict=True)
    for atoms, near, exact in answers:
        largest = float(np.abs(exact.forces).max())
        where = f"of {named(atoms)} in float32 and float64"
        energy_limit = 1e-4 + 1e-4 * largest / len(atoms)
        per_atom = abs(near.energy - exact.energy) / len(atoms)
        measures.append(Margin(per_atom, energy_limit, "eV/atom", f"energy {where}"))
        deviation = float(np.abs(near.forces - exact.forces).max())
        measures.append(Margin(deviation, 2e-3 + 1e-3 * largest, "eV/Å", f"forces {where}"))
    return judged(measures)
