"""Periodicity: images, supercells, and cells of systems that are not periodic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from ase import Atoms

from bsct_zoo.conformance.answers import SystemAnswer, ask, differences
from bsct_zoo.conformance.finding import Finding, Margin, judged, skipped
from bsct_zoo.conformance.subject import Subject


def periodic_images(subject: Subject) -> Finding:
    """An atom moved by any lattice vector, or described in another cell of the same lattice, is the same atom."""
    if not subject.crystals:
        return _refused(subject)
    expected = ask(subject.potential, subject.crystals)
    measures: list[Margin] = []
    for vector in range(3):
        moved = [_first_atoms_moved(atoms, vector) for atoms in subject.crystals]
        actual = ask(subject.potential, moved)
        measures += differences(subject.potential, actual, expected, f"when an atom moves by cell vector {vector + 1}")
    sheared = []
    for atoms in subject.crystals:
        other: Atoms = atoms.copy()
        other.cell = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]]) @ np.asarray(atoms.cell)
        sheared.append(other)
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
    expected = [_doubled(answer) for answer in ask(subject.potential, subject.crystals)]
    measures: list[Margin] = []
    for vector in range(3):
        repeats = tuple(2 if k == vector else 1 for k in range(3))
        actual = ask(subject.potential, [atoms.repeat(repeats) for atoms in subject.crystals])
        measures += differences(subject.potential, actual, expected, f"when doubled along cell vector {vector + 1}")
    return judged(measures, required=subject.potential.info.cutoff is not None)


def cell_without_pbc(subject: Subject) -> Finding:
    """A molecule that has a cell but is not periodic has no images."""
    with_cell = []
    for atoms in subject.molecules:
        other: Atoms = atoms.copy()
        other.cell = np.diag(np.ptp(atoms.positions, axis=0) + 1.5)
        with_cell.append(other)
    actual, expected = ask(subject.potential, with_cell), ask(subject.potential, subject.molecules)
    return judged(differences(subject.potential, actual, expected, "with a cell around it that is not periodic"))


def _refused(subject: Subject) -> Finding:
    return skipped(f"it takes no periodic systems: {subject.refuses_cells}")


def _first_atoms_moved(atoms: Atoms, vector: int) -> Atoms:
    """Half of the atoms moved by a lattice vector."""
    moved: Atoms = atoms.copy()
    half = max(1, len(atoms) // 2)
    moved.positions[:half] += atoms.cell[vector]
    return moved


def _doubled(answer: SystemAnswer) -> SystemAnswer:
    return replace(answer, energy=2 * answer.energy, forces=np.concatenate([answer.forces, answer.forces]))
