"""Properties of crystals by one potential: each step of all crystals is one batch.

The shape of the cell is kept: its volume is varied, and atoms relax within it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.copies import deformed, moved
from bsct_zoo.dynamics.fire import relax
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.isolation import IsolatedPotential, because, isolated_answers
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.properties import elastic
from bsct_zoo.properties.eos import EquationOfState, fit_birch_murnaghan
from bsct_zoo.properties.measured import Draft, Measured, PropertySettings
from bsct_zoo.properties.symmetry import is_cubic
from bsct_zoo.properties.systems import System

_WIDE = np.linspace(0.84, 1.16, 17)  # lengths relative to the start, where the minimum is looked for
_NARROW = np.linspace(0.98, 1.02, 9)  # lengths relative to the minimum, for the fit
_ROUNDS = 4  # of the fit, until the minimum is in the middle of its points
_CENTRED = 0.005  # by how much of a length the minimum may be off the middle
_ENERGY_STRAIN = 0.01  # larger than for stress: second differences of energies lose digits
_SHAPE_STRESS = 0.1  # GPa of shear or anisotropy that is worth saying
_BULK_MODULI = 0.05  # by how much the bulk moduli of energy and of strain may differ unsaid


def measure_crystals(
    potential: Potential,
    systems: Sequence[System],
    settings: PropertySettings,
    batcher: Batcher,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Measured]:
    """``settings.what`` of each crystal; the equation of state comes first and gives the cell of all the rest."""
    if not systems:
        return []
    drafts = [Draft(system.name, "crystal") for system in systems]
    tell("equations of state")
    minima = _equations_of_state(potential, systems, drafts, settings, batcher)
    rest = [wanted for wanted in ("elastic", "phonons") if wanted in settings.what]
    for n in set(range(len(systems))) - set(minima):
        drafts[n].problems |= dict.fromkeys(rest, "not measured, since the equation of state has no minimum")
    if "elastic" in settings.what:
        tell("elastic constants")
        _elastic(potential, minima, drafts, settings, batcher)
    if "phonons" in settings.what:
        from bsct_zoo.properties.phonons import measure_phonons

        tell("phonons")
        multiples = {n: supercell(systems[n].atoms, settings.supercell) for n in minima}
        measure_phonons(minima, multiples, drafts, settings.step, batcher)
    return [draft.done() for draft in drafts]


def scaled(atoms: Atoms, length: float) -> Atoms:
    """``atoms`` with all lengths times ``length``."""
    return deformed(atoms, length * np.eye(3))


def supercell(atoms: Atoms, width: float) -> tuple[int, int, int]:
    """How often the cell is repeated so that opposite faces are ``width`` Å apart or more."""
    heights = 1 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    a, b, c = (max(1, int(np.ceil(width / height - 1e-9))) for height in heights)
    return a, b, c


def _equations_of_state(
    potential: Potential,
    systems: Sequence[System],
    drafts: Sequence[Draft],
    settings: PropertySettings,
    batcher: Batcher,
) -> dict[int, Atoms]:
    """Crystals at their minima, by number."""
    centre = _searched(systems, drafts, batcher)
    fits: dict[int, EquationOfState] = {}
    open_ones = set(centre)
    for _ in range(_ROUNDS):
        if not open_ones:
            break
        cells = {n: [scaled(systems[n].atoms, centre[n] * s) for s in _NARROW] for n in sorted(open_ones)}
        found = _relaxed(potential, cells, drafts, "eos", settings, batcher)
        open_ones = set()
        for n, states in found.items():
            volumes = [atoms.cell.volume for atoms, _ in states]
            try:
                fits[n] = fit_birch_murnaghan(volumes, [energy for _, energy in states])
            except ValueError:
                at = int(np.argmin([energy for _, energy in states]))
                fits.pop(n, None)
                centre[n] *= float(_NARROW[at])
                open_ones.add(n)
                continue
            middle = (fits[n].volume / systems[n].atoms.cell.volume) ** (1 / 3)
            if abs(middle / centre[n] - 1) > _CENTRED:
                open_ones.add(n)
            centre[n] = middle
    for n in set(centre) - set(fits):
        drafts[n].problems.setdefault("eos", "the energy has no minimum near its lowest point: it is not smooth there")
    minima = {n: scaled(systems[n].atoms, centre[n]) for n in sorted(fits) if "eos" not in drafts[n].problems}
    found = _relaxed(potential, {n: [atoms] for n, atoms in minima.items()}, drafts, "eos", settings, batcher)
    for n, states in found.items():
        drafts[n].keep(
            volume=fits[n].volume / len(systems[n].atoms),
            bulk_modulus=fits[n].bulk_modulus / units.GPa,
            bulk_derivative=fits[n].derivative,
        )
        edge = systems[n].edge
        if edge is not None:
            drafts[n].keep(lattice_constant=(edge * fits[n].volume) ** (1 / 3))
        minima[n] = states[0][0]
    return {n: minima[n] for n in found}


def _searched(systems: Sequence[System], drafts: Sequence[Draft], batcher: Batcher) -> dict[int, float]:
    """Length relative to the start at which each crystal's energy is lowest, atoms not relaxed."""
    frames = [AtomsBatch.from_atoms(scaled(system.atoms, s)) for system in systems for s in _WIDE]
    found = isolated_answers(batcher, frames)
    centre = {}
    for n, energy in enumerate(found.energy.reshape(len(systems), len(_WIDE))):
        if not np.isfinite(energy).any():
            place = n * len(_WIDE)
            drafts[n].problems["eos"] = found.failures.get(place, "the model has no answer for this crystal")
            continue
        low = _lowest_minimum(np.where(np.isfinite(energy), energy, np.inf))
        if low is None:
            ends = f"between {_WIDE[0]:g} and {_WIDE[-1]:g} times the starting lengths"
            why = because(found.failures, range(n * len(_WIDE), (n + 1) * len(_WIDE)))
            lacking = f"; the model has no answer for {int((~np.isfinite(energy)).sum())} of the lengths{why}"
            drafts[n].problems["eos"] = f"the energy has no minimum {ends}{lacking if why else ''}"
            continue
        centre[n] = float(_WIDE[low])
    return centre


