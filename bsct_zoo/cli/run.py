"""What the commands share that put tasks to models: run, show, say what went wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

    from bsct_zoo.evaluation.events import Faults
    from bsct_zoo.evaluation.results import Results
    from bsct_zoo.evaluation.settings import Settings
    from bsct_zoo.evaluation.ways import Numerics
    from bsct_zoo.models.naming import ModelSpec
    from bsct_zoo.plugins.tasks import Task


@dataclass(frozen=True)
class Again:
    """What a command that makes results again does differently (``rerun``, ``results verify``).

    Attributes:
        numerics: of each model under each task, as in those results: they decide the last digits.
        sample: ids of items by task that alone are asked about; None for all.
    """

    numerics: Mapping[tuple[str, str], Numerics]
    sample: Mapping[str, Collection[str]] | None = None


def run_tasks(
    context: typer.Context,
    models: Sequence[ModelSpec],
    tasks: Sequence[Task],
    settings: Settings,
    *,
    reference: ModelSpec | None = None,
    quiet: bool = False,
) -> tuple[Results, Faults]:
    """Results, and what is to be said at the end; progress is shown meanwhile."""
    import dataclasses

    from msgspec.structs import replace

    from bsct_zoo.cli import output
    from bsct_zoo.cli.rerun import command_words
    from bsct_zoo.evaluation.engine import evaluate
    from bsct_zoo.evaluation.events import Faults, both
    from bsct_zoo.report.progress import ProgressDisplay

    again = context.find_root().obj
    if isinstance(again, Again):
        settings = dataclasses.replace(settings, again=again.numerics)
        if again.sample is not None:
            tasks = [_of_sample(task, again.sample) for task in tasks]
    faults = Faults()
    names = [spec.text for spec in models]
    with output.stdout_kept_clean(), ProgressDisplay(names, quiet) as progress:
        results = evaluate(models, tasks, settings, reference=reference, listen=both(faults, progress))
    return replace(results, command=command_words(context)), faults


def _of_sample(task: Task, sample: Mapping[str, Collection[str]]) -> Task:
    """``task`` with the items of ``sample``, ids by task.

    Raises:
        BadInputError: it knows no such task.
    """
    from copy import copy

    from bsct_zoo.errors import BadInputError

    if task.name not in sample:
        raise BadInputError(f"the command of the file asks for '{task.name}', of which the file holds no results")
    part = copy(task)
    part.items = [item for item in task.items if item.id in sample[task.name]]
    return part


def debugging(context: typer.Context, debug: bool) -> bool:
    """Whether ``--debug`` stands anywhere in the command."""
    return debug or bool(context.find_root().params.get("debug"))


def exit_code(results: Results) -> int:
    """0 if everything is there, else 1."""
    return int(any(evaluation.status != "ok" for row in results.all_rows for evaluation in row.evaluations.values()))
