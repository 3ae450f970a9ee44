"""Tell an ASE calculator charge and multiplicity, in every way in which calculators take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ase import Atoms

from bsct_zoo.models.calculators.make import Maker, parameters

CHARGE = ("charge", "total_charge")
MULTIPLICITY = ("multiplicity", "mult", "spin_multiplicity")
UNPAIRED = ("uhf", "nopen", "n_unpaired")
SPIN = "spin"  # 2S+1 where a closed shell is 1, else 2S


class ChargeSetter:
    """Prepares a calculator for the charge and multiplicity that stand in ``atoms.info``.

    It goes by parameters of ``Calculator.set``, by methods ``set_charge`` and ``set_mult``, and by arguments of the
    calculator's maker, which is then called once for each pair of them. Initial charges and moments of the atoms sum to
    the same. Arguments that the user gave stay as they are.
    """

    def __init__(self, maker: Maker) -> None:
        """``maker`` made the calculator."""
        self.maker = maker
        self._made: dict[tuple[int, int], Any] = {}

    def __call__(self, atoms: Atoms, calculator: Any) -> Any:
        """The calculator for ``atoms``: the one given, or another of the same kind."""
        charge, multiplicity = int(atoms.info["charge"]), int(atoms.info["spin"])
        if charge:
            atoms.set_initial_charges(np.full(len(atoms), charge / len(atoms)))
        if multiplicity != 1:
            atoms.set_initial_magnetic_moments(np.full(len(atoms), (multiplicity - 1) / len(atoms)))
        known = dict(getattr(calculator, "default_parameters", None) or {})
        wanted = self._wanted(known, charge, multiplicity)
        if wanted:
            current = getattr(calculator, "parameters", {})
            changes = {name: value for name, value in wanted.items() if current.get(name, known[name]) != value}
            if changes:
                calculator.set(**changes)
            return calculator
        methods = {"set_charge": charge, "set_mult": multiplicity, "set_multiplicity": multiplicity}
        found = [name for name in methods if callable(getattr(calculator, name, None))]
        for name in found:
            getattr(calculator, name)(methods[name])
        return calculator if found else self._remade(calculator, charge, multiplicity)

    def _remade(self, calculator: Any, charge: int, multiplicity: int) -> Any:
        """One made for this charge and multiplicity, where its maker takes them."""
        taken = {name: parameter.default for name, parameter in parameters(self.maker.factory).items()}
        wanted = self._wanted(taken, charge, multiplicity)
        if not wanted or (charge, multiplicity) == (0, 1):
            return calculator
        if (charge, multiplicity) not in self._made:
            self._made[charge, multiplicity] = self.maker.calculator(**wanted)
        return self._made[charge, multiplicity]

    def _wanted(self, known: Mapping[str, Any], charge: int, multiplicity: int) -> dict[str, int]:
        """Values of those parameters among ``known`` (with their defaults) that the user did not choose."""
        values = dict.fromkeys(CHARGE, charge) | dict.fromkeys(MULTIPLICITY, multiplicity)
        values |= dict.fromkeys(UNPAIRED, multiplicity - 1)
        values[SPIN] = multiplicity - 1 if known.get(SPIN) == 0 else multiplicity
        return {name: value for name, value in values.items() if name in known and name not in self.maker.fixed}
