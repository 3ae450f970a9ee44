"""GFN-xTB energies and forces through tblite's own interface."""

from __future__ import annotations

import contextlib
from importlib.metadata import version
from typing import Literal

import numpy as np
import torch
from ase.units import Bohr, Hartree, kB
from tblite.exceptions import TBLiteRuntimeError
from tblite.interface import Calculator, Result

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements

_HOT = 6000.0  # K, what an annealed system starts from
_DAMPING = 0.1  # of the mixer, where tblite's own 0.4 does not converge
_LONGEST = 500  # iterations of a hard frame: tblite's mixer remembers all, 29 atoms cost 12 s here and 110 s at 1000
_LAST_ELEMENT = 86  # GFN1 and GFN2 are parametrised up to radon


class XtbPotential(Potential):
    """A GFN-xTB Hamiltonian; always float64 and on the CPU.

    A frame whose self-consistency does not converge is NaN in the prediction, never a number that stopped half-way.
    With ``fallback_scf`` it is started where the system before it in the batch ended, if that has the same atoms, and
    else from a hotter electron gas that is cooled. Neither changes the equations that are solved; where these have
    several solutions it may find another one.
    """

    def __init__(
        self,
        method: str,
        licence: str,
        electronic_temperature: float,
        accuracy: float,
        max_iterations: int,
        fallback_scf: bool = False,
    ) -> None:
        self.method, self.fallback_scf = method, fallback_scf
        self.settings = {
            "accuracy": accuracy,
            "temperature": electronic_temperature * kB / Hartree,
            "max-iter": max_iterations,
            "verbosity": 0,
        }
        level = method if electronic_temperature == 300.0 else f"{method} (Te={electronic_temperature:g} K)"
        self.info = PotentialInfo(
            elements=frozenset(range(1, _LAST_ELEMENT + 1)),
            cutoff=None,
            dtype="float64",
            device="cpu",
            conservative=True,
            level_of_theory=level,
            licence=licence,
            has_stress=True,
            versions=(("tblite", version("tblite")),),
            supports_charge_spin=True,
        )

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``; frames one after the other, each from a fresh guess unless ``fallback_scf``."""
        check_elements(batch, self.info.elements)
        periodic = bool(batch.pbc.any())
        energy = torch.full((batch.n_systems,), torch.nan, dtype=torch.float64)
        forces = torch.full((batch.n_atoms, 3), torch.nan, dtype=torch.float64)
        stress = torch.full((batch.n_systems, 3, 3), torch.nan, dtype=torch.float64)
        failures: dict[int, str] = {}
        start = 0
        before: tuple[AtomsBatch, Result] | None = None
        for index, system in enumerate(batch.split()):
            stop = start + system.n_atoms
            try:
                result = self._solve(system, before)
            except TBLiteRuntimeError as error:
                failures[index] = " ".join(str(error).split())
                start = stop
                continue
            before = system, result
            energy[index] = result["energy"] * Hartree
            forces[start:stop] = torch.from_numpy(-result["gradient"] * (Hartree / Bohr))
            if periodic and bool(system.pbc.all()):
                volume = float(torch.linalg.det(system.cell[0].double()).abs())
                stress[index] = torch.from_numpy(result["virial"] * (Hartree / volume))
            start = stop
        return Prediction(energy, forces, stress if periodic else None, failures)

    def _solve(self, system: AtomsBatch, before: tuple[AtomsBatch, Result] | None) -> Result:
        """The converged self-consistency of ``system``.

        Raises:
            TBLiteRuntimeError: it does not converge, or cannot be set up; says why.
        """
        if not self.fallback_scf:
            return self._calculator(system).singlepoint(copy=True)
        calculator = self._calculator(system)
        calculator.set("mixer-damping", _DAMPING)
        usual = self.settings["max-iter"]
        calculator.set("max-iter", min(10 * usual, max(usual, _LONGEST)))
        if before is not None and torch.equal(before[0].atomic_numbers, system.atomic_numbers):
            with contextlib.suppress(TBLiteRuntimeError):
                return calculator.singlepoint(before[1], copy=True)
        calculator.set("temperature", max(self.settings["temperature"], _HOT * kB / Hartree))
        hot = calculator.singlepoint(copy=True)
        calculator.set("temperature", self.settings["temperature"])
        return calculator.singlepoint(hot, copy=True)

    def _calculator(self, system: AtomsBatch) -> Calculator:
        lattice = periodic = None
        if bool(system.pbc.any()):
            lattice = system.cell[0].double().cpu().numpy() / Bohr
            periodic = system.pbc[0].cpu().numpy()
        calculator = Calculator(
            self.method,
            system.atomic_numbers.cpu().numpy(),
            np.ascontiguousarray(system.positions.double().cpu().numpy() / Bohr),
            charge=float(system.charge[0]),
            uhf=int(system.spin[0]) - 1,
            lattice=lattice,
            periodic=periodic,
            color=False,
        )
        for key, value in self.settings.items():
            calculator.set(key, value)
        return calculator


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    electronic_temperature: float = 300.0,
    accuracy: float = 1.0,
    max_iterations: int = 250,
    fallback_scf: bool = False,
) -> Potential:
    """The Hamiltonian of ``card``; ``device`` and ``dtype`` do not matter to it.

    Raises:
        BadInputError: a setting is out of range.
    """
    if electronic_temperature < 0 or accuracy <= 0 or max_iterations < 1:
        raise BadInputError("xtb wants electronic_temperature >= 0, accuracy > 0 and max_iterations >= 1")
    return XtbPotential(
        card.notes["method"], card.licence, electronic_temperature, accuracy, max_iterations, fallback_scf
    )
