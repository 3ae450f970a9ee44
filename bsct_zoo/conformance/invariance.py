"""Invariance: position, orientation, order of atoms and systems, images, and cells of what is not periodic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bsct_zoo.atoms.copies import in_cell, moved
from bsct_zoo.conformance.answers import Floats, SystemAnswer, ask, differences, largest
from bsct_zoo.conformance.finding import Finding, Margin, judged, skipped
from bsct_zoo.conformance.subject import Subject

_SHIFT = np.array([2.31, -7.77, 4.05])  # Å; not a lattice vector


def translation(subject: Subject) -> Finding:
    """A translated system has the same energy, forces and stress."""
    systems = subject.systems
    shifted = [moved(atoms, atoms.positions + _SHIFT) for atoms in systems]
    actual, expected = ask(subject.potential, shifted), ask(subject.potential, systems)
    return judged(differences(subject.potential, actual, expected, "moved as a whole"))


def rotation(subject: Subject) -> Finding:
    """A rotated system has the same energy, and its forces and stress rotate with it.

    Required if the model declares equivariance; else the figure is reported.
    """
    turn = _turn()
    turned = [in_cell(moved(a, a.positions @ turn.T), a.cell.array @ turn.T) for a in subject.systems]
    expected = [
        SystemAnswer(one.energy, one.forces @ turn.T, None if one.stress is None else turn @ one.stress @ turn.T)
        for one in ask(subject.potential, subject.systems)
    ]
    actual = ask(subject.potential, turned)
    exact = subject.potential.info.equivariant
    return judged(differences(subject.potential, actual, expected, "when it is turned"), required=exact)


def atom_order(subject: Subject) -> Finding:
    """Atoms in another order have the same energy, and their forces in that order."""
    random = np.random.default_rng(1)
    orders = [random.permutation(len(atoms)) for atoms in subject.systems]
    shuffled = [atoms[order] for atoms, order in zip(subject.systems, orders, strict=True)]
    expected = [
        SystemAnswer(one.energy, one.forces[order], one.stress)
        for one, order in zip(ask(subject.potential, subject.systems), orders, strict=True)
    ]
    actual = ask(subject.potential, shuffled)
    return judged(differences(subject.potential, actual, expected, "with its atoms in another order"))


def system_order(subject: Subject) -> Finding:
    """Systems in another order have their answers in that order."""
    # Systems of the same shape with another answer, so that only their position in the batch distinguishes them.
    systems = [*subject.systems, *(moved(atoms, atoms.positions * 0.97) for atoms in subject.molecules)]
    if len(systems) < 2:
        return skipped("there is one system to try it on")
    order = np.random.default_rng(2).permutation(len(systems))
    alone = [ask(subject.potential, [atoms])[0] for atoms in systems]
    actual = ask(subject.potential, [systems[i] for i in order])
    expected = [alone[i] for i in order]
    return judged(differences(subject.potential, actual, expected, "at another place in the batch"))


def net_force(subject: Subject) -> Finding:
    """Forces on a system sum to zero, and so do their torques for a molecule.

    A consequence of translation and rotation for forces that are a gradient; reported for direct forces.
    """
    info = subject.potential.info
    answers = ask(subject.potential, subject.systems)
    measures = []
    for index, (atoms, answer) in enumerate(zip(subject.systems, answers, strict=True)):
        size = largest(answer.forces)
        limit = 1e-5 + 1e-6 * size if info.dtype == "float64" else 2e-3 + 2e-4 * size
        total = float(np.linalg.norm(answer.forces.sum(axis=0)))
        measures.append(Margin(total, limit, "eV/Å", f"net force on system {index + 1}"))
        if not atoms.pbc.any() and info.equivariant:
            arms = atoms.positions - atoms.positions.mean(axis=0)
            torque = float(np.linalg.norm(np.cross(arms, answer.forces).sum(axis=0)))
            measures.append(Margin(torque, 5 * limit, "eV", f"net torque on system {index + 1}"))
    return judged(measures, required=info.conservative)


def _turn() -> Floats:
    """A proper rotation about a generic axis."""
    matrix = np.array([[1.0, 2.0, -0.5], [0.3, -1.0, 2.0], [1.5, 0.4, 0.8]])
    turn: Floats = np.linalg.qr(matrix)[0]
    return turn * float(np.sign(np.linalg.det(turn)))


def periodic_images(subject: Subject) -> Finding:
    """An atom moved by any lattice vector, or described in another cell of the same lattice, is the same atom."""
    if not subject.crystals:
        return _refused(subject)
    expected = ask(subject.potential, subject.crystals)
    measures: list[Margin] = []
    for vector in range(3):
        shifts = [(np.arange(len(a)) < max(1, len(a) // 2))[:, None] * a.cell[vector] for a in subject.crystals]
        half = [moved(atoms, atoms.positions + by) for atoms, by in zip(subject.crystals, shifts, strict=True)]
        actual = ask(subject.potential, half)
        measures += differences(subject.potential, actual, expected, f"when an atom moves by cell vector {vector + 1}")
    other = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]])
    sheared = [in_cell(atoms, other @ atoms.cell.array) for atoms in subject.crystals]
    actual = ask(subject.potential, sheared)
    measures += differences(subject.potential, actual, expected, "in another cell of the same lattice")
    return judged(measures)


def supercell(subject: Subject) -> Finding:
    """Twice the cell along any lattice vector has twice the energy, the same forces twice, and the same stress.

    The cells are shorter than most cut-offs, so that an atom meets several images of another. Required of models with
    a cut-off: one without may sample a lattice in its own way (say, at the Γ point alone), and is reported.
    """
    if not subject.crystals:
        return _refused(subject)
    expected = [
        replace(one, energy=2 * one.energy, forces=np.concatenate([one.forces, one.forces]))
        for one in ask(subject.potential, subject.crystals)
    ]
    measures: list[Margin] = []
    for vector in range(3):
        repeats = tuple(2 if k == vector else 1 for k in range(3))
        actual = ask(subject.potential, [atoms.repeat(repeats) for atoms in subject.crystals])
        measures += differences(subject.potential, actual, expected, f"when doubled along cell vector {vector + 1}")
    return judged(measures, required=subject.potential.info.cutoff is not None)


def cell_without_pbc(subject: Subject) -> Finding:
    """A molecule that has a cell but is not periodic has no images."""
    with_cell = [in_cell(atoms, np.diag(np.ptp(atoms.positions, axis=0) + 1.5)) for atoms in subject.molecules]
    actual, expected = ask(subject.potential, with_cell), ask(subject.potential, subject.molecules)
    return judged(differences(subject.potential, actual, expected, "with a cell around it that is not periodic"))


def _refused(subject: Subject) -> Finding:
    return skipped(f"it takes no periodic systems: {subject.refuses_cells}")
