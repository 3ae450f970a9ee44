"""Two runs of one command: is every number the same, and if not, what else differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bsct_zoo.evaluation.results import Results

_SHOWN = 5


@dataclass(frozen=True)
class Repeated:
    """What came out.

    Attributes:
        same: every number is the same to the bit.
        lines: for people.
    """

    same: bool
    lines: tuple[str, ...]


def compared(before: Results, now: Results) -> Repeated:
    """Every number of ``before`` against ``now``; times of the clock are none of the numbers."""
    first, second = dict(_numbers(before)), dict(_numbers(now))
    off = {place: apart(value, second.get(place)) for place, value in first.items() if value != second.get(place)}
    lost = [place for place in second if place not in first]
    lines = [f"{len(first) - len(off)} of {len(first)} numbers are the same to the bit"]
    if off:
        worst = sorted(off, key=lambda place: -off[place])[:_SHOWN]
        lines += [f"{place}: {first[place]} before, {second.get(place)} now" for place in worst]
    if lost:
        lines.append(f"{len(lost)} numbers are new, such as {lost[0]}")
    made = [line for line in made_by(before, now) if line]
    lines += made if made else ["the same models, weights, suites, versions and settings made both"]
    return Repeated(not off and not lost, tuple(lines))


def _numbers(results: Results) -> Iterator[tuple[str, float | str | None]]:
    timed = {(task.name, c.name) for task in results.tasks for c in task.columns if c.over == "ns_per_day"}
    for row in results.all_rows:
        for name, evaluation in row.evaluations.items():
            place = f"{row.model}, {name}"
            for column, value in evaluation.values.items():
                if (name, column) not in timed:
                    yield f"{place}, {column}", value
            for record in evaluation.records:
                yield f"{place}, {record.id}, status", record.status
                for metric, value in record.metrics.items():
                    yield f"{place}, {record.id}, {metric}", value
                for quantity in record.quantities:
                    yield f"{place}, {record.id}, {quantity.kind} {quantity.name}", quantity.value


def _words(numbers: tuple[int, ...]) -> str:
    return " and ".join(map(str, numbers))


def apart(first: float | str | None, second: float | str | None, scale: float = 0.0) -> float:
    """Difference of two numbers, relative to the larger one or to ``scale`` if more; infinite if one is none."""
    if first == second:
        return 0.0
    if not isinstance(first, float | int) or not isinstance(second, float | int):
        return float("inf")
    return abs(first - second) / max(abs(first), abs(second), scale)


def made_by(before: Results, now: Results) -> Iterator[str]:
    """What else is not the same."""
    pairs: list[tuple[str, Any, Any]] = [("bsct-zoo", before.bsct_zoo, now.bsct_zoo)]
    pairs += [(f"this computer's {key}", value, now.machine.get(key)) for key, value in before.machine.items()]
    suites = {task.name: task.sha256 for task in now.tasks}
    pairs += [(f"the file of {task.name}", task.sha256[:12], suites.get(task.name, "")[:12]) for task in before.tasks]
    rows = {row.model: row for row in now.rows}
    for row in before.rows:
        other = rows.get(row.model)
        if other is None:
            yield f"{row.model} is missing now"
            continue
        pairs.append((f"weights of {row.model}", row.checkpoint_sha256, other.checkpoint_sha256))
        for name, evaluation in row.evaluations.items():
            again = other.evaluations.get(name)
            if again is not None:
                pairs.append((f"device of {row.model}", evaluation.device, again.device))
                for what, old, new in (
                    ("threads", evaluation.threads, again.threads),
                    ("atoms in a batch", evaluation.batch_atoms, again.batch_atoms),
                ):
                    if old and new:
                        pairs.append((f"{what} of {row.model}", _words(old), _words(new)))
                pairs += [
                    (f"{package} of {row.model}", version, again.versions.get(package))
                    for package, version in evaluation.versions.items()
                ]
    yield from dict.fromkeys(f"{what}: {old} before, {new} now" for what, old, new in pairs if old != new)
