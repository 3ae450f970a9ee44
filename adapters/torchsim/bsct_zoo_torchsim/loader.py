"""Make a TorchSim model from its import path."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any, Literal

import torch
from ase.data import atomic_numbers
from torch_sim.models.interface import ModelInterface

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard, OptionValue
from bsct_zoo.potentials.potential import Potential, PotentialInfo
from bsct_zoo.potentials.torchsim import HAS_EXTRAS, TorchSimPotential
from bsct_zoo_torchsim.trial import wrong_forces, wrong_lattice

_DTYPES = {"float32": torch.float32, "float64": torch.float64}
_NEWER = f"that is TorchSim {version('torch-sim-atomistic')}; run bsct-zoo in Python 3.12 or later, which gets 0.6"


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    level_of_theory: str = "",
    licence: str = "",
    elements: str = "",
    direct_forces: bool = False,
    periodic_only: bool = False,
    charges: bool = False,
    **arguments: OptionValue,
) -> Potential:
    """The model that ``card`` names, made with ``arguments``.

    ``device``, ``dtype``, ``compute_forces`` and ``compute_stress`` are passed on where it has parameters called so.
    A model whose images are wrong is kept for molecules and refuses crystals.

    Raises:
        BadInputError: the import path or an argument is wrong, it is no TorchSim model, it gives no forces, or its
            forces are not the gradient of its energy and not declared direct.
    """
    if charges and not HAS_EXTRAS:
        raise BadInputError("the TorchSim here has no place for charges; TorchSim 0.6 has (Python 3.12 or later)")
    factory = _imported(card.name)
    given: dict[str, Any] = {"device": torch.device(device), "dtype": _DTYPES[dtype]}
    given |= {"compute_forces": True, "compute_stress": True}
    try:
        known = inspect.signature(factory).parameters
        model = factory(**{name: value for name, value in given.items() if name in known} | arguments)
    except (TypeError, ValueError, AttributeError, OSError) as error:
        raise BadInputError(f"{card.name} refuses its arguments: {' '.join(str(error).split())}") from error
    if not isinstance(model, ModelInterface):
        raise BadInputError(f"{card.name} makes a {type(model).__name__}, not a TorchSim ModelInterface")
    if not model.compute_forces:
        raise BadInputError(f"{card.name} gives no forces as it was made; make it with compute_forces=true")
    cutoff = getattr(model, "cutoff", None)
    info = PotentialInfo(
        elements=_elements(elements),
        cutoff=float(cutoff) if isinstance(cutoff, int | float | torch.Tensor) else None,
        dtype=_name(model.dtype),
        device=str(model.device),
        conservative=not direct_forces,
        level_of_theory=level_of_theory or card.level_of_theory,
        licence=licence or card.licence,
        has_stress=bool(model.compute_stress),
        cost="atoms" if model.memory_scales_with == "n_atoms" or cutoff is None else "edges",
        versions=_versions(card.name.partition(".")[0].partition(":")[0]),
        periodic_only=periodic_only,
        supports_charge_spin=charges,
    )
    potential = TorchSimPotential(model, info)
    wrong = "" if direct_forces else wrong_forces(potential)
    if wrong:
        raise BadInputError(f"{card.name} is refused: {wrong}; {_mend(card.name)}")
    wrong = wrong_lattice(potential)
    if not wrong:
        return potential
    mend = "give it molecules alone" if HAS_EXTRAS or not _of_torchsim(card.name) else _NEWER
    info = replace(info, has_stress=False)
    return TorchSimPotential(model, info, refuses_crystals=f"{card.name} takes no crystals: {wrong}; {mend}")


def _mend(path: str) -> str:
    if _of_torchsim(path):
        return _NEWER if not HAS_EXTRAS else "take another version of torch-sim-atomistic"
    return "mend the model, or, if its forces are predicted directly, say so with @direct_forces=true"


def _of_torchsim(path: str) -> bool:
    return path.partition(".")[0] == "torch_sim"


def _imported(path: str) -> Callable[..., Any]:
    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise BadInputError(
            f"cannot import {path}: {error}; its package must be installed beside TorchSim "
            '(uv pip install --python "$(bsct-zoo env path torchsim)"/build-*/venv PACKAGE)'
        ) from error
    if not callable(found) or inspect.isabstract(found):
        raise BadInputError(f"{path} is no model class or factory")
    return found


def _elements(text: str) -> frozenset[int] | None:
    symbols = [symbol for symbol in re.split(r"[^A-Za-z]+", text) if symbol]
    unknown = [symbol for symbol in symbols if atomic_numbers.get(symbol, 0) < 1]
    if unknown:
        raise BadInputError(f"elements={text}: '{unknown[0]}' is not a chemical symbol; write elements=H+C+O")
    return frozenset(atomic_numbers[symbol] for symbol in symbols) or None


def _name(dtype: torch.dtype) -> Literal["float32", "float64"]:
    """Raise: a precision that bsct-zoo has no name for."""
    for name, known in _DTYPES.items():
        if dtype == known:
            return "float32" if name == "float32" else "float64"
    raise BadInputError(f"the model computes in {dtype}; bsct-zoo takes float32 and float64")


def _versions(package: str) -> tuple[tuple[str, str], ...]:
    found = []
    for distribution in {"torch-sim-atomistic", "torch", *packages_distributions().get(package, [])}:
        try:
            found.append((distribution, version(distribution)))
        except PackageNotFoundError:
            continue
    return tuple(sorted(found))
