"""Why a scan is bad, in words: where the step is that decides its FSD, and what makes it (``docs/fsd.md``)."""

from __future__ import annotations

from bsct_zoo.analysis.reference import is_reference
from bsct_zoo.errors import shortened
from bsct_zoo.evaluation.results import Evaluation, Record, Results, TaskInfo
from bsct_zoo.report.layout import number

NEAR = 3  # frames from the equilibrium: so near to it FSD is decided in most scans (docs/fsd.md)


def worst_records(evaluation: Evaluation) -> list[Record]:
    """Records of scans, worst first: those without an answer, then by FSD; those without FSD are left out."""
    failed = [record for record in evaluation.records if record.status == "failed"]
    scored = [record for record in evaluation.records if record.metrics.get("fsd_full") is not None]
    return [*failed, *sorted(scored, key=lambda record: -(record.metrics["fsd_full"] or 0.0))]


def reason(record: Record) -> str:
    """One line: FSD, the place of the deciding step, its cause."""
    if record.status == "failed":
        return f"no score: {shortened(record.message)}"
    fsd = record.metrics.get("fsd_full")
    if fsd is None:
        return "no FSD"
    parts = [f"FSD {number(fsd)} 1/Å", place(record), cause(record)]
    return ", ".join(part for part in parts if part)


def place(record: Record) -> str:
    """Where the deciding step is; empty where nothing decides."""
    at, frames = record.metrics.get("fsd_full_at"), record.metrics.get("fsd_full_frames")
    if at is None or frames is None:
        return ""
    if not frames:
        return f"decided at {number(at)} Å, next to the equilibrium"
    plural = "s" * (abs(frames) != 1)
    side = "the compressed side" if frames < 0 else "the stretched side"
    return f"decided at {number(at)} Å, {abs(frames):.0f} frame{plural} from the equilibrium on {side}"


def cause(record: Record) -> str:
    """What makes the deciding step: the error of the force at the equilibrium, or a step along the way."""
    frames, part = record.metrics.get("fsd_full_frames"), record.metrics.get("fsd_full_from_zero")
    if frames is None or part is None:
        return ""
    if abs(frames) <= NEAR and part > 0.5:
        own = record.metrics.get("fsd_own_zero")
        rest = "" if own is None else f" (own zero: FSD {number(own)})"
        return f"by the error of the force at the equilibrium{rest}"
    return "by a step of the force along the way"


def worst_scans(results: Results, task: TaskInfo) -> str:
    """The worst scan of each model in a line; empty where none has an FSD. The reference itself has none."""
    parts = []
    for row, evaluation in results.rows_under(task):
        records = worst_records(evaluation)
        if not records or is_reference(results, task, row, evaluation) or len(evaluation.records) < 2:
            continue
        first = records[0]
        value = first.metrics.get("fsd_full")
        parts.append(f"{row.model} {first.id} ({'no answer' if value is None else f'FSD {number(value)}'})")
    scored = any(evaluation.values.get("fsd_full") is not None for _, evaluation in results.rows_under(task))
    where = "" if task.name == "core" else f" --suite {task.name}"
    return f"worst scan: {', '.join(parts)}; why: bsct-zoo explain MODEL{where}" if parts and scored else ""
