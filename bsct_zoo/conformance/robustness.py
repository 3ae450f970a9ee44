"""Cut-off, precision, unknown elements, workers, and closing."""

from __future__ import annotations

from ase import Atoms
from ase.data import chemical_symbols

from bsct_zoo.conformance.answers import ask, differences, energies, largest
from bsct_zoo.conformance.crossings import leaving, pairs, steps
from bsct_zoo.conformance.finding import Finding, Margin, failed, judged, passed, skipped
from bsct_zoo.conformance.probes import named
from bsct_zoo.conformance.subject import Subject
from bsct_zoo.errors import UnknownElementError

_WORKER = {"float64": 1e-12, "float32": 1e-6}  # of the largest number: the same code on the same machine


def cutoff(subject: Subject) -> Finding:
    """Two atoms beyond the declared cut-off do not interact, and there is no step where an atom crosses it.

    Tried on light, organic and heavy pairs, and on atoms that leave a cluster. A jump is a fault of forces that are
    declared a gradient, since nothing is the gradient of a step.
    """
    potential = subject.exact
    radius = potential.info.cutoff
    if radius is None:
        return skipped("it declares no cut-off")
    scale = 1.0 if potential.info.dtype == "float64" else 20.0
    crossings = pairs(subject.tried, radius)
    apart = [Atoms(crossing.frames[0].numbers, [[0, 0, 0], [0, radius + 0.5, 0]]) for crossing in crossings]
    elements = sorted(subject.tried)
    lone = dict(zip(elements, energies(potential, [Atoms([z], [[0, 0, 0]]) for z in elements]).tolist(), strict=True))
    beyond = []
    for crossing, atoms, far in zip(crossings, apart, ask(potential, apart), strict=True):
        alone = sum(lone[int(z)] for z in atoms.numbers)
        where = f"between {crossing.name} beyond the declared cut-off"
        beyond += [
            Margin(largest(far.forces), 1e-6, "eV/Å", f"force {where}"),
            Margin(abs(far.energy - alone), 1e-5 * scale, "eV", f"energy {where}"),
        ]
    for cluster in subject.molecules:
        crossings += leaving(cluster, radius)
    measures = []
    for crossing, energy, force in steps(potential, crossings):
        where = f"at {radius:g} Å of {crossing.name}"
        measures += [
            Margin(energy, 1e-5 * scale, "eV", f"step of the energy {where}"),
            Margin(force, 1e-3, "eV/Å", f"step of forces {where}"),
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
        size = largest(exact.forces)
        where = f"of {named(atoms)} in float32 and float64"
        per_atom = abs(near.energy - exact.energy) / len(atoms)
        measures.append(Margin(per_atom, 1e-4 + 1e-4 * size / len(atoms), "eV/atom", f"energy {where}"))
        measures.append(Margin(largest(near.forces - exact.forces), 2e-3 + 1e-3 * size, "eV/Å", f"forces {where}"))
    return judged(measures)


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
        force_limit = relative * max(1.0, largest(other.forces))
        measures.append(Margin(largest(one.forces - other.forces), force_limit, "eV/Å", f"forces on system {index}"))
    return judged(measures)


def closing(subject: Subject) -> Finding:
    """It may be closed twice."""
    if subject.load is None:
        return skipped("it cannot be loaded a second time, to be closed")
    potential = subject.load(subject.potential.info.dtype)
    potential.close()
    potential.close()
    return passed()
