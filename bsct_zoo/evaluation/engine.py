"""The engine: tasks put to models. Answers come from the store or are made now; one model's failure is its own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from bsct_zoo import __version__
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.answers import Answers
from bsct_zoo.evaluation.cluster import connected
from bsct_zoo.evaluation.events import Listener, ignore
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.model_run import ModelRun
from bsct_zoo.evaluation.records import info_of
from bsct_zoo.evaluation.results import ModelResult, Results
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.tasks import Task
from bsct_zoo.potentials.potential import PotentialInfo


def evaluate(
    models: Sequence[ModelSpec],
    tasks: Sequence[Task],
    settings: Settings | None = None,
    *,
    reference: ModelSpec | None = None,
    listen: Listener = ignore,
) -> Results:
    """Put every task to every model; rows in the order of ``models``.

    Args:
        models: which.
        tasks: which; names must differ.
        settings: how.
        reference: a model that is asked first, and against whose answers tasks are judged (``Task.against``).
        listen: hears every event, perhaps from several threads.

    Raises:
        BadInputError: two tasks have one name, the device is not there, or the store cannot be written to.
    """
    settings = (settings or Settings()).ready()
    names = [task.name for task in tasks]
    if len(set(names)) < len(names):
        raise BadInputError(f"two tasks are called {max(names, key=names.count)}; give each once")
    first, judged = None, list(tasks)

    def row(place: int) -> ModelResult:
        same = first is not None and reference is not None and models[place].typed == reference.typed
        run = first if same and first is not None else ModelRun(models[place], settings, listen, place)
        return run.result(judged)

    with connected(settings.cluster, listen):
        if reference is not None:
            first = ModelRun(reference, settings, listen, -1)
            judged = [task.against(reference.text, first.answers(task).outcomes) for task in tasks]
        with ThreadPoolExecutor(max_workers=settings.jobs) as pool:
            rows = tuple(pool.map(row, range(len(models))))
    return Results(
        bsct_zoo=__version__,
        machine=machine(settings.device),
        settings=settings.facts(),
        tasks=tuple(info_of(task) for task in tasks),
        rows=rows,
        reference=None if first is None else first.result(tasks),
        date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def answers(spec: ModelSpec, task: Task, settings: Settings, listen: Listener = ignore) -> Answers:
    """What one model says under ``task``, without judging it: references of suites, frames to train on.

    Raises:
        BsctZooError: the model never came up, or failed as a whole.
    """
    run = ModelRun(spec, settings.ready(), listen, 0)
    try:
        result = run.answers(task)
    finally:
        run.close()
    if result.fatal is not None:
        raise result.fatal
    return result


def declared(spec: ModelSpec, settings: Settings, listen: Listener = ignore) -> PotentialInfo:
    """What a model says of itself; it is loaded for it.

    Raises:
        BsctZooError: it cannot be loaded.
    """
    run = ModelRun(spec, settings.ready(), listen, 0)
    return run.declared()