def _lowest_minimum(energy: NDArray[np.float64]) -> int | None:
    """Index of the lowest point that lies below both its neighbours: neither a fall at the ends nor a plateau."""
    inner = [i for i in range(1, len(energy) - 1) if energy[i] <= energy[i - 1] and energy[i] < energy[i + 1]]
    inner = [i for i in inner if np.isfinite(energy[i - 1 : i + 2]).all()]
    return min(inner, key=lambda i: energy[i]) if inner else None


def _elastic(
    potential: Potential,
    minima: dict[int, Atoms],
    drafts: Sequence[Draft],
    settings: PropertySettings,
    batcher: Batcher,
) -> None:
    """From stress where the potential has it, else from energies; atoms relaxed under every strain."""
    if not minima:
        return
    at_rest = isolated_answers(batcher, [AtomsBatch.from_atoms(atoms) for atoms in minima.values()])
    by_stress = [n for place, n in enumerate(minima) if np.isfinite(at_rest.stress[place]).all()]
    for place, n in enumerate(minima):
        if n in by_stress:
            stress = at_rest.stress[place]
            off = np.abs(stress - np.trace(stress) / 3 * np.eye(3)).max() / units.GPa
            if off > _SHAPE_STRESS:
                left = f"{off:.2g} GPa of shear or anisotropic stress are left"
                drafts[n].notes.append(f"its shape is not at its minimum: {left}")
    by_energy = [n for n in minima if n not in by_stress]
    cells = {n: _strained(minima[n], elastic.stress_strains(settings.strain)) for n in by_stress}
    cells |= {n: _strained(minima[n], elastic.energy_strains(_ENERGY_STRAIN)) for n in by_energy}
    states = _relaxed(potential, cells, drafts, "elastic", settings, batcher)
    stressed = [n for n in by_stress if n in states]
    stress = isolated_answers(
        batcher, [AtomsBatch.from_atoms(atoms) for n in stressed for atoms, _ in states[n]]
    ).stress
    constants = {
        n: elastic.from_stress(part, settings.strain)
        for n, part in zip(stressed, stress.reshape(len(stressed), 12, 3, 3), strict=True)
    }
    for n in by_energy:
        if n in states:
            energies = [energy for _, energy in states[n]]
            constants[n] = elastic.from_energy(energies, minima[n].cell.volume, _ENERGY_STRAIN)
    for n, found in constants.items():
        if not np.isfinite(found).all():
            drafts[n].problems["elastic"] = "the model has no stress for a strained cell"
            continue
        atoms = minima[n]
        cubic = is_cubic(atoms.numbers, atoms.positions, atoms.cell.array)
        drafts[n].keep(elastic=found / units.GPa, cubic=float(cubic))
        _say_moduli(drafts[n])


def _say_moduli(draft: Draft) -> None:
    """Whether the constants make sense by themselves, and beside the equation of state."""
    if not elastic.stable(draft.arrays["elastic"]):
        draft.notes.append("elastic constants are unstable: some strain lowers the energy")
        return
    strained, squeezed = elastic.moduli(draft.arrays["elastic"]).bulk, float(draft.arrays["bulk_modulus"])
    if abs(strained - squeezed) > _BULK_MODULI * abs(squeezed) and draft.arrays["cubic"]:
        draft.notes.append(
            f"bulk moduli disagree: {squeezed:.3g} GPa from energies, {strained:.3g} GPa from elastic constants"
        )


def _strained(atoms: Atoms, strains: NDArray[np.float64]) -> list[Atoms]:
    return [deformed(atoms, np.eye(3) + elastic.strain_matrix(strain)) for strain in strains]


def _relaxed(
    potential: Potential,
    cells: dict[int, list[Atoms]],
    drafts: Sequence[Draft],
    what: str,
    settings: PropertySettings,
    batcher: Batcher,
) -> dict[int, list[tuple[Atoms, float]]]:
    """Structures and energies (eV) with atoms relaxed in fixed cells; crystals where one fails are left out."""
    flat = [atoms for group in cells.values() for atoms in group]
    if not flat:
        return {}
    alone = IsolatedPotential(potential, int(batcher.limit))
    found = relax(alone, AtomsBatch.from_atoms(flat), max_force=settings.max_force, max_steps=settings.max_steps)
    states: dict[int, list[tuple[Atoms, float]]] = {}
    ends = zip(flat, found.batch.split(), found.energy.tolist(), found.converged.tolist(), strict=True)
    place = 0
    for n, group in cells.items():
        own = list(islice(ends, len(group)))
        places, place = range(place, place + len(group)), place + len(group)
        if lost := sum(not converged for *_, converged in own):
            why = because(found.failures, places)
            drafts[n].problems[what] = f"atoms did not relax in {lost} of {len(group)} cells{why}"
        else:
            states[n] = [(moved(atoms, end.positions.numpy()), energy) for atoms, end, energy, _ in own]
    return states
