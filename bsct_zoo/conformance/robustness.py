"""Unknown elements, workers, and closing."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from bsct_zoo.conformance.answers import ask, differences
from bsct_zoo.conformance.finding import Finding, Margin, failed, judged, passed, skipped
from bsct_zoo.conformance.subject import Subject
from bsct_zoo.errors import UnknownElementError

_WORKER = {"float64": 1e-12, "float32": 1e-6}  # of the largest number: the same code on the same machine


def unknown_elements(subject: Subject) -> Finding:
    """An unknown element raises ``UnknownElementError``, alone or among others; the model works afterwards."""
    known = subject.potential.info.elements
    if known is None:
        return skipped("it declares no elements")
    foreign = [z for z in range(1, len(chemical_symbols)) if z not in known]
    if not foreign:
        return skipped("it declares all elements")
    before = ask(subject.potential, subject.molecules)
    # One between the supported elements, where a table may have a gap, and one beyond all of them.
    for z in dict.fromkeys((foreign[0], foreign[-1])):
        atom = Atoms([z], [[0, 0, 0]])
        for systems in ([atom], [*subject.molecules, atom]):
            try:
                ask(subject.potential, systems)
            except UnknownElementError:
                continue
            except Exception as error:
                return failed(f"{chemical_symbols[z]} raises {type(error).__name__}, not UnknownElementError")
            return failed(f"{chemical_symbols[z]} is not declared, but gets an answer")
    after = ask(subject.potential, subject.molecules)
    return judged(differences(subject.potential, after, before, "after a foreign element"))


def worker(subject: Subject) -> Finding:
    """A worker returns the same declaration and the same numbers."""
    if subject.worker is None:
        return skipped("there is no loader to name to a worker")
    with subject.worker() as remote:
        if remote.info != subject.potential.info:
            return failed("the worker's model declares something else of itself")
        actual = ask(remote, subject.systems)
    relative = _WORKER[subject.potential.info.dtype]
    measures = []
    for index, (one, other) in enumerate(zip(actual, ask(subject.potential, subject.systems), strict=True), start=1):
        energy_limit = relative * max(1.0, abs(other.energy))
        measures.append(Margin(abs(one.energy - other.energy), energy_limit, "eV", f"energy of system {index}"))
        force_limit = relative * max(1.0, float(np.abs(other.forces).max()))
        deviation = float(np.abs(one.forces - other.forces).max())
        measures.append(Margin(deviation, force_limit, "eV/Å", f"forces on system {index}"))
    return judged(measures)


def closing(subject: Subject) -> Finding:
    """It may be closed twice."""
    if subject.load is None:
        return skipped("it cannot be loaded a second time, to be closed")
    potential = subject.load(subject.potential.info.dtype)
    potential.close()
    potential.close()
    return passed()
