"""Whether a model is the reference that it is judged against: it has no errors then, which says nothing of it."""

from __future__ import annotations

from statistics import median

from bsct_zoo.analysis.sources import ModelKey
from bsct_zoo.evaluation.results import Evaluation, ModelResult, Results, TaskInfo

# eV/Å: what rounding and thresholds of self-consistency leave of the error of a reference against itself. A trained
# model that came so near to it on half of the scans would be as good.
_SAME = 1e-4


def is_reference(results: Results, task: TaskInfo, row: ModelResult, evaluation: Evaluation) -> bool:
    """Whether ``row`` gives the reference of ``task``: on scans by its forces, elsewhere by what it is."""
    if task.kind == "scans":
        errors = [e for record in evaluation.records if (e := record.metrics.get("forces_mae_full")) is not None]
        return bool(errors) and median(errors) < _SAME
    other = results.reference
    return other is not None and task.name in other.evaluations and _key(row) == _key(other)


def _key(row: ModelResult) -> ModelKey:
    return ModelKey.of(row.named or row.model, row.card, row.checkpoint_sha256)
