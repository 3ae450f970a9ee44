"""Calculators with the habits of published ones, around a harmonic pair energy whose derivatives are known."""

# ruff: noqa: RUF012 (as ASE has them)

import numpy as np
import torch
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes

DEVICES = []


class Spring(Calculator):
    """Energy Σ (d - 1)²/2 over pairs; ``shape`` says what kind of number it is."""

    implemented_properties = ["energy", "forces"]

    def __init__(self, shape="float", device="auto", dtype="float64"):
        super().__init__()
        self.shape, self.dtype = shape, dtype
        DEVICES.append(device)

    def pair(self, atoms):
        vectors = atoms.positions[:, None] - atoms.positions[None]
        lengths = np.linalg.norm(vectors, axis=2) + np.eye(len(atoms))
        energy = ((lengths - 1) ** 2).sum() / 4
        return energy, -((lengths - 1) / lengths)[:, :, None] * vectors

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        energy, forces = self.pair(self.atoms)
        shapes = {
            "float": float,
            "one": lambda e: np.array([e]),
            "nothing": np.array,
            "float32": np.float32,
            "tensor": lambda e: torch.tensor(e, dtype=torch.float64, requires_grad=True),
            "two": lambda e: np.array([e, e]),
        }
        self.results = {"energy": shapes[self.shape](energy), "forces": forces.sum(1).astype(self.dtype)}


class Entropic(Spring):
    """Has the energy extrapolated to zero temperature beside the one that its forces are the gradient of."""

    implemented_properties = ["energy", "free_energy", "forces"]

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        energy = self.results["energy"]
        self.results |= {"free_energy": energy, "energy": energy + 0.3 * np.sin(10 * energy)}


class Choosy(Spring):
    """Has a reason of its own against one frame, and no stress although it says so."""

    implemented_properties = ["energy", "forces", "stress"]

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if 9 in atoms.numbers:
            raise ValueError("fluorine is not to my taste")

    def get_stress(self, atoms=None):
        raise PropertyNotImplementedError("stress")


class ByArgument(Spring):
    """Takes charge and multiplicity when it is made."""

    def __init__(self, charge=0, mult=1):
        super().__init__()
        self.charge, self.mult = charge, mult

    def pair(self, atoms):
        energy, forces = super().pair(atoms)
        return energy + 0.5 * self.charge + 0.25 * (self.mult - 1), forces


class ByMethod(ByArgument):
    """Is told charge and multiplicity."""

    def __init__(self):
        super().__init__()

    def set_charge(self, charge):
        self.charge = charge

    def set_mult(self, mult):
        self.mult = mult


class ByParameters(Spring):
    """Has them as ASE's parameters, with the number of unpaired electrons."""

    default_parameters = {"charge": 0, "uhf": 0}

    def pair(self, atoms):
        energy, forces = super().pair(atoms)
        return energy + 0.5 * self.parameters.charge + 0.25 * self.parameters.uhf, forces


class ByInfo(Spring):
    """Reads them from the frame."""

    def pair(self, atoms):
        energy, forces = super().pair(atoms)
        return energy + 0.5 * atoms.info["charge"] + 0.25 * (atoms.info["spin"] - 1), forces


class Deaf(Spring):
    """Takes a charge, and ignores it."""

    default_parameters = {"charge": 0}

    def __init__(self, charge=0):
        super().__init__()
