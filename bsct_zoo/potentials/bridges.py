"""Bridges both ways: any ASE calculator is a ``Potential``, any ``Potential`` is an ASE calculator."""

from __future__ import annotations

import contextlib
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
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress
from numpy.typing import NDArray

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements


class CalculatorPotential(Potential):
    """An ASE calculator as a ``Potential``: one system at a time, slow but correct.

    The energy is the force-consistent one ("free_energy") where the calculator has it. Numbers may be NumPy arrays of
    any shape and precision, or tensors of torch. A system whose calculation fails is NaN, and its reason is in
    ``Prediction.failures``; where the stress alone fails, energy and forces stand.

    Attributes:
        refuses_images: why it takes no periodic systems; empty if it does.
    """

    def __init__(
        self,
        calculator: Calculator | Callable[[], Calculator],
        info: PotentialInfo,
        prepare: Callable[[Atoms, Calculator], Calculator | None] | None = None,
    ) -> None:
        """``prepare`` may set charge, spin and the like before each system, or return another calculator for it."""
        self.calculator: Any = calculator if hasattr(calculator, "get_potential_energy") else calculator()
        self.info = info
        self.prepare = prepare
        self.refuses_images = ""

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        if self.refuses_images and bool(batch.pbc.any()):
            raise ModelError(self.refuses_images)
        energy = np.full(batch.n_systems, np.nan)
        forces = np.full((batch.n_atoms, 3), np.nan)
        stress = np.full((batch.n_systems, 3, 3), np.nan)
        with_stress = self.info.has_stress and bool(batch.pbc.any())
        failures: dict[int, str] = {}
        start = 0
        for index, atoms in enumerate(batch.to_atoms()):
            stop = start + len(atoms)
            try:
                calculator = self._ready(atoms)
                energy[index] = _numbers(_consistent_energy(calculator, atoms), (), "energy")
                forces[start:stop] = _numbers(calculator.get_forces(atoms), (len(atoms), 3), "forces")
            except Exception as error:  # whatever a calculator raises costs its own frame
                if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
                    raise
                energy[index], forces[start:stop] = np.nan, np.nan
                failures[index] = _reason(error)
            else:
                if with_stress and atoms.pbc.any():
                    with contextlib.suppress(Exception):
                        stress[index] = _stress(calculator, atoms)
            start = stop
        tensors = (
            torch.from_numpy(energy),
            torch.from_numpy(forces),
            torch.from_numpy(stress) if with_stress else None,
        )
        return Prediction(*tensors, failures)

    def _ready(self, atoms: Atoms) -> Any:
        """The calculator for ``atoms``, which remembers nothing of the system before."""
        other = None if self.prepare is None else self.prepare(atoms, self.calculator)
        calculator = self.calculator if other is None else other
        if hasattr(calculator, "reset"):
            calculator.reset()
        return calculator


def _consistent_energy(calculator: Any, atoms: Atoms) -> Any:
    """The energy whose gradient the forces are; the only one where a calculator has one."""
    if "free_energy" in getattr(calculator, "implemented_properties", ()):
        with contextlib.suppress(PropertyNotImplementedError):
            return calculator.get_property("free_energy", atoms)
    return calculator.get_potential_energy(atoms)


def _stress(calculator: Any, atoms: Atoms) -> NDArray[np.float64]:
    """[3, 3] eV/Å³, from six numbers in Voigt's order or from nine."""
    values = _array(calculator.get_stress(atoms)).reshape(-1)
    tensor: NDArray[np.float64] = voigt_6_to_full_3x3_stress(values) if values.size == 6 else values.reshape(3, 3)
    return tensor


def _numbers(value: Any, shape: tuple[int, ...], what: str) -> NDArray[np.float64]:
    """``value`` as an array of ``shape``, which a calculator may wrap into further axes of length one."""
    array = _array(value)
    if [n for n in array.shape if n != 1] != [n for n in shape if n != 1]:
        raise ModelError(f"the calculator's {what} has shape {list(array.shape)}, expected {list(shape)}")
    return array.reshape(shape)


def _array(value: Any) -> NDArray[np.float64]:
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=np.float64)


def _reason(error: Exception) -> str:
    """What a calculator says of its failure, in its own words."""
    text = " ".join(str(error).split())
    ours = isinstance(error, CalculatorError | ModelError)
    return text if ours and text else f"{type(error).__name__}: {text or 'no message'}"


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
            why = prediction.failures.get(0, "the potential has no answer for this structure")
            raise CalculatorError(why)
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": prediction.forces.cpu().double().numpy(),
        }
        if prediction.stress is not None:
            self.results["stress"] = full_3x3_to_voigt_6_stress(prediction.stress[0].cpu().double().numpy())
        elif properties and "stress" in properties:
            raise PropertyNotImplementedError("the potential returns no stress for this structure")
