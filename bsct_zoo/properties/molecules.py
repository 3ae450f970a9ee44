"""Properties of molecules by one potential: each property of all molecules is one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols, ground_state_magnetic_moments
from numpy.typing import NDArray

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.constraints import free_coordinates
from bsct_zoo.atoms.copies import moved
from bsct_zoo.dynamics.fire import relax
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.isolation import IsolatedPotential, because, isolated_answers
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.properties import topology
from bsct_zoo.properties.measured import Draft, Measured, PropertySettings
from bsct_zoo.properties.systems import System
from bsct_zoo.properties.torsion import relaxed_energies
from bsct_zoo.properties.vibrations import displaced, hessian_from_forces, vibrations

_TORSION_FORCE = 0.01  # eV/Å: an energy is off by the square of what is left, far below 1 meV


def measure_molecules(
    potential: Potential,
    systems: Sequence[System],
    settings: PropertySettings,
    batcher: Batcher,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Measured]:
    """``settings.what`` of each molecule; a relaxation comes first and the rest starts from the model's own minimum."""
    if not systems:
        return []
    drafts = [Draft(system.name, "molecule") for system in systems]
    tell("relaxing")
    positions = _relaxed(potential, systems, drafts, settings, batcher)
    at_minimum = [n for n, draft in enumerate(drafts) if "relax" not in draft.problems]
    rest = [wanted for wanted in ("frequencies", "barrier") if wanted in settings.what]
    for n in set(range(len(systems))) - set(at_minimum):
        drafts[n].problems |= dict.fromkeys(rest, "not measured, since the relaxation failed")
    starts = {n: moved(systems[n].atoms, positions[n]) for n in at_minimum}
    if "frequencies" in settings.what:
        tell("frequencies")
        _frequencies(starts, drafts, settings, batcher)
    if "barrier" in settings.what:
        tell("barriers")
        _barriers(potential, systems, starts, drafts, settings, batcher)
    if "atomisation" in settings.what:
        tell("atoms")
        _atomisation(potential, starts, drafts, batcher)
    return [draft.done() for draft in drafts]


def _relaxed(
    potential: Potential,
    systems: Sequence[System],
    drafts: Sequence[Draft],
    settings: PropertySettings,
    batcher: Batcher,
) -> list[NDArray[np.float64]]:
    """Positions of all minima; a molecule that does not come to one has its problem noted."""
    alone = IsolatedPotential(potential, int(batcher.limit))
    start = AtomsBatch.from_atoms([system.atoms for system in systems])
    first = isolated_answers(batcher, start.split())
    free = torch.tensor(np.concatenate([free_coordinates(system.atoms) for system in systems]), dtype=torch.float64)
    found = relax(alone, start, free, max_force=settings.max_force, max_steps=settings.max_steps)
    ends = []
    forces = found.forces.norm(dim=1).split(found.batch.atoms_per_system.tolist())
    for n, (system, draft, batch) in enumerate(zip(systems, drafts, found.batch.split(), strict=True)):
        x, numbers = batch.positions.numpy(), system.atoms.numbers
        ends.append(x)
        left, steps = float(forces[n].max()), int(found.steps[n])
        if not np.isfinite(first.energy[n]):
            draft.problems["relax"] = first.failures.get(n, "the model has no answer for the structure")
            continue
        if not found.converged[n]:
            lost = steps < settings.max_steps
            draft.problems["relax"] = (
                f"the relaxation ended after {steps} steps at a structure that the model has no answer for"
                + because(found.failures, [n])
                if lost
                else f"not relaxed after {steps} steps: {left:.2g} eV/Å are left of {settings.max_force:g} asked for"
            )
            continue
        pairs = topology.bonds(numbers, system.atoms.positions)
        draft.keep(
            positions=x,
            masses=system.atoms.get_masses(),
            numbers=numbers,
            bonds=pairs,
            angles=topology.angles(pairs),
            energy=float(found.energy[n]),
            force=left,
            steps=steps,
        )
        changed = topology.bonds(numbers, x)
        if {tuple(p) for p in changed.tolist()} != {tuple(p) for p in pairs.tolist()}:
            draft.notes.append("bonds broke or formed in the relaxation")
    return ends


