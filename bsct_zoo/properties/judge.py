"""One system as a model has it, held against the same as the reference has it. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.plugins.tasks import Quantity, Score, Status
from bsct_zoo.properties import elastic, modes, topology
from bsct_zoo.properties.measured import Measured
from bsct_zoo.properties.quantities import TOPICS, metrics_of
from bsct_zoo.properties.torsion import barrier_height

_IMAGINARY = -10.0  # 1/cm; smaller ones are within the error of differences of forces
_IMAGINARY_PHONON = -0.1  # THz, likewise
_OTHER_STRUCTURE = 0.3  # Å, RMSD from which a minimum is hardly the reference's
_UNSURE = 0.5  # squared overlap below which two modes are hardly the same
_RIGID = 100.0  # 1/cm of translations and rotations that is worth saying


def judge(own: Measured, reference: Measured | None) -> Score:
    """All quantities of ``own``, with the errors that ``reference`` allows."""
    vibrating, imaginary, notes = (_vibrations if own.kind == "molecule" else _phonons)(own, reference)
    quantities = [*_numbers(own, reference), *vibrating]
    notes = [*own.notes, *notes]
    status: Status = "ok"
    if own.problems:
        status = "partial" if quantities else "failed"
    if reference is not None and reference.problems:
        lacks = "; ".join(f"{what}: {why}" for what, why in _grouped(reference))
        notes.append(f"the reference lacks {lacks}")
    relaxed = not {"relax", "eos"} & own.problems.keys()
    metrics = metrics_of(quantities, imaginary, relaxed)
    return Score(
        metrics=metrics,
        status=status,
        message="; ".join(f"{what}: {why}" for what, why in _grouped(own)),
        missing={name: _why_missing(own, reference, name) for name, value in metrics.items() if value is None},
        notes=tuple(notes),
        quantities=tuple(quantities),
    )


def _why_missing(own: Measured, reference: Measured | None, metric: str) -> str:
    """Why there is no mean error of a kind of quantity."""
    if metric == "imaginary":
        what = "frequencies" if own.kind == "molecule" else "phonons"
        return f"{what}: {own.problems[what]}" if what in own.problems else "no modes were asked for"
    topic = TOPICS[metric.removesuffix("_mae")]
    if topic.what in own.problems:
        return f"{topic.what}: {own.problems[topic.what]}"
    if reference is None:
        return "no reference"
    if topic.what in reference.problems:
        return "the reference does not have it"
    return "not measured, or this system has none"


def _grouped(measured: Measured) -> Iterator[tuple[str, str]]:
    """Problems, those that merely follow from another left out."""
    for what, why in measured.problems.items():
        if not why.startswith("not measured, since"):
            yield what, why


def _quantity(kind: str, name: str, value: float, reference: float | None, message: str = "") -> Quantity:
    error = None if reference is None else value - reference
    return Quantity(kind, name, float(value), TOPICS[kind].unit, reference, error, message)


def _numbers(own: Measured, reference: Measured | None) -> Iterator[Quantity]:
    """All that is compared number by number."""
    a: Mapping[str, NDArray[np.float64]] = own.arrays
    b: Mapping[str, NDArray[np.float64]] = {} if reference is None else reference.arrays
    if "positions" in a:
        yield from _structure(a, b)
    if "torsions" in a:
        theirs = {} if "rotors" not in b else dict(zip(map(tuple, b["rotors"]), b["torsions"], strict=True))
        for rotor, energies in zip(a["rotors"], a["torsions"], strict=True):
            other = theirs.get(tuple(rotor))
            height = None if other is None else 1000 * barrier_height(other)
            name = topology.label(a["numbers"].astype(int), rotor[1:3].astype(int))
            yield _quantity("barrier", name, 1000 * barrier_height(energies), height)
    for kind in ("atomisation", "lattice_constant", "volume", "bulk_modulus"):
        if kind in a and not (kind == "volume" and "lattice_constant" in a):  # the two say the same
            yield _quantity(kind, kind.replace("_", " "), float(a[kind]), float(b[kind]) if kind in b else None)
    if "elastic" in a:
        constants = _constants(b) if "elastic" in b else {}
        for name, value in _constants(a).items():
            yield _quantity("elastic", name, value, constants.get(name))


def _structure(a: Mapping[str, NDArray[np.float64]], b: Mapping[str, NDArray[np.float64]]) -> Iterator[Quantity]:
    numbers = a["numbers"].astype(int)
    for kind, key, of in (("bond", "bonds", topology.lengths_of), ("angle", "angles", topology.degrees_of)):
        atoms = a[key].astype(int)
        theirs = of(b["positions"], atoms) if "positions" in b else [None] * len(atoms)
        for which, value, other in zip(atoms, of(a["positions"], atoms), theirs, strict=True):
            there = None if other is None else float(other)
            yield _quantity(kind, topology.label(numbers, which), float(value), there)
    if "positions" in b:
        yield _quantity("rmsd", "RMSD", modes.distance(a["positions"], b["positions"]), 0.0)


def _constants(arrays: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Three of a cubic crystal, else all twenty-one."""
    c = arrays["elastic"]
    if arrays["cubic"]:
        return dict(zip(("C11", "C12", "C44"), elastic.cubic_constants(c), strict=True))
    return {f"C{i + 1}{j + 1}": float(c[i, j]) for i in range(6) for j in range(i, 6)}


