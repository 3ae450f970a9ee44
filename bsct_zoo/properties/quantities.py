"""Kinds of quantities that are measured of systems, and the columns that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bsct_zoo.metrics.columns import Column
from bsct_zoo.plugins.tasks import Quantity

_SOURCE = "docs/properties.md"


@dataclass(frozen=True)
class Topic:
    """What quantities of one kind are.

    Attributes:
        title: of the column of mean absolute errors.
        unit: of values and errors.
        what: the part of ``--what`` that measures it.
    """

    title: str
    unit: str
    what: str


TOPICS: Mapping[str, Topic] = {
    "bond": Topic("bonds", "Å", "relax"),
    "angle": Topic("angles", "°", "relax"),
    "rmsd": Topic("RMSD", "Å", "relax"),
    "frequency": Topic("frequencies", "1/cm", "frequencies"),
    "barrier": Topic("barriers", "meV", "barrier"),
    "atomisation": Topic("atomisation", "eV", "atomisation"),
    "lattice_constant": Topic("lattice constant", "Å", "eos"),
    "volume": Topic("volume", "Å³", "eos"),
    "bulk_modulus": Topic("bulk modulus", "GPa", "eos"),
    "elastic": Topic("elastic constants", "GPa", "elastic"),
    "phonon": Topic("phonons", "THz", "phonons"),
}


def property_columns() -> tuple[Column, ...]:
    """Mean absolute error of each topic, imaginary modes, and systems that came to no minimum."""
    errors = [
        Column(
            name=f"{kind}_mae",
            title=f"{topic.title} {'mean' if kind == 'rmsd' else 'MAE'}",
            unit=topic.unit,
            metric=kind,
            over="mae",
            needs_reference=True,
            source=_SOURCE,
            comparable="never" if kind == "atomisation" else "always",
        )
        for kind, topic in TOPICS.items()
    ]
    imaginary = Column(name="imaginary", title="imaginary modes", over="sum", source=_SOURCE)
    return (*errors, imaginary, Column(name="not_relaxed", title="not relaxed", over="sum", source=_SOURCE))


def metrics_of(quantities: Sequence[Quantity], imaginary: int | None, relaxed: bool) -> dict[str, float | None]:
    """The metrics of one system: mean absolute error of each kind, imaginary modes, whether it did not relax.

    ``imaginary`` is None where no modes were found at all.
    """
    metrics: dict[str, float | None] = {}
    for kind in TOPICS:
        errors = [abs(q.error) for q in quantities if q.kind == kind and q.error is not None]
        metrics[f"{kind}_mae"] = sum(errors) / len(errors) if errors else None
    return metrics | {"imaginary": None if imaginary is None else float(imaginary), "not_relaxed": float(not relaxed)}
