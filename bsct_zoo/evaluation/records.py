"""From outcomes to records, and what is said of a model under a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ase.data import chemical_symbols

from bsct_zoo.errors import BadInputError, ModelError, shortened
from bsct_zoo.evaluation.curves import Curves, encoded
from bsct_zoo.evaluation.results import Record, TaskInfo
from bsct_zoo.evaluation.ways import Numerics
from bsct_zoo.plugins.cards import ModelCard, states_text
from bsct_zoo.plugins.tasks import Failure, Item, Outcome, Status, Task
from bsct_zoo.potentials.batching import default_atoms
from bsct_zoo.potentials.boxes import vacuum
from bsct_zoo.potentials.potential import PotentialInfo


def record_of(task: Task, item: Item, outcome: Outcome, place: str = "") -> Record:
    """The record of ``item``: what its answer is worth, or why it has none; ``place`` is where the store keeps it."""
    facts: dict[str, Any] = {
        "id": item.id,
        "group": item.group,
        "seed": item.seed,
        "charge": item.charge,
        "multiplicity": item.multiplicity,
        "pbc": item.pbc,
        "constraints": item.constraints,
        "curves": _curves(task, item, outcome),
        "answer": place,
    }
    try:
        if isinstance(outcome, Failure):
            raise ModelError(outcome.reason)
        score = task.score(item, outcome)
    except (ModelError, BadInputError) as error:
        reason = str(error)
        names = list(dict.fromkeys(column.of for column in task.columns if column.over not in ("failures", "mae")))
        return Record(
            **facts,
            notes=item.notes,
            status="failed",
            message=reason,
            metrics=dict.fromkeys(names),
            missing={reason: names},
        )
    missing: dict[str, list[str]] = {}
    for name, reason in score.missing.items():
        missing.setdefault(reason, []).append(name)
    return Record(
        **facts,
        status=score.status,
        message=score.message,
        metrics=dict(score.metrics),
        missing=missing,
        notes=(*item.notes, *score.notes),
        quantities=score.quantities,
    )


def _curves(task: Task, item: Item, outcome: Outcome) -> Curves:
    """Those of an answer, of one that cannot be scored too; none of one that is not even of the right shape."""
    if isinstance(outcome, Failure):
        return {}
    try:
        return encoded(task.curves(item, outcome))
    except (ValueError, KeyError, IndexError):
        return {}


def status_of(records: Sequence[Record]) -> Status:
    """Status of an evaluation with these ``records``."""
    statuses = {record.status for record in records}
    if not statuses - {"failed"}:  # so too where there is none
        return "failed"
    return "ok" if statuses == {"ok"} else "partial"


def summary(records: Sequence[Record], noun: str) -> str:
    """Why records failed, in one short line."""
    failed = [record for record in records if record.status == "failed"]
    reasons = list(dict.fromkeys(record.message for record in failed if record.message))
    if not reasons:
        return ""
    more = f" (other reasons: {len(reasons) - 1})" if len(reasons) > 1 else ""
    first = shortened(reasons[0])
    return f"{len(failed)} {noun}s failed: {first}{more}" if len(failed) > 1 else f"{failed[0].id}: {first}"


def long_reasons(records: Sequence[Record]) -> list[str]:
    """The whole of every reason that tables shorten, for ``--debug``."""
    reasons = dict.fromkeys(record.message for record in records if record.message)
    return [reason for reason in reasons if shortened(reason) != reason]


def model_notes(
    task: Task, items: Sequence[Item], info: PotentialInfo, card: ModelCard, skipped: Sequence[Item]
) -> Iterator[str]:
    """What a reader must know of a model that its numbers do not say."""
    if not info.conservative:
        yield "forces are predicted directly, not as a gradient"
    if not info.equivariant:
        yield "rotational equivariance is learned, not exact"
    if info.periodic_only and not all(all(item.pbc) for item in items):
        gap = vacuum(info.cutoff)
        yield f"a model of periodic systems: molecules are in a box, {gap:g} Å of vacuum to the nearest image"
    if not info.partly_periodic and any(any(item.pbc) and not all(item.pbc) for item in items):
        yield f"slabs and chains are in a box, {vacuum(info.cutoff):g} Å of vacuum to the nearest image"
    ignored = sum(item.charge != 0 or item.multiplicity != 1 for item in items)
    if ignored and not info.supports_charge_spin:
        yield f"{_share(ignored, task, items)} with a charge or unpaired electrons, which the model ignores"
    if card.states and info.supports_charge_spin:
        yield from _untrained(task, items, card.states)
    yield from task.notes(info, skipped)


def _untrained(task: Task, items: Sequence[Item], trained: Sequence[tuple[int, int]]) -> Iterator[str]:
    """What items ask beyond the charges and multiplicities that a model was ``trained`` on."""
    beyond = [new for item in items if (new := task.states(item) - set(trained))]
    if beyond:
        states = states_text(set().union(*beyond))
        yield f"{_share(len(beyond), task, items)} with what the model was not trained on: {states}"


def _share(count: int, task: Task, items: Sequence[Item]) -> str:
    return f"{count} of {len(items)} {task.noun}{'s' * (len(items) != 1)}"


def numerics_note(numerics: Sequence[Numerics], noun: str) -> Iterator[str]:
    """How answers were computed on a CPU, in what decides their last digits."""
    counts = sorted(Counter(_numerics_text(one) for one in numerics if one.threads).items())
    if len(counts) == 1:
        yield f"computed on {counts[0][0]} (--processes auto)"
    elif counts:
        parts = [f"{count} {noun}{'s' * (count != 1)} on {text}" for text, count in counts]
        yield f"computed {', '.join(parts)}: their last digits are not quite comparable"


def _numerics_text(one: Numerics) -> str:
    text = f"{one.threads} thread{'s' * (one.threads != 1)} each"
    return text + (
        f" in batches of {one.batch_atoms:,} atoms" if one.batch_atoms not in (0, default_atoms("cpu")) else ""
    )


def info_of(task: Task) -> TaskInfo:
    """What results say of a task."""
    return TaskInfo(
        name=task.name,
        kind=task.kind,
        title=task.title,
        noun=task.noun,
        n_items=len(task.items),
        columns=tuple(task.columns),
        headline=task.headline,
        settings=dict(task.settings),
        level_of_theory=task.level_of_theory,
        sha256=task.sha256,
        flagged=task.flagged,
        curves={item.id: encoded(curves) for item in task.items if (curves := task.reference_curves(item))},
        elements=tuple(chemical_symbols[z] for z in sorted({z for item in task.items for z in item.atomic_numbers})),
    )


def declared_facts(info: PotentialInfo) -> dict[str, Any]:
    """What a model declared, as JSON can hold it."""
    facts = asdict(info)
    return {**facts, "elements": None if info.elements is None else sorted(info.elements)}


def declared_info(facts: Mapping[str, Any]) -> PotentialInfo:
    """Inverse of ``declared_facts``."""
    elements, versions = facts["elements"], facts["versions"]
    return PotentialInfo(
        **{
            **facts,
            "elements": None if elements is None else frozenset(elements),
            "versions": tuple((name, version) for name, version in versions),
        }
    )
