"""Properties of models as quantities in rows. JSON schema 1 of kind "properties", see ``docs/properties.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bsct_zoo.properties.systems import Kind

SCHEMA_VERSION = 1
Status = Literal["ok", "partial", "failed"]


@dataclass(frozen=True)
class Topic:
    """What quantities of one kind are, and the unit they share.

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


@dataclass(frozen=True)
class Quantity:
    """One number of one system.

    Attributes:
        kind: a key of ``TOPICS``.
        name: within its system, as in "C1-O2" or "mode 3".
        value: in ``unit``; an imaginary frequency is negative.
        unit: that of its topic.
        reference: the same by the reference; None without one.
        error: value minus reference; of phonons the mean size of the difference over all of them.
        message: what is worth saying of it.
    """

    kind: str
    name: str
    value: float
    unit: str
    reference: float | None = None
    error: float | None = None
    message: str = ""


@dataclass(frozen=True)
class SystemResult:
    """What a model says of one system.

    Attributes:
        system: its name.
        kind: "molecule" or "crystal".
        status: "ok", "partial" (something could not be measured) or "failed" (nothing could).
        relaxed: whether it came to a minimum.
        imaginary: number of imaginary modes there.
        message: what could not be measured, and why.
        notes: what is worth saying: imaginary modes, another conformer, ...
        quantities: one by one.
    """

    system: str
    kind: Kind
    status: Status
    relaxed: bool
    imaginary: int
    message: str
    notes: tuple[str, ...]
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True)
class PropertyRow:
    """One model.

    Attributes:
        model: as the user named it.
        card: name of the model card.
        checkpoint_sha256: of the weights; None if the model has no file of its own.
        level_of_theory: what the model imitates.
        licence: of the weights.
        device, dtype: what it computed in.
        versions: of the packages that made the numbers.
        status: "ok", "partial" (something of some system is missing) or "failed" (nothing was measured).
        message: why the model never came up; empty if it did.
        seconds: that the measurements took, whether now or before.
        notes: what holds for the model as a whole.
        systems: one by one.
        log_tail: last lines that the model printed, where it failed.
        cached: everything was kept from an earlier call.
        bad_input: it failed for what the user can mend.
    """

    model: str
    card: str
    checkpoint_sha256: str | None
    level_of_theory: str
    licence: str
    device: str
    dtype: str
    versions: Mapping[str, str]
    status: Status
    message: str
    seconds: float
    notes: tuple[str, ...]
    systems: tuple[SystemResult, ...]
    log_tail: str = ""
    cached: bool = False
    bad_input: bool = False

    @property
    def not_relaxed(self) -> int:
        """Systems that came to no minimum."""
        return sum(not system.relaxed for system in self.systems)

    @property
    def imaginary(self) -> int:
        """Imaginary modes at minima."""
        return sum(system.imaginary for system in self.systems)

    def mean_errors(self) -> dict[str, float | None]:
        """Mean absolute error of each topic over all quantities that have one; None where none has."""
        return mean_errors(self.systems)


@dataclass(frozen=True)
class PropertiesReport:
    """Models on the same systems.

    Attributes:
        version: of bsct-zoo.
        reference: row of the reference; None without one.
        settings: what the user asked for.
        machine: what it ran on.
        rows: one for each model.
        problem: why nothing could be kept for a later call; empty if all is well.
    """

    version: str
    reference: PropertyRow | None
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    rows: tuple[PropertyRow, ...]
    problem: str = ""
    kind: str = field(default="properties", init=False)

    def to_json(self) -> dict[str, Any]:
        """As in the JSON schema."""
        return {
            "schema": SCHEMA_VERSION,
            "kind": self.kind,
            "bsct_zoo": self.version,
            "units": {name: topic.unit for name, topic in TOPICS.items()},
            "settings": dict(self.settings),
            "machine": dict(self.machine),
            "reference": None if self.reference is None else _row_json(self.reference),
            "rows": [_row_json(row) for row in self.rows],
        }


def mean_errors(systems: Sequence[SystemResult]) -> dict[str, float | None]:
    """See ``PropertyRow.mean_errors``."""
    found: dict[str, float | None] = {}
    for kind in TOPICS:
        sizes = [abs(q.error) for s in systems for q in s.quantities if q.kind == kind and q.error is not None]
        found[kind] = sum(sizes) / len(sizes) if sizes else None
    return found


def _row_json(row: PropertyRow) -> dict[str, Any]:
    return {
        "model": row.model,
        "card": row.card,
        "checkpoint_sha256": row.checkpoint_sha256,
        "level_of_theory": row.level_of_theory,
        "licence": row.licence,
        "device": row.device,
        "dtype": row.dtype,
        "versions": dict(row.versions),
        "status": row.status,
        "message": row.message,
        "seconds": round(row.seconds, 3),
        "notes": list(row.notes),
        "n_systems": len(row.systems),
        "not_relaxed": row.not_relaxed,
        "imaginary": row.imaginary,
        "mean_absolute_errors": row.mean_errors(),
        "systems": [_system_json(system) for system in row.systems],
    }


def _system_json(system: SystemResult) -> dict[str, Any]:
    data = asdict(system)
    return {**data, "notes": list(system.notes), "quantities": [asdict(q) for q in system.quantities]}
