"""Relax a molecule with a potential, so that a scan starts from where the reference has its minimum."""

from __future__ import annotations

import numpy as np
from ase.calculators.calculator import CalculatorError
from ase.optimize import BFGS
from numpy.typing import NDArray

from bsct_zoo.atoms.structure import Structure
from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.bridges import PotentialCalculator
from bsct_zoo.potentials.potential import Potential

FMAX = 0.01  # eV/Å
STEPS = 500
UNCONVERGED = "forces above"  # a problem that begins so is not one of the potential's


def relax(structure: Structure, potential: Potential, steps: int = STEPS) -> tuple[NDArray[np.float64], str]:
    """Positions [n, 3] Å at which all forces are below 0.01 eV/Å, and why BFGS did not come there; empty if it did.

    Raises:
        ModelError: the potential failed; where it only has no answer, the relaxation ends.
    """
    atoms = structure.to_atoms()
    atoms.calc = PotentialCalculator(potential)
    try:
        arrived = BFGS(atoms, logfile=None).run(fmax=FMAX, steps=steps)
        problem = "" if arrived else f"{UNCONVERGED} {FMAX:g} eV/Å are left after {steps} steps"
    except CalculatorError as error:
        if isinstance(error.__cause__, ModelError):  # the reference itself failed, or the user stopped it
            raise error.__cause__ from error
        problem = str(error)
    return np.asarray(atoms.positions, dtype=np.float64), problem
