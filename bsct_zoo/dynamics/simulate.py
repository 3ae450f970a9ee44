"""A batch of runs from its start to its end, gone on with where an earlier sitting stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from ase import Atoms

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.dynamics.nve import free_of
from bsct_zoo.dynamics.session import Arrays, Session
from bsct_zoo.dynamics.state import MDState
from bsct_zoo.dynamics.trace import Trace
from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.isolation import IsolatedPotential


def simulate(
    potential: IsolatedPotential,
    names: Sequence[str],
    systems: Sequence[Atoms],
    start: Callable[[], MDState],
    advance: Callable[[MDState], MDState],
    trace: Trace,
    session: Session,
) -> None:
    """Step until ``trace.n_steps``, or until no run is left; everything that was seen is in ``trace``.

    Args:
        potential: whose failures tell why a run ended.
        names: of the runs, each once, for files.
        systems: the runs as they were given.
        start: makes the state at time zero, where no earlier sitting left a later one.
        advance: one step.
        trace: filled.
        session: told of every step.

    Raises:
        ModelError: the model answers no more at all, not even what it answered before.
        KeyboardInterrupt: see ``Session.stepped``.
    """
    session.start_clock()
    resumed = _resumed(session.kept(), systems, trace)
    if resumed is None:
        session.open_files(names, None)
        first = start()
        _require_life(potential, first, systems)
        state = trace.file(first, potential.failures)
        session.stepped(names, state, trace, first)
    else:
        state, sizes = resumed
        session.open_files(names, sizes)
    while state.count < trace.n_steps and state.batch.n_systems:
        fresh = advance(state)
        _require_life(potential, fresh, systems)
        state = trace.file(fresh, potential.failures)
        session.stepped(names, state, trace, fresh)
    session.keep(names, state, trace)


def _require_life(potential: IsolatedPotential, state: MDState, systems: Sequence[Atoms]) -> None:
    """Tell a model that is gone from systems that it cannot compute.

    Raises:
        ModelError: it fails for every system, and for the first one's start too.
    """
    if len(potential.failures) == state.batch.n_systems:
        try:
            potential.potential.compute(AtomsBatch.from_atoms(systems[0]))
        except ModelError as error:
            why = potential.failures[0] if str(error) in potential.failures.values() else str(error)
            raise ModelError(why, log_tail=error.log_tail) from error


def _resumed(arrays: Arrays | None, systems: Sequence[Atoms], trace: Trace) -> tuple[MDState, np.ndarray] | None:
    """The state and the sizes of trajectories that ``arrays`` hold; None if they do not fit."""
    if arrays is None:
        return None
    try:
        trace.restore(arrays)
        batch = AtomsBatch.from_atoms(list(systems))
        n = batch.n_systems
        masses = torch.tensor(np.concatenate([atoms.get_masses() for atoms in systems]))
        zeros = torch.zeros(n, dtype=torch.float64)
        seeds = torch.tensor([int(atoms.info["seed"]) for atoms in systems])
        whole = MDState(
            *(batch, torch.zeros_like(batch.positions), torch.zeros_like(batch.positions), zeros, masses, zeros, seeds),
            free=free_of(systems),
        )
        state = whole.select(torch.from_numpy(trace.alive))
        part = {
            name: torch.from_numpy(np.asarray(arrays[name], dtype=np.float64))
            for name in ("positions", "velocities", "forces", "energy", "thermostat_work")
        }
        positions = part.pop("positions")
        return replace(
            state, batch=state.batch.with_positions(positions), count=int(arrays["count"]), **part
        ), np.asarray(arrays["sizes"])
    except (KeyError, ValueError, TypeError):
        return None
