"""Load an ASE calculator by its import path, and measure what it does not say of itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

import torch

from bsct_zoo.errors import BadInputError
from bsct_zoo.models.identity import numeric_versions
from bsct_zoo.plugins.cards import ModelCard, OptionValue
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential, PotentialInfo
from bsct_zoo_ase.charges import ChargeSetter
from bsct_zoo_ase.files import imported
from bsct_zoo_ase.trial import tried


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    /,
    level_of_theory: str = "",
    licence: str = "",
    **arguments: OptionValue,
) -> Potential:
    """The calculator that ``card`` names, made with ``arguments``.

    ``device`` and ``dtype`` are passed on where it takes them and ``arguments`` do not say otherwise. Its precision,
    and whether charge and multiplicity enter its energy, are measured on two small frames.

    Raises:
        BadInputError: the import path or an argument is wrong, or it is no calculator.
    """
    try:
        factory = imported(card.name)
    except (ImportError, AttributeError) as error:
        raise BadInputError(f"cannot import {card.name}: {error}") from error
    taken = _parameters(factory)
    given: dict[str, Any] = {"device": device} if "device" in taken else {}
    for name in {"dtype", "default_dtype"} & taken.keys():
        given |= _precision(taken[name], dtype)
    given |= arguments
    try:
        calculator = factory(**given)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{card.name} refuses its arguments: {error}") from error
    if not hasattr(calculator, "get_potential_energy"):
        raise BadInputError(f"{card.name} makes a {type(calculator).__name__}, not an ASE calculator")
    info = PotentialInfo(
        elements=None,
        cutoff=None,
        dtype="float64",
        device=str(given.get("device", "cpu")),
        conservative=True,
        level_of_theory=level_of_theory or card.level_of_theory,
        licence=licence or card.licence,
        has_stress="stress" in getattr(calculator, "implemented_properties", []),
        versions=tuple(numeric_versions(card.packages).items()),
    )
    setter = ChargeSetter(factory, given, arguments)
    return tried(CalculatorPotential(calculator, info, prepare=setter), dtype if given.keys() & _PRECISION else None)


_PRECISION = {"dtype", "default_dtype"}


def _parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(factory).parameters)
    except (TypeError, ValueError):  # built-in callables have none
        return {}


def _precision(parameter: inspect.Parameter, dtype: str) -> dict[str, Any]:
    """``dtype`` as the parameter takes it: as a text or as torch's own; nothing where that cannot be told."""
    about = f"{parameter.annotation} {parameter.default!r}"
    if "torch." in about:
        return {parameter.name: getattr(torch, dtype)}
    return {parameter.name: dtype} if "str" in about or "float" in about else {}
