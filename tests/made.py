"""Results made by hand, for tests of what is made of results."""

import msgspec

from bsct_zoo.evaluation.results import Evaluation, ModelResult, Record, Results, TaskInfo, scan_columns
from bsct_zoo.metrics.catalogue import HEADLINE, METRICS
from bsct_zoo.metrics.columns import aggregate

LEVEL = "GFN2-xTB (Te=3000 K)"


def evaluation(records, *, seconds=1.0, **facts):
    """Means over records, and what else an evaluation holds."""
    failed = sum(record.status == "failed" for record in records)
    known = {
        "status": "ok" if not failed else "partial" if failed < len(records) else "failed",
        "message": next((record.message for record in records if record.message), ""),
        "seconds": seconds,
        "device": "cpu",
        "dtype": "float32",
        "versions": {"torch": "2.13.0"},
        "values": {m: aggregate(column, records)[0] for m, column in METRICS.items()},
        "counts": {m: aggregate(column, records)[1] for m, column in METRICS.items()},
        "records": tuple(records),
    }
    return Evaluation(**(known | facts))


def row(
    model,
    values,
    *,
    metrics=None,
    seconds=1.0,
    failed=(),
    task="core",
    group="C-C",
    evaluations=None,
    changes=None,
    **facts,
):
    """A model whose scan k has ``values[k]`` for every metric; it has no steps but those of ``metrics``."""
    own = {"path_residual": [0.0] * len(values)} | (metrics or {})
    records = [
        Record(id=f"{group}/{k}", group=group, status="failed", message="no answer", metrics=dict.fromkeys(METRICS))
        if k in failed
        else Record(
            id=f"{group}/{k}",
            group=group,
            status="ok",
            metrics=dict.fromkeys(METRICS, float(value)) | {name: float(one[k]) for name, one in own.items()},
        )
        for k, value in enumerate(values)
    ]
    known = {
        "model": model,
        "card": "small",
        "checkpoint_sha256": None,
        "level_of_theory": LEVEL,
        "licence": "MIT",
        "elements": ("H", "C", "O"),
        "conservative": True,
        "parameters": 1000,
        "evaluations": {task: evaluation(records, seconds=seconds, **(changes or {})), **(evaluations or {})},
    }
    return ModelResult(**(known | facts))


def scans(n_items, **changes):
    """The task of a suite."""
    known = {
        "name": "core",
        "kind": "scans",
        "title": "core",
        "noun": "scan",
        "n_items": n_items,
        "columns": scan_columns(),
        "headline": HEADLINE,
        "level_of_theory": LEVEL,
        "sha256": "a" * 64,
    }
    return TaskInfo(**(known | changes))


def results(*rows, tasks=(), **changes):
    """Results of one suite; ``changes`` are of its task, ``tasks`` are others beside it."""
    name = changes.get("name", "core")
    first = scans(len(rows[0].evaluations[name].records), **changes)
    machine = {"cores": 2, "python": "3.11.7"}
    settings = {"device": "cpu"}
    return Results(bsct_zoo="0.2.0", machine=machine, settings=settings, tasks=(first, *tasks), rows=tuple(rows))


def changed(struct, **changes):
    """A copy of a result with other fields."""
    return msgspec.structs.replace(struct, **changes)