def _vibrations(own: Measured, reference: Measured | None) -> tuple[list[Quantity], int | None, list[str]]:
    """Frequencies matched to the reference's modes, the number of imaginary ones, and what is to be said."""
    if "frequencies" not in own.arrays:
        return [], None, []
    values, notes = own.arrays["frequencies"], []
    partner, overlap = np.full(len(values), -1), np.zeros(len(values))
    theirs = np.zeros(0)
    if reference is not None and "frequencies" in reference.arrays:
        b = reference.arrays
        theirs = b["frequencies"]
        turn = modes.rotation_onto(own.arrays["positions"], b["positions"], b["masses"])
        partner, overlap = modes.matched(own.arrays["modes"], b["modes"], turn)
        off = modes.distance(own.arrays["positions"], b["positions"])
        if off > _OTHER_STRUCTURE:
            notes.append(f"its minimum is not the reference's (RMSD {off:.2f} Å), so modes hardly match")
        if len(values) != len(theirs):
            notes.append(f"{len(values)} modes where the reference has {len(theirs)}: one of the two is linear")
    found = []
    for n, (value, other) in enumerate(zip(values, partner, strict=True)):
        there = float(theirs[other]) if other >= 0 else None
        remarks = ["imaginary"] * bool(value < _IMAGINARY)
        if there is not None:
            remarks += [f"overlap {overlap[n]:.2f} with mode {other + 1} of the reference"] * bool(overlap[n] < _UNSURE)
            remarks += ["imaginary in the reference"] * bool(there < _IMAGINARY)
        found.append(_quantity("frequency", f"mode {n + 1}", float(value), there, ", ".join(remarks)))
    bad = values[values < _IMAGINARY]
    if len(bad):
        listed = ", ".join(f"{-v:.0f}i" for v in bad)
        notes.append(f"{len(bad)} imaginary mode{'s' * (len(bad) > 1)}: {listed} 1/cm")
    rigid = float(own.arrays["rigid"])
    if rigid > _RIGID:
        notes.append(f"translations and rotations are not free: {rigid:.0f} 1/cm (projected out)")
    return found, len(bad), notes


def _phonons(own: Measured, reference: Measured | None) -> tuple[list[Quantity], int | None, list[str]]:
    """Mean over all wave vectors and bands; its error is the mean size of the difference, band by band."""
    if "phonons" not in own.arrays:
        return [], None, []
    values = own.arrays["phonons"]
    theirs = None if reference is None else reference.arrays.get("phonons")
    if theirs is not None and theirs.shape != values.shape:
        theirs = None
    found = Quantity(
        "phonon",
        "mean",
        float(values.mean()),
        TOPICS["phonon"].unit,
        None if theirs is None else float(theirs.mean()),
        None if theirs is None else float(np.abs(values - theirs).mean()),
        f"{len(values)} wave vectors, {round(float(values.min()), 2) + 0.0:.2f} to {values.max():.2f} THz",
    )
    imaginary = int((values < _IMAGINARY_PHONON).sum())
    notes = [f"{imaginary} imaginary phonons, down to {-values.min():.2f}i THz"] if imaginary else []
    return [found], imaginary, notes
