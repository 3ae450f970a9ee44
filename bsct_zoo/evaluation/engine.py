"""The engine: tasks put to models. Answers come from the store or are made now; one model's failure is its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from ase.data import chemical_symbols

from bsct_zoo import __version__
from bsct_zoo.errors import BadInputError, BsctZooError
from bsct_zoo.evaluation.answers import Answers, keys_of
from bsct_zoo.evaluation.cluster import connected, shared_among_nodes
from bsct_zoo.evaluation.context import EngineContext, Opener
from bsct_zoo.evaluation.events import Done, Failed, Listener, Message, NotKept, Started, ignore
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.pool import shared_among_processes
from bsct_zoo.evaluation.records import (
    declared_facts,
    declared_info,
    info_of,
    long_reasons,
    model_notes,
    record_of,
    status_of,
    summary,
)
from bsct_zoo.evaluation.results import Evaluation, ModelResult, Results
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.evaluation.store import Shelf, Store
from bsct_zoo.metrics.columns import aggregate
from bsct_zoo.models.identity import checkpoint_sha256, identity
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.options import require_device
from bsct_zoo.plugins.tasks import Answer, Dtype, Failure, Item, Outcome, Task
from bsct_zoo.potentials.potential import PotentialInfo
from bsct_zoo.runtime.load import package_versions
from bsct_zoo.runtime.surroundings import cores


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


class ModelRun:
    """One model on its way through tasks; lives for one call. Never raises for what is the model's own fault."""

    def __init__(self, spec: ModelSpec, settings: Settings, listen: Listener, row: int) -> None:
        self.spec, self.settings, self.listen, self.row = spec, settings, listen, row
        self._about: dict[str, Any] = {"model": spec.text, "row": row}
        self._answers: dict[str, Answers] = {}
        self._contexts: dict[Dtype, EngineContext] = {}
        self._sha256: str | None = None
        self._versions: dict[str, str] | None = None
        self._keeps = settings.use_store

    def result(self, tasks: Sequence[Task]) -> ModelResult:
        """Everything about the model under ``tasks``; it is closed then."""
        try:
            evaluations = {task.name: self._evaluation(task) for task in tasks}
        finally:
            self.close()
        infos = [info for result in self._answers.values() if (info := result.info) is not None]
        info = infos[0] if infos else None
        card = self.spec.card
        return ModelResult(
            model=self.spec.text,
            named=self.spec.named if self.spec.named != self.spec.text else "",
            card=card.name,
            checkpoint_sha256=self._sha256,
            level_of_theory=(info.level_of_theory if info else "") or card.level_of_theory,
            licence=card.licence,
            elements=None if info is None else tuple(chemical_symbols[z] for z in sorted(info.elements or ())),
            conservative=None if info is None else info.conservative,
            parameters=card.parameters,
            evaluations=evaluations,
        )

    def close(self) -> None:
        """Close the model wherever it is loaded; safe to call twice."""
        while self._contexts:
            self._contexts.popitem()[1].close()

    def declared(self) -> PotentialInfo:
        """What the model says of itself.

        Raises:
            BsctZooError: it cannot be loaded.
        """
        self._identify()
        context = EngineContext(self._opener(self.settings.dtype), None, None)
        context.close()
        return context.potential.info

    # -- answers -------------------------------------------------------------------------------------------

    def answers(self, task: Task) -> Answers:
        """What the model says under ``task``, asked once."""
        if task.name not in self._answers:
            self.listen(Started(**self._about, task=task.name))
            result = self._answers[task.name] = Answers()
            try:
                self._answer(task, result)
            except BsctZooError as error:
                result.fatal = error
                failed = Failed.of(error, self.spec.text, task.name, self.row, result.log_tail)
                result.log_tail = failed.log_tail
                self.listen(failed)
        return self._answers[task.name]

    def _answer(self, task: Task, result: Answers) -> None:
        self._identify()
        dtype = task.dtype or self.settings.dtype
        shelf = self._shelf(dtype)
        facts = None if shelf is None else shelf.read_info()
        left = list(task.items)
        if shelf is not None and facts is not None:
            result.info = declared_info(facts["info"])
            left = result.sorted_out(task, left)
            left = self._read_back(task, shelf, left, result)
        if not left:
            return
        if self.settings.cluster:
            asked = self._asked_on_cluster(task, dtype, shelf, left, result)
        elif self.settings.processes and not any(task.together(item) for item in left):
            asked = self._asked_in_processes(task, dtype, shelf, left, result)
        else:
            asked = self._asked_here(task, dtype, shelf, facts, left, result)
        keys: dict[str, str] = {}
        for item, outcome in asked:
            keys = keys or keys_of(task, result.askable)
            result.outcomes[item.id] = outcome
            if isinstance(outcome, Failure):
                result.log_tail = outcome.log_tail or result.log_tail
            else:
                self._keep(shelf, lambda s, k=keys[item.id], a=outcome: s.write(task.kind, k, a))
                if shelf is not None and self._keeps:
                    result.places[item.id] = shelf.place(task.kind, keys[item.id])

    def _read_back(self, task: Task, shelf: Shelf, items: list[Item], result: Answers) -> list[Item]:
        """Take in what is kept of ``items``; those that are left to ask about."""
        keys, kept = keys_of(task, items), {}
        for item in items:
            answer = shelf.read(task.kind, keys[item.id])
            if answer is not None and task.is_kept(item, answer):
                kept[item.id] = answer
        torn = {task.together(item) for item in items if item.id not in kept} - {""}
        kept = {item.id: kept[item.id] for item in items if item.id in kept and task.together(item) not in torn}
        result.outcomes |= kept
        result.places |= {name: shelf.place(task.kind, keys[name]) for name in kept}
        result.known += len(kept)
        return [item for item in items if item.id not in kept]

    def _asked_here(
        self,
        task: Task,
        dtype: Dtype,
        shelf: Shelf | None,
        facts: dict[str, Any] | None,
        left: list[Item],
        result: Answers,
    ) -> Iterator[tuple[Item, Outcome]]:
        """Ask one model, which stays open for further tasks."""
        context = self._contexts.get(dtype)
        if context is None:
            self.listen(Message(**self._about, task=task.name, text="loading"))
            remembered = None if facts is None else facts.get("batch_atoms")
            limit = self.settings.max_batch_atoms or remembered
            context = self._contexts[dtype] = EngineContext(self._opener(dtype), shelf, limit)
        left = self._declared(task, context, shelf, left, result)
        context.task = task.name
        try:
            if left:
                yield from task.run(context, left)
        finally:
            result.log_tail = context.log_tail or result.log_tail
        if context.batcher.limit < context.started_limit:  # what worked is where the next run starts
            context.started_limit = context.batcher.limit
            info = context.potential.info
            self._declare(info, machine(info.device), shelf, batch_atoms=int(context.batcher.limit))

    def _asked_in_processes(
        self, task: Task, dtype: Dtype, shelf: Shelf | None, left: list[Item], result: Answers
    ) -> Iterator[tuple[Item, Outcome]]:
        """Ask several processes of the model, each about one item at a time."""
        opener = self._opener(dtype, shared=True)
        first = EngineContext(opener, shelf, self.settings.max_batch_atoms)
        try:
            left = self._declared(task, first, shelf, left, result)
        except BaseException:
            first.close()
            raise
        total = len(task.items)
        yield from shared_among_processes(task, first, opener, shelf, left, self.settings.processes, total)

    def _asked_on_cluster(
        self, task: Task, dtype: Dtype, shelf: Shelf | None, left: list[Item], result: Answers
    ) -> Iterator[tuple[Item, Outcome]]:
        """Ask the nodes of a cluster; what the model declares comes with the first reply."""
        asked, known = left, identity(self.spec, self._sha256, self.settings.device, dtype, self._versions or {})
        for reply in shared_among_nodes(self.spec, task, asked, self.settings, known, self.listen, self.row):
            if result.info is None and reply.info is not None:
                result.info = reply.info
                self._declare(reply.info, reply.machine, shelf)
                left = result.sorted_out(task, left)
            there = {item.id for item in left}
            yield from ((item, outcome) for item, outcome in reply.outcomes if item.id in there)

    def _declared(
        self, task: Task, context: EngineContext, shelf: Shelf | None, left: list[Item], result: Answers
    ) -> list[Item]:
        """Note what a loaded model declares; the items of ``left`` that it can be asked about."""
        if result.info is None:
            result.info = context.potential.info
            self._declare(context.potential.info, machine(context.potential.info.device), shelf)
            left = result.sorted_out(task, left)
        return left

    def _declare(self, info: PotentialInfo, where: Mapping[str, Any], shelf: Shelf | None, **more: Any) -> None:
        name = f"{self.spec.adapter.name}:{self.spec.card.name}"
        facts = {"model": name, "machine": dict(where), "info": declared_facts(info), **more}
        self._keep(shelf, lambda s: s.write_info(facts))

    # -- the model and what is kept of it --------------------------------------------------------------------

    def _identify(self) -> None:
        if self._versions is None:
            if self.settings.device != "auto":  # a cluster's nodes have their own
                require_device(self.spec.adapter, self.spec.options, self.settings.device)
            self._sha256 = checkpoint_sha256(self.spec)
            say = lambda text: self.listen(Message(**self._about, text=text))  # noqa: E731
            self._versions = package_versions(self.spec.adapter, on_event=say)

    def _opener(self, dtype: Dtype, shared: bool = False) -> Opener:
        """Opens the model; ``shared`` among processes each has one thread."""
        settings = self.settings
        threads = 1 if shared else max(1, cores() // settings.jobs)
        return Opener(self.spec, settings.device, dtype, settings.timeout, threads, shared, self.listen, self.row)

    def _shelf(self, dtype: Dtype) -> Shelf | None:
        """Where answers in ``dtype`` are kept; None if nothing is to be kept, or what decides them is not known."""
        if not self._keeps:
            return None
        known = identity(self.spec, self._sha256, self.settings.device, dtype, self._versions or {})
        if known is None and not self.settings.private:
            return None
        damaged = lambda text: self.listen(Message(**self._about, text=text))  # noqa: E731
        return Store(self.settings.store_folder).shelf(known or {"text": self.spec.typed, "dtype": dtype}, damaged)

    def _keep(self, shelf: Shelf | None, write: Any) -> None:
        """Write to the store; a full disk must not cost what is already computed."""
        if shelf is None or not self._keeps:
            return
        try:
            write(shelf)
        except OSError as error:
            self._keeps = False
            text = (
                f"answers could not be kept in {shelf.folder.parent}: {error.strerror}; "
                "free some room or set BSCT_ZOO_CACHE to another folder"
            )
            self.listen(NotKept(**self._about, message=text))

    def _evaluation(self, task: Task) -> Evaluation:
        result = self.answers(task)
        none = Failure(str(result.fatal or "no answer"))
        skipped = {item.id for item in result.skipped}
        items = [item for item in task.items if item.id not in skipped]
        records = tuple(
            record_of(task, item, result.outcomes.get(item.id, none), result.places.get(item.id, "")) for item in items
        )
        given = [outcome for outcome in result.outcomes.values() if isinstance(outcome, Answer)]
        seconds = sum(answer.seconds for answer in given)
        values = {column.name: aggregate(column, () if result.fatal else records, seconds) for column in task.columns}
        info = result.info
        versions = (dict(info.versions) if info else {}) or self._versions or {}
        status = status_of(records)
        evaluation = Evaluation(
            status=status,
            message=str(result.fatal or summary(records, task.noun)),
            seconds=round(seconds, 6),
            device=info.device if info else self.settings.device,
            dtype=info.dtype if info else task.dtype or self.settings.dtype,
            versions={**versions, "bsct-zoo": __version__},
            notes=() if info is None else tuple(model_notes(task, items, info, result.skipped)),
            values={name: value for name, (value, _) in values.items()},
            counts={name: count for name, (_, count) in values.items()},
            records=records,
        )
        done = Done(
            **self._about,
            task=task.name,
            status=status,
            n_items=len(items),
            noun=task.noun,
            seconds=seconds,
            cached=bool(given) and result.known == len(given),
            message=evaluation.message,
            log_tail="\n".join([result.log_tail, *long_reasons(records)]).strip() if status != "ok" else "",
        )
        self.listen(done)
        return evaluation
