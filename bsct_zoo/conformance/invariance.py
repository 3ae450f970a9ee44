"""Invariance: position, orientation, and the order of atoms and systems."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from bsct_zoo.conformance.answers import Floats, SystemAnswer, ask, differences
from bsct_zoo.conformance.finding import Finding, Margin, judged, skipped
from bsct_zoo.conformance.subject import Subject

_SHIFT = np.array([2.31, -7.77, 4.05])  # Å; not a lattice vector


def translation(subject: Subject) -> Finding:
    """A translated system has the same energy, forces and stress."""
    systems = subject.systems
    moved = [_at(atoms, atoms.positions + _SHIFT) for atoms in systems]
    return judged(_compared(subject, moved, systems, "moved as a whole"))


def rotation(subject: Subject) -> Finding:
    """A rotated system has the same energy, and its forces and stress rotate with it.

    Required if the model declares equivariance; else the figure is reported.
    """
    turn = _turn()
    turned = []
    for atoms in subject.systems:
        other = _at(atoms, atoms.positions @ turn.T)
        other.cell = atoms.cell @ turn.T
        turned.append(other)
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
    systems = [*subject.systems, *(_squeezed(atoms) for atoms in subject.molecules)]
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
        limit = _sum_limit(info.dtype, answer.forces)
        total = float(np.linalg.norm(answer.forces.sum(axis=0)))
        measures.append(Margin(total, limit, "eV/Å", f"net force on system {index + 1}"))
        if not atoms.pbc.any() and info.equivariant:
            arms = atoms.positions - atoms.positions.mean(axis=0)
            torque = float(np.linalg.norm(np.cross(arms, answer.forces).sum(axis=0)))
            measures.append(Margin(torque, 5 * limit, "eV", f"net torque on system {index + 1}"))
    return judged(measures, required=info.conservative)


def _sum_limit(dtype: str, forces: Floats) -> float:
    largest = float(np.abs(forces).max(initial=0.0))
    return 1e-5 + 1e-6 * largest if dtype == "float64" else 2e-3 + 2e-4 * largest


def _compared(subject: Subject, systems: list[Atoms], originals: tuple[Atoms, ...], what: str) -> list[Margin]:
    actual, expected = ask(subject.potential, systems), ask(subject.potential, originals)
    return list(differences(subject.potential, actual, expected, what))


def _at(atoms: Atoms, positions: Floats) -> Atoms:
    moved: Atoms = atoms.copy()
    moved.positions = positions
    return moved


def _squeezed(atoms: Atoms) -> Atoms:
    """A system of the same shape with another answer, so that only its position in the batch distinguishes them."""
    return _at(atoms, atoms.positions * 0.97)


def _turn() -> Floats:
    """A proper rotation about a generic axis."""
    matrix = np.array([[1.0, 2.0, -0.5], [0.3, -1.0, 2.0], [1.5, 0.4, 0.8]])
    turn: Floats = np.linalg.qr(matrix)[0]
    return turn * float(np.sign(np.linalg.det(turn)))
