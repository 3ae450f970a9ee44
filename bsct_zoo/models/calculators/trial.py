"""What a calculator does not say of itself, measured: its precision, and whether a charge enters its energy."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.potentials.boxes import boxed
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import PotentialInfo, Prediction

_LEAST = 1e-6  # eV: a charge that changes less is ignored
_VISIBLE = 0.01  # eV: images that change less are there, to rounding and the skin of a neighbour list


def tried(potential: CalculatorPotential, asked: Literal["float32", "float64"] | None) -> CalculatorPotential:
    """``potential``, declaring what was measured on the first small frame that it has an answer for.

    Forces whose every component is a number of float32 were computed in it. Charge and multiplicity count as supported
    if the cation has another energy than the molecule; not if it is refused. Without an answer, ``asked`` is the
    precision, or else float64.
    """
    for atoms in frames(potential.info):
        answer = _answer(potential, atoms)
        if not bool(answer.energy.isfinite().all()):
            continue
        forces = answer.forces.numpy()
        single = bool(forces.any()) and np.array_equal(forces.astype(np.float32).astype(np.float64), forces)
        ion = atoms.copy()
        ion.info.update(charge=1, spin=2)
        moved = float((_answer(potential, ion).energy - answer.energy).abs())
        dtype: Literal["float32", "float64"] = "float32" if single else "float64"
        potential.info = replace(potential.info, dtype=dtype, supports_charge_spin=moved > _LEAST)
        potential.refuses_images = _blind_to_images(potential, atoms)
        if potential.refuses_images:
            potential.info = replace(potential.info, has_stress=False)
        return potential
    potential.info = replace(potential.info, dtype=asked or "float64")
    return potential


def _blind_to_images(potential: CalculatorPotential, atoms: Atoms) -> str:
    """By how much the energy changes as an atom moves by a vector of the lattice; empty if it does not."""
    one = Atoms(atoms.numbers, atoms.positions, cell=[7.0, 7.5, 8.0], pbc=True)
    other = one.copy()
    other.positions[0] += other.cell[0]
    before, after = (float(_answer(potential, each).energy) for each in (one, other))
    if not abs(after - before) > _VISIBLE + 1e-5 * abs(before):  # nor if it refuses such systems by itself
        return ""
    change = f"its energy changes by {after - before:.2g} eV as an atom moves by a cell vector"
    return f"the model ignores periodic images: {change}"


def _answer(potential: CalculatorPotential, atoms: Atoms) -> Prediction:
    batch = AtomsBatch.from_atoms(atoms)
    return potential.compute(boxed(batch, potential.info.cutoff)[0] if potential.info.periodic_only else batch)


def frames(info: PotentialInfo) -> list[Atoms]:
    """Small frames of elements that it knows, none at its equilibrium."""
    frames = [molecule("H2O"), Atoms("Ar2", [[0, 0, 0], [0, 0, 3.6]]), bulk("Cu").repeat((2, 1, 1)), bulk("Si")]
    if info.elements is not None:
        frames = [atoms for atoms in frames if info.elements.issuperset(atoms.numbers)]
        frames += [Atoms([number] * 2, [[0, 0, 0], [0, 0, 2.2]]) for number in sorted(info.elements)[:3]]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.05, seed=seed)
    return frames
