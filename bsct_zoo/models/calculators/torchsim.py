"""The TorchSim model that a card names beside its calculator: used where it can be imported and says the same."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.models.calculators.make import Maker, downloads_in, environment, parameters, told
from bsct_zoo.models.calculators.trial import frames
from bsct_zoo.plugins.cards import CalculatorSpec
from bsct_zoo.potentials.potential import Potential

_CLOSE = {"float32": 1e-4, "float64": 1e-6}  # of the largest force and of the energy


def batched(
    spec: CalculatorSpec, device: str, dtype: str, weights: Path | None, file: Path | None, one_by_one: Potential
) -> Potential | None:
    """The TorchSim model of ``spec``, if it agrees with the calculator on small frames; None if it does not.

    Why it does not is told on standard error, which is the log of a worker.
    """
    own = replace(spec, path=spec.torchsim, arguments=spec.torchsim_arguments, method="")
    try:
        from torch_sim.models.interface import ModelInterface

        from bsct_zoo.potentials.torchsim import TorchSimPotential

        with downloads_in(weights, online=False) if weights else contextlib.nullcontext():
            maker = Maker(own, device, dtype, weights, {}, file)
            given: dict[str, Any] = {
                name: True for name in ("compute_forces", "compute_stress") if name in parameters(maker.factory)
            }
            for name, value in (("device", torch.device(device)), ("dtype", getattr(torch, dtype))):
                if name in maker.given and name not in maker.fixed:
                    given[name] = value
            with environment(spec.variables), told(spec.torchsim):
                model = maker.factory(**{**maker.given, **given})
        if not isinstance(model, ModelInterface):
            raise BadInputError(f"{spec.torchsim} makes a {type(model).__name__}, not a TorchSim ModelInterface")
        info = replace(
            one_by_one.info,
            dtype="float64" if model.dtype == torch.float64 else "float32",
            has_stress=bool(model.compute_stress),
            supports_charge_spin=False,
        )
        potential = TorchSimPotential(model, info)
        problem = "it ignores charge and spin" if one_by_one.info.supports_charge_spin else ""
        problem = problem or _difference(potential, one_by_one)
    except Exception as error:  # a stranger's model; the calculator stands
        problem = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if problem:
        print(f"{spec.torchsim} is not used: {problem}", file=sys.stderr)
        return None
    return potential


def _difference(potential: Potential, other: Potential) -> str:
    """By how much answers differ; empty if they do not, or neither has one."""
    close = max(_CLOSE[potential.info.dtype], _CLOSE[other.info.dtype])
    compared = 0
    for atoms in frames(other.info):
        batch = AtomsBatch.from_atoms(atoms)
        expected = other.compute(batch)
        if not bool(expected.energy.isfinite().all()):
            continue
        found = potential.compute(batch)
        energy = float((found.energy - expected.energy).abs())
        force = float((found.forces.double() - expected.forces.double()).abs().max())
        compared += 1
        if energy > close * (1 + float(expected.energy.abs())) or force > close * (
            1 + float(expected.forces.abs().max())
        ):
            return f"{atoms.get_chemical_formula()}: energies differ by {energy:.2g} eV, forces by {force:.2g} eV/Å"
    return "" if compared else "there is no frame to compare with the calculator"
