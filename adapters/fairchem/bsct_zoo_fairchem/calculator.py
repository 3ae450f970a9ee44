"""The package's own ASE calculator, one frame at a time: what the batched numbers are held against."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ase import Atoms
from ase.calculators.calculator import Calculator

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.checkpoints import trusted_copy
from bsct_zoo_fairchem.loader import load as load_batched
from bsct_zoo_fairchem.potential import CHARGED_TASK, FairchemPotential


def load(
    card: ModelCard, device: str, dtype: Literal["float32", "float64"], task: str = "", level_of_theory: str = ""
) -> Potential:
    """``FAIRChemCalculator`` with the checkpoint of ``card``; called as the adapter's loader is.

    Raises:
        BadInputError: the checkpoint is an eSCAIP of ours, which this calculator cannot run, or no task is named.
    """
    if not card.executes_code:
        raise BadInputError("the calculator of fairchem-core cannot run its own eSCAIP")
    from fairchem.core import FAIRChemCalculator
    from fairchem.core.units.mlip_unit import load_predict_unit
    from fairchem.core.units.mlip_unit.api.inference import InferenceSettings

    batched = load_batched(card, device, dtype, task, level_of_theory)
    assert isinstance(batched, FairchemPotential)
    with trusted_copy(card) as path:
        unit = load_predict_unit(str(path), InferenceSettings(base_precision_dtype=dtype), device=device)
    calculator = FAIRChemCalculator(unit, batched.task)
    return CalculatorPotential(calculator, replace(batched.info, cost="atoms"), prepare=_spin_by_task)


def _spin_by_task(atoms: Atoms, calculator: Calculator) -> None:
    """Charge and multiplicity mean something to molecules alone (see ``potential``)."""
    if calculator.task_name != CHARGED_TASK:
        atoms.info.update(charge=0, spin=0)
