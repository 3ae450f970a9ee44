"""All properties in the order of their tests: fundamental ones first, slow ones last."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bsct_zoo.conformance import batches, gradients, invariance, robustness, shapes, state, unit
from bsct_zoo.conformance.finding import Finding
from bsct_zoo.conformance.subject import Subject
from bsct_zoo.errors import UnknownNameError

Judge = Callable[[Subject], Finding]


@dataclass(frozen=True)
class Property:
    """Something that every adapter promises.

    Attributes:
        name: what a user types.
        judge: tests a potential; any exception fails the property.
    """

    name: str
    judge: Judge

    @property
    def promise(self) -> str:
        """What is promised, in a sentence or two."""
        return " ".join((self.judge.__doc__ or "").split())


PROPERTIES = tuple(
    Property(judge.__name__.replace("_", "-"), judge)
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
)
NAMES = tuple(one.name for one in PROPERTIES)


def chosen(only: Iterable[str] | None = None) -> tuple[Property, ...]:
    """The properties called ``only``, in their own order; all if None or empty.

    Raises:
        UnknownNameError: no such property.
    """
    wanted = list(only or ()) or list(NAMES)
    for name in wanted:
        if name not in NAMES:
            raise UnknownNameError("property", name, list(NAMES))
    return tuple(one for one in PROPERTIES if one.name in wanted)
