"""Calculators that are slow, or die, or have no answer, as references sometimes are; each says what it was asked."""

import os
import time
from pathlib import Path

import numpy as np
from ase.calculators.calculator import CalculationFailed, Calculator, all_changes


class Springs(Calculator):
    """Springs of 1 eV/Å² between all atoms, at rest at 1.5 Å.

    ``log`` gets a line for each calculation: the process, when it began, when it ended. ``pause`` is in seconds.
    Where the first two atoms are between ``low`` and ``high`` Å apart it does ``fault``: "die" ends the process, "fail"
    has no answer, "step" adds 50 meV. With ``molecules_only`` it raises for anything periodic.
    """

    implemented_properties = ("energy", "forces")

    def __init__(self, log="", pause=0.0, fault="", low=0.0, high=0.0, molecules_only=False):
        super().__init__()
        self.molecules_only = molecules_only
        self.log, self.pause, self.fault, self.low, self.high = log, pause, fault, low, high

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if self.molecules_only and atoms.pbc.any():
            raise ValueError("molecules alone")
        tried = atoms.get_chemical_formula() == "H2O"  # what a calculator is tried on when it is loaded
        began = time.monotonic()
        time.sleep(0 if tried else self.pause)
        if self.log and not tried:
            with Path(self.log).open("a") as file:
                file.write(f"{os.getpid()} {began} {time.monotonic()}\n")
        x = atoms.positions
        apart = x[:, None] - x
        distance = np.linalg.norm(apart, axis=-1) + np.eye(len(x))
        there = not tried and self.low < distance[0, 1] < self.high
        if there and self.fault == "die":
            os._exit(9)
        if there and self.fault == "fail":
            raise CalculationFailed("no answer there")
        off = np.where(np.eye(len(x), dtype=bool), 0.0, distance - 1.5)
        self.results = {
            "energy": float(0.25 * (off**2).sum()) + 0.05 * (there and self.fault == "step"),
            "forces": -((off / distance)[:, :, None] * apart).sum(1),
        }
