"""What the results say, in a sentence or two."""

from __future__ import annotations

from collections.abc import Iterator

from bsct_zoo.analysis.bootstrap import mean_interval, significantly_different
from bsct_zoo.analysis.choice import select
from bsct_zoo.analysis.common import on_common_scans
from bsct_zoo.analysis.conditions import primary
from bsct_zoo.analysis.reference import is_reference
from bsct_zoo.errors import BsctZooError
from bsct_zoo.evaluation.results import Evaluation, ModelResult, Results, TaskInfo
from bsct_zoo.report.layout import number

_COLUMN = "fsd_full"


def verdict(results: Results) -> str:
    """Which model is the smoothest, by how much, and whether that is more than chance; one sentence."""
    task = primary(results)
    judged = [
        (row, evaluation)
        for row, evaluation in results.rows_under(task)
        if results.value(row, _COLUMN) is not None and not is_reference(results, task, row, evaluation)
    ]
    if task.kind != "scans" or not judged:
        return _without_ranking(results, task)
    common = on_common_scans(results, [row for row, _ in judged], _COLUMN)
    order = sorted(range(len(judged)), key=lambda place: common.values[place])
    best, evaluation = judged[order[0]]
    span = mean_interval(evaluation, _COLUMN)
    said = f"FSD of {number(common.values[order[0]])} 1/Å"
    said += f", 95 % interval {number(span[0])} to {number(span[1])}" if span else ""
    scans = f"{task.counted} of {task.name}" if " of " not in task.counted else f"{task.counted} in {task.name}"
    itself = [row.model for row, one in results.rows_under(task) if is_reference(results, task, row, one)]
    rest = f"; {_listed(itself)} {'is' if len(itself) == 1 else 'are'} the reference itself" if itself else ""
    if len(judged) == 1:
        return f"{best.model} has an {said}, on {scans}; one model alone has no rank{rest}."
    return (
        f"{best.model} follows the reference most smoothly of {len(judged)} models on {scans} ({said})"
        f"{_lead(judged, order, common.values)}{rest}."
    )


def _lead(judged: list[tuple[ModelResult, Evaluation]], order: list[int], values: tuple[float, ...]) -> str:
    first = judged[order[0]][1]
    ties = [judged[p][0].model for p in order[1:] if not significantly_different(first, judged[p][1], _COLUMN)]
    if ties:
        rest = len(order) - 1 - len(ties)
        return f"; its lead over {_listed(ties)} is within chance" + (", that over the others is not" if rest else "")
    second = order[1]
    return f"; the next, {judged[second][0].model}, has {number(values[second])}, a difference beyond chance"


def advice(results: Results) -> Iterator[tuple[str, str]]:
    """Use and recommendation, as ``bsct-zoo select`` gives them; none where it cannot."""
    try:
        yield from select(results, [], [_COLUMN, "forces_mae_full", "seconds"]).advice
    except BsctZooError:
        return


def _without_ranking(results: Results, task: TaskInfo) -> str:
    rows = results.rows_under(task)
    lost = [row.model for row, evaluation in rows if evaluation.status == "failed"]
    some = [f"{evaluation.n_failed} of {row.model}" for row, evaluation in rows if evaluation.status == "partial"]
    text = f"{len(rows)} model{'s' * (len(rows) != 1)} under {task.name}, {task.counted}"
    text += f"; {_listed(lost)} failed" if lost else ""
    text += f"; {_listed(some)} failed" if some else ""
    text += "; none failed" if not lost and not some else ""
    return text + ("; there is no FSD, so no rank by smoothness." if task.kind == "scans" else ".")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
