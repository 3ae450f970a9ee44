"""The package's own ASE calculator, one frame at a time: what our numbers are held against."""

from __future__ import annotations

from typing import Literal

from ase import Atoms
from ase.calculators.calculator import Calculator
from tblite.ase import TBLite

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential
from bsct_zoo_xtb.loader import load as load_ours


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    electronic_temperature: float = 300.0,
    accuracy: float = 1.0,
    max_iterations: int = 250,
    fallback_scf: bool = False,
) -> Potential:
    """``TBLite`` with the Hamiltonian of ``card``; called as the adapter's loader is.

    Raises:
        BadInputError: ``fallback_scf`` is asked for, which is ours.
    """
    if fallback_scf:
        raise BadInputError("tblite's own calculator knows nothing of 'fallback_scf'")
    ours = load_ours(card, device, dtype, electronic_temperature, accuracy, max_iterations)
    calculator = TBLite(
        method=card.notes["method"],
        electronic_temperature=electronic_temperature,
        accuracy=accuracy,
        max_iterations=max_iterations,
        cache_api=False,  # else a frame starts from the frame before
        verbosity=0,
    )
    return CalculatorPotential(calculator, ours.info, prepare=_set_charge)


def _set_charge(atoms: Atoms, calculator: Calculator) -> None:
    calculator.set(charge=atoms.info["charge"], multiplicity=atoms.info["spin"])
