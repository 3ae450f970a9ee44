"""The checks of molecular dynamics: what distinguishes them is their start, their step and what they report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from ase import Atoms, units

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.constraints import free_coordinates
from bsct_zoo.dynamics.figures import run_of
from bsct_zoo.dynamics.fire import relax
from bsct_zoo.dynamics.langevin import langevin_init, langevin_step
from bsct_zoo.dynamics.nve import free_of, nve_init, nve_step
from bsct_zoo.dynamics.session import Session
from bsct_zoo.dynamics.simulate import simulate
from bsct_zoo.dynamics.state import MDState
from bsct_zoo.dynamics.trace import Trace
from bsct_zoo.dynamics.velocities import bath_dof, internal_dof
from bsct_zoo.errors import UnknownElementError
from bsct_zoo.plugins.checks import HEAT, NVE, NVT, Check, CheckRun, CheckSettings
from bsct_zoo.potentials.isolation import IsolatedPotential
from bsct_zoo.potentials.potential import Potential, check_elements

# Forces of a relaxed start, eV/Å: what is left of them is far below the thermal energy of a start at 300 K.
_RELAXED, _RELAXATION_STEPS = 0.05, 300


def check_nve(
    potential: Potential, systems: Sequence[Atoms], settings: CheckSettings, session: Session | None = None
) -> list[CheckRun]:
    """Energy conservation: velocity Verlet for ``settings.time_ps`` from ``settings.temperature``."""

    def step(model: Potential, state: MDState) -> MDState:
        return nve_step(model, state, settings.dt_fs * units.fs)

    dof = [internal_dof(atoms) for atoms in systems]
    return _check(NVE, potential, systems, settings, session, dof, nve_init, step)


def check_nvt(
    potential: Potential, systems: Sequence[Atoms], settings: CheckSettings, session: Session | None = None
) -> list[CheckRun]:
    """Langevin dynamics at ``settings.temperature``."""

    def step(model: Potential, state: MDState) -> MDState:
        friction = settings.friction / (1000 * units.fs)
        return langevin_step(model, state, settings.dt_fs * units.fs, settings.temperature, friction)

    dof = [bath_dof(atoms) for atoms in systems]
    return _check(NVT, potential, systems, settings, session, dof, langevin_init, step)


def check_heat(
    potential: Potential, systems: Sequence[Atoms], settings: CheckSettings, session: Session | None = None
) -> list[CheckRun]:
    """Langevin dynamics whose bath goes from ``settings.temperature`` to ``final_temperature`` in a straight line."""

    def step(model: Potential, state: MDState) -> MDState:
        kelvin = settings.temperature + _rate(settings) * (state.count + 0.5) * settings.dt_fs / 1000
        friction = settings.friction / (1000 * units.fs)
        return langevin_step(model, state, settings.dt_fs * units.fs, kelvin, friction)

    dof = [bath_dof(atoms) for atoms in systems]
    ramp = (settings.temperature, _rate(settings))
    return _check(HEAT, potential, systems, settings, session, dof, langevin_init, step, ramp)


Init = Callable[[Potential, Sequence[Atoms], float, Sequence[int]], MDState]


def _check(
    check: Check,
    potential: Potential,
    systems: Sequence[Atoms],
    settings: CheckSettings,
    session: Session | None,
    dof: Sequence[int],
    init: Init,
    step: Callable[[Potential, MDState], MDState],
    ramp: tuple[float, float] | None = None,
) -> list[CheckRun]:
    """Every system that the model knows as one batch; the others fail by name."""
    seeded = [_seeded(atoms, settings.seed + number) for number, atoms in enumerate(systems)]
    foreign = [_foreign(potential, atoms) for atoms in seeded]
    known = [number for number, reason in enumerate(foreign) if reason is None]
    empty = dict.fromkeys(check.units)
    runs = [
        CheckRun(name_of(a), "failed", why or "", empty, a.info["seed"]) for a, why in zip(seeded, foreign, strict=True)
    ]
    if not known:
        return runs
    mine = [seeded[number] for number in known]
    trace = Trace(
        mine,
        [dof[number] for number in known],
        max(1, round(1000 * settings.time_ps / settings.dt_fs)),
        settings.dt_fs * units.fs,
        max(settings.temperature, settings.final_temperature if ramp else 0.0),
    )
    alone = IsolatedPotential(potential)
    start = partial(_start, alone, mine, settings, init)
    simulate(alone, [label_of(atoms) for atoms in mine], mine, start, partial(step, alone), trace, session or Session())
    for place, number in enumerate(known):
        atoms = seeded[number]
        runs[number] = run_of(trace, place, name_of(atoms), atoms.info["seed"], len(atoms), check.units, ramp)
    return runs


def _start(potential: IsolatedPotential, systems: Sequence[Atoms], settings: CheckSettings, init: Init) -> MDState:
    """The state at time zero: structures relaxed if asked for, each molecule once, and velocities."""
    starts = [atoms.copy() for atoms in systems]
    if settings.relax:
        place = {key: n for n, key in reversed(list(enumerate(map(_structure, systems))))}
        different = sorted(place.values())
        relaxed = relax(
            potential,
            AtomsBatch.from_atoms([systems[n] for n in different]),
            free_of([systems[n] for n in different]),
            max_force=_RELAXED,
            max_steps=_RELAXATION_STEPS,
        ).batch.split()
        for atoms, key in zip(starts, map(_structure, systems), strict=True):
            found = relaxed[different.index(place[key])].positions
            if bool(torch.isfinite(found).all()):
                atoms.positions = found.numpy()
    return init(potential, starts, settings.temperature, [atoms.info["seed"] for atoms in starts])


def name_of(atoms: Atoms) -> str:
    """What a system is called in results."""
    return str(atoms.info.get("name") or atoms.get_chemical_formula())


def label_of(atoms: Atoms) -> str:
    """What a run is called in files: the name of its system and its seed."""
    return str(atoms.info.get("label") or f"{name_of(atoms)}-{atoms.info['seed']}")


def _seeded(atoms: Atoms, seed: int) -> Atoms:
    copy: Atoms = atoms.copy()
    copy.info["seed"] = int(atoms.info.get("seed", seed))
    return copy


def _structure(atoms: Atoms) -> tuple[object, ...]:
    charge, spin = atoms.info.get("charge", 0), atoms.info.get("spin", 1)
    arrays = (atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc, free_coordinates(atoms))
    return (*(array.tobytes() for array in arrays), charge, spin)


def _foreign(potential: Potential, atoms: Atoms) -> str | None:
    try:
        check_elements(AtomsBatch.from_atoms(atoms), potential.info.elements)
    except UnknownElementError as error:
        return str(error)
    return None


def _rate(settings: CheckSettings) -> float:
    """K/ps of the bath."""
    return (settings.final_temperature - settings.temperature) / settings.time_ps
