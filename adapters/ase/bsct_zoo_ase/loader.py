"""Load an ASE calculator by its import path."""

from __future__ import annotations

import importlib
import inspect
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Literal

from ase import Atoms
from ase.calculators.calculator import Calculator

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard, OptionValue
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential, PotentialInfo


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    level_of_theory: str = "",
    licence: str = "",
    **arguments: OptionValue,
) -> Potential:
    """The calculator that ``card`` names, made with ``arguments``; ``device`` is passed on where it takes one.

    Raises:
        BadInputError: the import path or an argument is wrong, or it is no calculator.
    """
    module_name, _, name = card.name.replace(":", ".").rpartition(".")
    try:
        factory = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise BadInputError(f"cannot import {card.name}: {error}") from error
    if device != "cpu" and "device" in inspect.signature(factory).parameters:
        arguments.setdefault("device", device)
    try:
        calculator = factory(**arguments)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{card.name} refuses its arguments: {error}") from error
    if not isinstance(calculator, Calculator) and not hasattr(calculator, "get_potential_energy"):
        raise BadInputError(f"{card.name} makes a {type(calculator).__name__}, not an ASE calculator")
    info = PotentialInfo(
        elements=None,
        cutoff=None,
        dtype="float64",
        device=device if "device" in arguments else "cpu",
        conservative=True,
        level_of_theory=level_of_theory or card.level_of_theory,
        licence=licence or card.licence,
        has_stress="stress" in getattr(calculator, "implemented_properties", []),
        versions=_versions(module_name.partition(".")[0]),
        supports_charge_spin="charge" in getattr(calculator, "default_parameters", {}),
    )
    return CalculatorPotential(calculator, info, prepare=_set_charge)


def _set_charge(atoms: Atoms, calculator: Calculator) -> None:
    """Charge and multiplicity where the calculator has parameters of these names, as ASE's do."""
    known = getattr(calculator, "default_parameters", {})
    wanted = {"charge": atoms.info["charge"], "multiplicity": atoms.info["spin"]}
    changes = {key: value for key, value in wanted.items() if key in known and value != known[key]}
    if changes:
        calculator.set(**changes)


def _versions(package: str) -> tuple[tuple[str, str], ...]:
    found = []
    for distribution in {"ase", *packages_distributions().get(package, [])}:
        try:
            found.append((distribution, version(distribution)))
        except PackageNotFoundError:
            continue
    return tuple(sorted(found))
