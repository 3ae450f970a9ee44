"""Energies and forces of molecules by the self-consistent field of PySCF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from ase.data import chemical_symbols
from ase.units import Bohr, Hartree
from pyscf import dft, gto, scf

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError, UnknownElementError
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction

_SHIFT = 0.3  # Hartree, by which empty orbitals are raised while a hard frame converges
_SMEARING = 0.02  # Hartree, of the occupation that a hard frame starts from


@dataclass(frozen=True)
class Settings:
    """A level of theory and how it is solved; see the adapter's options."""

    method: str
    basis: str
    grid: int
    conv_tol: float
    max_cycle: int
    density_fit: bool
    fallback_scf: bool


class PyscfPotential(Potential):
    """A self-consistent field; restricted for singlets, unrestricted for everything else.

    A frame that does not converge is NaN in the prediction. A system whose multiplicity its number of electrons does
    not allow, as where nobody said one of a radical, has the next higher.
    """

    def __init__(self, settings: Settings, level_of_theory: str, licence: str) -> None:
        self.settings = settings
        self.info = PotentialInfo(
            elements=None,
            cutoff=None,
            dtype="float64",
            device="cpu",
            conservative=True,
            level_of_theory=level_of_theory,
            licence=licence,
            versions=tuple((name, version(name)) for name in ("pyscf", "pyscf-dispersion")),
            supports_charge_spin=True,
        )

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``; frames one after the other, each from a fresh guess unless ``fallback_scf``.

        Raises:
            UnknownElementError: the basis has no functions for an element.
            ModelError: a system is periodic.
        """
        if bool(batch.pbc.any()):
            raise ModelError("pyscf computes molecules alone here, and a system is periodic")
        _refuse_foreign(batch, self.settings.basis)
        energy = torch.full((batch.n_systems,), torch.nan, dtype=torch.float64)
        forces = torch.full((batch.n_atoms, 3), torch.nan, dtype=torch.float64)
        failures: dict[int, str] = {}
        start = 0
        before: tuple[AtomsBatch, Any] | None = None
        for index, system in enumerate(batch.split()):
            stop = start + system.n_atoms
            field = self._solve(system, before)
            if field is None:
                failures[index] = self._unconverged
            else:
                gradient = field.nuc_grad_method()
                gradient.verbose = 0
                if self.settings.method != "hf":
                    gradient.grid_response = True
                energy[index] = field.e_tot * Hartree
                forces[start:stop] = torch.from_numpy(-np.asarray(gradient.kernel()) * (Hartree / Bohr))
                before = system, field.make_rdm1()
            start = stop
        return Prediction(energy, forces, failures=failures)

    @property
    def _unconverged(self) -> str:
        fallback = ", nor with fallback settings" if self.settings.fallback_scf else ""
        return f"SCF not converged in {self.settings.max_cycle} cycles{fallback}"

    def _solve(self, system: AtomsBatch, before: tuple[AtomsBatch, Any] | None) -> Any:
        """The converged field of ``system``; None if there is none."""
        if not self.settings.fallback_scf:
            field = self._field(system)
            field.kernel()
            return field if field.converged else None
        guess = None
        if before is not None and torch.equal(before[0].atomic_numbers, system.atomic_numbers):
            guess = before[1]
        for density in self._densities(system, guess):
            field = self._field(system)
            field.max_cycle *= 3
            field.kernel(dm0=density)
            if not field.converged:
                field = field.newton()
                field.verbose = 0
                field.kernel(dm0=density)
            if field.converged:
                return field.undo_newton() if hasattr(field, "undo_newton") else field
        return None

    def _densities(self, system: AtomsBatch, guess: Any) -> Iterator[Any]:
        """Densities to start a hard frame from: its neighbour's, one with empty orbitals raised, a smeared one."""
        if guess is not None:
            yield guess
        shifted = self._field(system)
        shifted.level_shift = _SHIFT
        shifted.max_cycle *= 3
        shifted.kernel(dm0=guess)
        yield shifted.make_rdm1()
        smeared = scf.addons.smearing_(self._field(system), sigma=_SMEARING, method="fermi")
        smeared.kernel(dm0=guess)
        yield smeared.make_rdm1()

    def _field(self, system: AtomsBatch) -> Any:
        settings = self.settings
        positions = system.positions.double().cpu().numpy()
        numbers = system.atomic_numbers.tolist()
        charge = int(system.charge[0])
        unpaired = int(system.spin[0]) - 1
        unpaired += (sum(numbers) - charge - unpaired) % 2
        molecule = gto.M(
            atom=[(chemical_symbols[z], x) for z, x in zip(numbers, positions, strict=True)],
            unit="Angstrom",
            basis=settings.basis,
            ecp=_core(settings.basis, numbers),
            charge=charge,
            spin=unpaired,
            verbose=0,
        )
        if settings.method == "hf":
            field = scf.UHF(molecule) if unpaired else scf.RHF(molecule)
        else:
            field = (dft.UKS if unpaired else dft.RKS)(molecule, xc=settings.method)
            field.grids.level = settings.grid
        field.conv_tol, field.max_cycle = settings.conv_tol, settings.max_cycle
        return field.density_fit() if settings.density_fit else field


def _refuse_foreign(batch: AtomsBatch, basis: str) -> None:
    """Raise for elements that ``basis`` has no functions for.

    Raises:
        UnknownElementError: naming them.
    """
    foreign = []
    for symbol in sorted({chemical_symbols[z] for z in batch.atomic_numbers.tolist()}):
        try:
            gto.basis.load(basis, symbol)
        except Exception:  # it raises several kinds, by version
            foreign.append(symbol)
    if foreign:
        raise UnknownElementError(f"the basis {basis} has no functions for {', '.join(foreign)}")


def _core(basis: str, numbers: list[int]) -> dict[str, str]:
    """Effective core potentials that a def2 basis is made for: from rubidium on."""
    if not basis.lower().startswith("def2"):
        return {}
    return {chemical_symbols[z]: basis for z in set(numbers) if z > 36}
