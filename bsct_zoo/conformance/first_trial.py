"""What a new model says of one molecule: energy, forces against differences of the energy, precision, charge, time."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule
from ase.data import chemical_symbols

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.conformance.gradients import force_components
from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.potential import Potential

_MOLECULES = ("CH3CH2OH", "H2O", "N2", "HCl", "Si2H6", "NaCl")
# Errors of forces that are differences of another kind than rounding: eV/Å, and of the largest component.
_ABSOLUTE, _RELATIVE = 0.02, 0.02


@dataclass(frozen=True)
class FirstTrial:
    """The answers of a model for one frame.

    Attributes:
        system: its formula.
        periodic: whether that was a crystal, because no molecule had an answer.
        energy: eV.
        max_force: the largest component, eV/Å.
        deviation: the largest difference between a force and minus the gradient of the energy, eV/Å.
        doubt: error of these differences, eV/Å.
        charge: whether charge and multiplicity change the energy.
        dtype: the precision that it computes in.
        seconds: of one answer.
    """

    system: str
    periodic: bool
    energy: float
    max_force: float
    deviation: float
    doubt: float
    charge: bool
    dtype: str
    seconds: float

    @property
    def conservative(self) -> bool:
        """Whether the forces are minus the gradient of the energy."""
        return self.deviation <= _ABSOLUTE + _RELATIVE * self.max_force + self.doubt


def try_model(potential: Potential) -> FirstTrial:
    """The answers of ``potential`` for the first small frame of elements that it knows.

    Raises:
        ModelError: it has none for any; with its own reason for the first.
    """
    reason = ""
    for atoms in _frames(potential.info.elements):
        batch = AtomsBatch.from_atoms(atoms)
        try:
            potential.compute(batch)  # the first call may compile
            started = perf_counter()
            answer = potential.compute(batch)
            seconds = perf_counter() - started
            energy = float(answer.energy[0])
            if not np.isfinite(energy):
                raise ModelError(answer.failures.get(0, "no finite energy"))
            actual, expected, doubt = force_components(potential, atoms)
        except ModelError as error:
            reason = reason or f"{atoms.get_chemical_formula()}: {error}"
            continue
        return FirstTrial(
            atoms.get_chemical_formula(),
            bool(atoms.pbc.any()),
            energy,
            float(answer.forces.abs().max()),
            float(np.abs(actual - expected).max()),
            doubt,
            potential.info.supports_charge_spin,
            potential.info.dtype,
            seconds,
        )
    raise ModelError(f"it has no answer for any small molecule or crystal ({reason})")


def _frames(elements: frozenset[int] | None) -> list[Atoms]:
    frames = [molecule(name) for name in _MOLECULES] + [bulk("Cu").repeat((2, 1, 1)), bulk("Si")]
    if elements is not None:
        frames = [atoms for atoms in frames if elements.issuperset(atoms.numbers)]
        symbols = [chemical_symbols[number] for number in sorted(elements)[:3]]
        frames += [Atoms([symbol] * 2, [[0, 0, 0], [0, 0, 2.2]]) for symbol in symbols]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.05, seed=seed)
    return frames
