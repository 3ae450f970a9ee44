"""All properties in the order of their tests, fundamental ones first, slow ones last; and how one is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from time import perf_counter

from bsct_zoo.conformance import batches, gradients, invariance, robustness, shapes, state, unit
from bsct_zoo.conformance.finding import Finding, failed
from bsct_zoo.conformance.subject import Subject
from bsct_zoo.errors import UnknownNameError

# By what a user types: what tests a potential, and promises in its docstring what every adapter does.
PROPERTIES: dict[str, Callable[[Subject], Finding]] = {
    judge.__name__.replace("_", "-"): judge
    for judge in (
        shapes.declaration,
        shapes.shapes,
        shapes.detached,
        shapes.finite,
        shapes.totals,
        shapes.charges,
        shapes.stress_given,
        state.determinism,
        state.stale_answers,
        state.global_state,
        batches.input_kept,
        batches.batch_independence,
        invariance.system_order,
        batches.empty_batch,
        batches.one_atom,
        batches.huge_batch,
        invariance.translation,
        invariance.rotation,
        invariance.atom_order,
        invariance.net_force,
        gradients.forces,
        gradients.stress,
        unit.energy_unit,
        unit.force_unit,
        invariance.periodic_images,
        invariance.supercell,
        invariance.cell_without_pbc,
        robustness.cutoff,
        robustness.precision,
        robustness.unknown_elements,
        robustness.worker,
        robustness.closing,
        state.memory,
        state.heap,
    )
}


def chosen(only: Iterable[str] | None = None) -> list[str]:
    """The names of the properties called ``only``, in the order of their tests; all if None or empty.

    Raises:
        UnknownNameError: no such property.
    """
    wanted = list(only or ()) or list(PROPERTIES)
    for name in wanted:
        if name not in PROPERTIES:
            raise UnknownNameError("property", name, list(PROPERTIES))
    return [name for name in PROPERTIES if name in wanted]


def try_property(name: str, subject: Subject) -> Finding:
    """The result for the property called ``name``; any exception of the model is a failure."""
    judge, started = PROPERTIES[name], perf_counter()
    try:
        finding = judge(subject)
    except (Exception, SystemExit) as error:
        finding = failed(f"{type(error).__name__}: {' '.join(str(error).split()) or 'no message'}")
    return replace(finding, name=name, seconds=perf_counter() - started)
