"""Shapes, types and values of results, and the declaration of the model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.conformance.answers import ask, differences, predict
from bsct_zoo.conformance.finding import Finding, Margin, failed, judged, passed, skipped
from bsct_zoo.conformance.probes import named
from bsct_zoo.conformance.subject import Subject
from bsct_zoo.errors import ModelError, shortened
from bsct_zoo.potentials.potential import PotentialInfo
from bsct_zoo.runtime.guard import expected_shapes

_HEAVIEST = 118
_RESOLUTION = 1e-5  # eV: smaller energy differences do not matter in a scan


def declaration(subject: Subject) -> Finding:
    """``info`` holds what it must, in the types that it must."""
    faults = list(_faults(subject.potential.info))
    return failed("; ".join(faults)) if faults else passed()


def _faults(info: PotentialInfo) -> Iterator[str]:
    elements = info.elements
    if elements is not None and not (elements and all(1 <= z <= _HEAVIEST for z in elements)):
        yield "elements must be atomic numbers from 1 to 118, or None"
    if elements is not None and not isinstance(elements, frozenset):
        yield f"elements must be a frozenset, not a {type(elements).__name__}"
    if info.cutoff is not None and not 0 < info.cutoff < 1000:
        yield f"cutoff is {info.cutoff} Å"
    if info.cost == "edges" and info.cutoff is None:
        yield "cost is 'edges', but there is no cutoff to count them by"
    allowed = {
        "dtype": ("float32", "float64"),
        "cost": ("atoms", "edges"),
        "conservative": (True, False),
        "supports_charge_spin": (True, False),
        "equivariant": (True, False),
    }
    for name, values in allowed.items():
        if getattr(info, name) not in values:
            yield f"{name} is {getattr(info, name)!r}, must be one of {', '.join(map(str, values))}"
    for name in ("level_of_theory", "licence"):
        if not str(getattr(info, name)).strip():
            yield f"{name} is empty"
    try:
        torch.device(info.device)
    except RuntimeError:
        yield f"device {info.device!r} is none that torch knows"


def shapes(subject: Subject) -> Finding:
    """Shapes are those of the interface, energies are float64, forces floating point."""
    batch = AtomsBatch.from_atoms(subject.systems)
    prediction = predict(subject.potential, batch)
    faults = []
    for name, shape in expected_shapes(batch).items():
        tensor = getattr(prediction, name)
        if tensor is None and name == "stress":
            continue
        if not isinstance(tensor, torch.Tensor):
            faults.append(f"{name} is a {type(tensor).__name__}, must be a torch.Tensor")
        elif tuple(tensor.shape) != shape:
            faults.append(f"{name} has shape {list(tensor.shape)}, must be {list(shape)}")
        elif not tensor.dtype.is_floating_point or (name == "energy" and tensor.dtype != torch.float64):
            faults.append(f"{name} is {tensor.dtype}".replace("torch.", ""))
    return failed("; ".join(faults)) if faults else passed()


def detached(subject: Subject) -> Finding:
    """Results carry no autograd graph."""
    prediction = predict(subject.potential, AtomsBatch.from_atoms(subject.systems))
    tensors = {name: getattr(prediction, name) for name in ("energy", "forces", "stress")}
    holding = [name for name, tensor in tensors.items() if tensor is not None and tensor.requires_grad]
    return failed(f"{', '.join(holding)} still with a graph behind it; detach") if holding else passed()


def finite(subject: Subject) -> Finding:
    """Ordinary molecules and crystals get finite numbers."""
    bad, names = 0, []
    for atoms, answer in zip(subject.systems, ask(subject.potential, subject.systems), strict=True):
        numbers = [np.array(answer.energy), answer.forces, *([] if answer.stress is None else [answer.stress])]
        if count := sum(int((~np.isfinite(values)).sum()) for values in numbers):
            bad += count
            names.append(named(atoms) + (f" ({shortened(answer.failure)})" if answer.failure else ""))
    return judged([Margin(bad, 0, "numbers", f"no answer for {', '.join(names)}")])


def totals(subject: Subject) -> Finding:
    """Total energies keep the digits of float64: steps of float32 would show along a scan."""
    potential = subject.in_precision("float32") or subject.potential
    local = potential.info.cutoff is not None  # so that large systems do not dominate
    systems = [atoms.repeat((2, 2, 2)) if local and atoms.pbc.all() else atoms for atoms in subject.systems]
    energy = np.array([answer.energy for answer in ask(potential, systems)])
    rounded = energy.astype(np.float32)
    if not np.array_equal(rounded.astype(np.float64), energy):
        return judged([Margin(0.0, _RESOLUTION, "eV", "")])
    step = float(np.spacing(np.abs(rounded)).max())
    what = f"energies are multiples of what float32 can tell at {np.abs(energy).max():.0f} eV; sum totals in float64"
    return judged([Margin(step, _RESOLUTION, "eV", what)])


def charges(subject: Subject) -> Finding:
    """Total charge and multiplicity change the energy if and only if the model says so."""
    neutral = subject.molecules[0].copy()
    ion = neutral.copy()
    ion.info.update(charge=1, spin=2)
    one = ask(subject.potential, [neutral])
    try:
        other = ask(subject.potential, [ion])
    except ModelError as error:
        if subject.potential.info.supports_charge_spin:
            return failed(f"declared, but a cation is refused: {error}")
        return passed(f"an ion is refused: {error}")
    worst = judged(differences(subject.potential, other, one, "that became a cation"))
    if not subject.potential.info.supports_charge_spin:
        if worst.status == "failed":
            return failed("a charge changes the answer, but info.supports_charge_spin is False")
        return worst
    if worst.status == "passed":
        return failed("a cation has the energy of the neutral molecule, but info.supports_charge_spin is True")
    return passed()


def stress_given(subject: Subject) -> Finding:
    """Stress for periodic systems if it is declared, and for nothing else."""
    if not subject.crystals:
        return skipped(f"it takes no periodic systems: {subject.refuses_cells}")
    answers = ask(subject.potential, subject.systems)
    molecules, crystals = answers[: len(subject.molecules)], answers[len(subject.molecules) :]
    if any(answer.stress is not None for answer in molecules):
        return failed("a molecule has a stress; make it NaN in a mixed batch")
    n_with_stress = sum(answer.stress is not None for answer in crystals)
    if subject.potential.info.has_stress and n_with_stress < len(crystals):
        return failed("declared, but periodic systems have none")
    if not subject.potential.info.has_stress and n_with_stress:
        return failed("periodic systems have a stress, but info.has_stress is False")
    return passed()