def _frequencies(
    starts: dict[int, Atoms], drafts: Sequence[Draft], settings: PropertySettings, batcher: Batcher
) -> None:
    free = {n: free_coordinates(atoms) if atoms.constraints else None for n, atoms in starts.items()}
    frames = {
        n: [moved(atoms, x) for x in displaced(atoms.positions, settings.step, free[n])] for n, atoms in starts.items()
    }
    found = isolated_answers(batcher, [AtomsBatch.from_atoms(atoms) for group in frames.values() for atoms in group])
    place = 0
    for n, atoms in starts.items():
        places, place = range(place, place + len(frames[n])), place + len(frames[n])
        forces = np.array([found.forces[k] for k in places])
        if not np.isfinite(forces).all():
            why = because(found.failures, places)
            drafts[n].problems["frequencies"] = f"the model has no answer for a displaced structure{why}"
            continue
        hessian = hessian_from_forces(forces, settings.step, free[n])
        result = vibrations(hessian, atoms.positions, atoms.get_masses(), free[n])
        drafts[n].keep(frequencies=result.frequencies, modes=result.modes, rigid=result.rigid)


def _barriers(
    potential: Potential,
    systems: Sequence[System],
    starts: dict[int, Atoms],
    drafts: Sequence[Draft],
    settings: PropertySettings,
    batcher: Batcher,
) -> None:
    """Every rotor of every molecule at every angle, relaxed as one batch."""
    turns = np.arange(settings.turns) * 2 * np.pi / settings.turns
    frames, atoms, targets, owner = [], [], [], []
    for n, start in starts.items():
        if start.constraints:
            drafts[n].problems["barrier"] = "not measured under constraints, which turning a group would break"
            continue
        found = topology.rotors(systems[n].atoms.numbers, systems[n].atoms.positions)
        for rotor in found:
            frames += [AtomsBatch.from_atoms(moved(start, topology.turned(start.positions, rotor, t))) for t in turns]
            now = start.get_dihedral(*rotor.atoms) * np.pi / 180
            atoms += [rotor.atoms] * len(turns)
            targets += [now + turn for turn in turns]
            owner.append((n, rotor.atoms))
    if not frames:
        return
    energies, failures = relaxed_energies(
        IsolatedPotential(potential, int(batcher.limit)),
        frames,
        np.array(atoms),
        np.array(targets),
        max_force=max(_TORSION_FORCE, settings.max_force),
        max_steps=settings.max_steps,
    )
    energies = energies.reshape(len(owner), len(turns))
    for n in starts:
        if "barrier" in drafts[n].problems:
            continue
        mine = [place for place, (whose, _) in enumerate(owner) if whose == n]
        bad = [place for place in mine if not np.isfinite(energies[place]).all()]
        for place in bad:
            missing = int((~np.isfinite(energies[place])).sum())
            name = topology.label(starts[n].numbers, owner[place][1][1:3])
            why = because(failures, range(place * len(turns), (place + 1) * len(turns)))
            drafts[n].problems["barrier"] = f"{missing} of {len(turns)} turns about {name} did not relax{why}"
        good = [place for place in mine if place not in bad]
        if good:
            drafts[n].keep(rotors=[owner[place][1] for place in good], torsions=energies[good])


def free_atom(z: int) -> Atoms:
    """A single atom of atomic number ``z``, with the multiplicity of its ground state by Hund's rule."""
    return Atoms([z], positions=[[0.0, 0.0, 0.0]], info={"spin": 1 + round(float(ground_state_magnetic_moments[z]))})


def _atomisation(potential: Potential, starts: dict[int, Atoms], drafts: Sequence[Draft], batcher: Batcher) -> None:
    elements = sorted({int(z) for atoms in starts.values() for z in atoms.numbers})
    found = isolated_answers(batcher, [AtomsBatch.from_atoms(free_atom(z)) for z in elements])
    energy = dict(zip(elements, found.energy, strict=True))
    for n, atoms in starts.items():
        total = sum(energy[int(z)] for z in atoms.numbers)
        missing = sorted({int(z) for z in atoms.numbers if not np.isfinite(energy[int(z)])})
        if missing:
            names = ", ".join(chemical_symbols[z] for z in missing)
            why = because(found.failures, [elements.index(z) for z in missing])
            drafts[n].problems["atomisation"] = f"the model has no answer for single atoms of {names}{why}"
            continue
        drafts[n].keep(atomisation=total - float(drafts[n].arrays["energy"]))
        if not potential.info.supports_charge_spin:
            drafts[n].notes.append(
                "the model ignores spin, so energies of single atoms and of atomisation are unreliable"
            )
