"""Independence of a system from its batch."""

from __future__ import annotations

import numpy as np
import torch
from ase import Atoms

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.conformance.answers import ask, differences, predict
from bsct_zoo.conformance.finding import Finding, Margin, failed, judged, passed
from bsct_zoo.conformance.probes import some_elements
from bsct_zoo.conformance.subject import Subject

_MANY_ATOMS = 1024


def batch_independence(subject: Subject) -> Finding:
    """A system alone has the same answer as among others, at any position in the batch."""
    systems = subject.systems
    alone = [ask(subject.potential, [atoms])[0] for atoms in systems]
    measures = list(differences(subject.potential, ask(subject.potential, systems), alone, "among others"))
    molecules = subject.molecules  # again without cells, which take another path in some models
    together = ask(subject.potential, molecules)
    measures += differences(subject.potential, together, alone[: len(molecules)], "among other molecules")
    return judged(measures)


def empty_batch(subject: Subject) -> Finding:
    """No systems, no answers, no error."""
    prediction = predict(subject.potential, AtomsBatch.from_atoms([]))
    if tuple(prediction.energy.shape) != (0,) or tuple(prediction.forces.shape) != (0, 3):
        shapes = f"{list(prediction.energy.shape)} and {list(prediction.forces.shape)}"
        return failed(f"energy and forces have shapes {shapes}, must be [0] and [0, 3]")
    return passed()


def one_atom(subject: Subject) -> Finding:
    """A single atom has an energy and no force, alone in a batch and among others."""
    atoms = [Atoms([z], [[0.3, -0.2, 0.1]]) for z in some_elements(subject.tried)]
    measures = []
    alone = [ask(subject.potential, [atom])[0] for atom in atoms]
    for atom, answer in zip(atoms, alone, strict=True):
        what = f"on a lone {atom.symbols}"
        measures.append(Margin(0.0 if np.isfinite(answer.energy) else np.inf, 0.0, "eV", f"no energy {what}"))
        measures.append(Margin(float(np.abs(answer.forces).max()), 1e-6, "eV/Å", f"force {what}"))
    together = ask(subject.potential, [*atoms, subject.molecules[0]])[: len(atoms)]
    measures += differences(subject.potential, together, alone, "of one atom beside a molecule")
    return judged(measures)


def huge_batch(subject: Subject) -> Finding:
    """Each of many copies has the same answer as a few."""
    few = subject.molecules
    copies = max(2, _MANY_ATOMS // sum(len(atoms) for atoms in few))
    expected = ask(subject.potential, few)
    actual = ask(subject.potential, list(few) * copies)
    measures = [
        measure
        for start in range(0, len(actual), len(few))
        for measure in differences(subject.potential, actual[start : start + len(few)], expected, "among many")
    ]
    return judged(measures)


def input_kept(subject: Subject) -> Finding:
    """The batch is not modified."""
    batch = AtomsBatch.from_atoms(subject.systems)
    before = {name: tensor.clone() for name, tensor in vars(batch).items()}
    held = dict(vars(batch))
    predict(subject.potential, batch)
    changed = [
        name
        for name, tensor in held.items()
        if getattr(batch, name) is not tensor
        or tensor.requires_grad
        or tensor.dtype != before[name].dtype
        or not torch.equal(tensor, before[name])
    ]
    return failed(f"changed by compute: {', '.join(changed)}") if changed else passed()
