"""Bridges both ways: any ASE calculator is a ``Potential``, any ``Potential`` is an ASE calculator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import (
    Calculator,
    CalculatorError,
    PropertyNotImplementedError,
    all_changes,
)
from ase.stress import full_3x3_to_voigt_6_stress

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements


class CalculatorPotential(Potential):
    """An ASE calculator as a ``Potential``: one system at a time, slow but correct.

    A system whose calculation fails is NaN in the prediction; its reason is in ``failures``.

    Attributes:
        failures: reasons of the failures of the last batch, by system.
    """

    def __init__(
        self,
        calculator: Calculator | Callable[[], Calculator],
        info: PotentialInfo,
        prepare: Callable[[Atoms, Calculator], None] | None = None,
    ) -> None:
        """``prepare`` may set charge, spin and the like on the calculator before each system."""
        self.calculator = calculator if isinstance(calculator, Calculator) else calculator()
        self.info = info
        self.prepare = prepare
        self.failures: dict[int, str] = {}

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        self.failures = {}
        energy = np.full(batch.n_systems, np.nan)
        forces = np.full((batch.n_atoms, 3), np.nan)
        stress = np.full((batch.n_systems, 3, 3), np.nan)
        with_stress = self.info.has_stress and bool(batch.pbc.any())
        start = 0
        for index, atoms in enumerate(batch.to_atoms()):
            stop = start + len(atoms)
            try:
                if self.prepare is not None:
                    self.prepare(atoms, self.calculator)
                self.calculator.reset()
                atoms.calc = self.calculator
                energy[index] = atoms.get_potential_energy()
                forces[start:stop] = atoms.get_forces()
                if with_stress and atoms.pbc.any():
                    stress[index] = atoms.get_stress(voigt=False)
            except (CalculatorError, RuntimeError, ArithmeticError, np.linalg.LinAlgError) as error:
                energy[index], forces[start:stop] = np.nan, np.nan
                self.failures[index] = " ".join(str(error).split())
            start = stop
        return Prediction(
            torch.from_numpy(energy),
            torch.from_numpy(forces),
            torch.from_numpy(stress) if with_stress else None,
            dict(self.failures),
        )


class PotentialCalculator(Calculator):
    """A ``Potential`` as an ASE calculator, for everything that ASE can do with one."""

    implemented_properties: list[str] = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, potential: Potential, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.potential = potential

    def calculate(
        self, atoms: Atoms | None = None, properties: list[str] | None = None, system_changes: list[str] = all_changes
    ) -> None:
        """Fill ``self.results``; energies in eV, forces in eV/Å, stress in eV/Å³.

        Raises:
            PropertyNotImplementedError: stress was asked for and the potential has none.
            CalculatorError: the potential has no answer.
        """
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        assert isinstance(self.atoms, Atoms)
        try:
            prediction = self.potential.compute(AtomsBatch.from_atoms(self.atoms))
        except ModelError as error:
            raise CalculatorError(str(error)) from error
        energy = float(prediction.energy[0])
        if not np.isfinite(energy):
            raise CalculatorError(prediction.failures.get(0, "the potential has no answer for this structure"))
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": prediction.forces.cpu().double().numpy(),
        }
        if prediction.stress is not None:
            self.results["stress"] = full_3x3_to_voigt_6_stress(prediction.stress[0].cpu().double().numpy())
        elif properties and "stress" in properties:
            raise PropertyNotImplementedError("the potential returns no stress for this structure")
