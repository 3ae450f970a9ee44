"""Relax molecules with the reference, so that a scan starts from where the reference has its minimum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from ase.calculators.calculator import CalculatorError
from ase.optimize import BFGS
from numpy.typing import NDArray

from bsct_zoo.atoms.structure import Structure, bonds_by_distance
from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.bridges import PotentialCalculator
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.suites.building.journal import Answer, Journal, State, frame_key
from bsct_zoo.suites.building.reference import Workers

FMAX = 0.01  # eV/Å
_STEPS = 500


def relaxed(
    structures: Sequence[Structure],
    workers: Workers,
    journal: Journal,
    jobs: int,
    on_progress: Callable[[int, int, str], None],
) -> tuple[list[Structure], Counter[str]]:
    """The molecules at minima of the reference (all forces below 0.01 eV/Å), and how many were left out, by reason.

    Crystals are left as they are. What the journal knows is not done again.

    A molecule at which the reference dies twice is left out as well.

    Raises:
        ModelError: the reference cannot be loaded, or the user stopped it.
    """
    moving = [s for s in structures if not s.periodic and len(s.numbers) > 1]
    keys = [_key(structure) for structure in moving]
    todo = [(key, s) for key, s in zip(keys, moving, strict=True) if key not in journal.answers]

    def work(task: tuple[bytes, Structure]) -> None:
        for _ in range(2):
            loaded = False
            try:
                with workers.one() as potential:
                    loaded = True
                    journal.add(task[0], _relax(task[1], potential))
                    return
            except ModelError:
                if workers.closed or not loaded:
                    raise
        journal.add(task[0], Answer(State.GIVEN_UP, float("nan"), task[1].positions))

    if todo:
        with ThreadPoolExecutor(min(jobs, len(todo))) as pool:
            try:
                for done, _ in enumerate(pool.map(work, todo), start=1):
                    on_progress(done, len(todo), "molecules relaxed")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                workers.close()
                raise
    answers = {key: journal.answers[key] for key in keys}
    kept, left_out = [], Counter[str]()
    for structure in structures:
        answer = answers.get(_key(structure))
        if answer is None:
            kept.append(structure)
        elif answer.state is not State.CONVERGED:
            left_out["molecules that did not relax with the reference"] += 1
        elif _bonds(structure) - _bonds(replace(structure, positions=answer.forces)):
            left_out["molecules that came apart while they relaxed"] += 1
        else:
            kept.append(replace(structure, positions=answer.forces))
    return kept, left_out


def _relax(structure: Structure, potential: Potential) -> Answer:
    positions, arrived = relax(structure, potential)
    return Answer(State.CONVERGED if arrived else State.GIVEN_UP, float("nan"), positions)


def relax(structure: Structure, potential: Potential) -> tuple[NDArray[np.float64], bool]:
    """Positions [n, 3] Å after at most 500 steps downhill, and whether all forces are below 0.01 eV/Å there.

    Raises:
        ModelError: the potential failed; where it only has no answer, the way ends.
    """
    atoms = structure.to_atoms()
    atoms.calc = PotentialCalculator(potential)
    try:
        arrived = BFGS(atoms, logfile=None).run(fmax=FMAX, steps=_STEPS)
    except CalculatorError as error:
        if isinstance(error.__cause__, ModelError):  # the reference itself failed, or the user stopped it
            raise error.__cause__ from error
        arrived = False
    return np.asarray(atoms.positions, dtype=np.float64), bool(arrived)


def _key(structure: Structure) -> bytes:
    about = (structure.numbers, structure.charge, structure.spin, structure.positions)
    return frame_key("relaxed", FMAX, _STEPS, *about)


def _bonds(structure: Structure) -> set[tuple[int, int]]:
    return set(bonds_by_distance(structure.to_atoms()))
