"""One model on its way through tasks: what is kept of it, how it is asked, and the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from typing import Any

from ase.data import chemical_symbols

from bsct_zoo import __version__
from bsct_zoo.errors import BsctZooError
from bsct_zoo.evaluation.answers import Answers, Asked, computed_on, keys_of
from bsct_zoo.evaluation.cluster import shared_among_nodes
from bsct_zoo.evaluation.context import EngineContext, Opener
from bsct_zoo.evaluation.events import Done, Failed, Listener, Message, NotKept, Started
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.pool import Pool
from bsct_zoo.evaluation.records import (
    declared_facts,
    declared_info,
    long_reasons,
    model_notes,
    record_of,
    status_of,
    summary,
    threads_note,
)
from bsct_zoo.evaluation.results import Evaluation, ModelResult
from bsct_zoo.evaluation.settings import AUTO, Settings
from bsct_zoo.evaluation.store import Shelf, Store
from bsct_zoo.evaluation.trial import resident_mb, tried
from bsct_zoo.evaluation.ways import Chosen, Way, bounded, chosen_text, fits, kept_as
from bsct_zoo.metrics.columns import aggregate
from bsct_zoo.models.identity import checkpoint_sha256, identity
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.options import require_device
from bsct_zoo.plugins.tasks import Answer, Dtype, Failure, Item, Outcome, Task
from bsct_zoo.potentials.potential import PotentialInfo
from bsct_zoo.runtime.load import package_versions
from bsct_zoo.runtime.memory import available_mb
from bsct_zoo.runtime.surroundings import cores


class ModelRun:
    """One model on its way through tasks; lives for one call. Never raises for what is the model's own fault."""

    def __init__(self, spec: ModelSpec, settings: Settings, listen: Listener, row: int) -> None:
        self.spec, self.settings, self.listen, self.row = spec, settings, listen, row
        self._about: dict[str, Any] = {"model": spec.text, "row": row}
        self._answers: dict[str, Answers] = {}
        self._contexts: dict[tuple[Dtype, int], EngineContext] = {}
        self._sha256: str | None = None
        self._versions: dict[str, str] | None = None
        self._keeps = settings.use_store
        self._cores = max(1, cores() // settings.jobs)  # that are this model's

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
        context = EngineContext(self._opener(self.settings.dtype, self._cores), None, None)
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
        keys: dict[str, str] = {}
        for item, outcome in self._asked(task, dtype, shelf, facts or {}, left, result):
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

    def _asked(
        self, task: Task, dtype: Dtype, shelf: Shelf | None, facts: Mapping[str, Any], left: list[Item], result: Answers
    ) -> Asked:
        """Ask the model in the way that the settings say, on a CPU with the number of threads in each answer."""
        if self.settings.cluster:
            return self._asked_on_cluster(task, dtype, shelf, left, result)
        again = self.settings.threads.get((self.spec.text, task.name))  # as in the results that are made again
        processes = self.settings.processes
        if not processes or any(task.together(item) for item in left):
            return self._asked_here(task, dtype, shelf, facts, left, result, again or self._cores)
        if processes != AUTO:
            return self._asked_in_processes(task, dtype, shelf, left, result, Way(processes, again or 1))
        if self.settings.device != "cpu":
            return self._asked_here(task, dtype, shelf, facts, left, result, self._cores)
        kept = facts.get("cores", {}).get(self._shared_by(task))
        chosen = None if kept is None else Chosen(**kept)
        threads = again or (chosen.threads if chosen else 0)
        if not threads:
            return self._asked_in_fastest_way(task, dtype, shelf, facts, left, result)
        if chosen is not None:
            text = f"{chosen_text(chosen, self._cores)} (remembered)"
            self.listen(Message(**self._about, task=task.name, text=text))
        if threads == self._cores:
            return self._asked_here(task, dtype, shelf, facts, left, result, threads)
        way = Way(max(1, self._cores // threads), threads)
        return self._asked_in_processes(task, dtype, shelf, left, result, way, chosen.memory_mb if chosen else 0.0)

    def _asked_here(
        self,
        task: Task,
        dtype: Dtype,
        shelf: Shelf | None,
        facts: Mapping[str, Any],
        left: list[Item],
        result: Answers,
        threads: int,
    ) -> Asked:
        """Ask one model, which stays open for further tasks."""
        context = self._open_here(task, dtype, shelf, facts, threads)
        left = self._declared(task, context, shelf, left, result)
        yield from self._asked_of(context, task, shelf, left, result, threads)

    def _open_here(
        self, task: Task, dtype: Dtype, shelf: Shelf | None, facts: Mapping[str, Any], threads: int
    ) -> EngineContext:
        context = self._contexts.get((dtype, threads))
        if context is None:
            self.listen(Message(**self._about, task=task.name, text="loading"))
            limit = self.settings.max_batch_atoms or facts.get("batch_atoms")
            opener = self._opener(dtype, threads, own_process=threads != self._cores)  # threads are of a whole process
            context = self._contexts[dtype, threads] = EngineContext(opener, shelf, limit)
        return context

    def _asked_of(
        self, context: EngineContext, task: Task, shelf: Shelf | None, left: list[Item], result: Answers, threads: int
    ) -> Asked:
        context.task = task.name
        try:
            if left:
                yield from self._on_threads(task.run(context, left), threads)
        finally:
            result.log_tail = context.log_tail or result.log_tail
        if context.batcher.limit < context.started_limit:  # what worked is where the next run starts
            context.started_limit = context.batcher.limit
            info = context.potential.info
            self._declare(info, machine(info.device), shelf, batch_atoms=int(context.batcher.limit))

    def _asked_in_processes(
        self,
        task: Task,
        dtype: Dtype,
        shelf: Shelf | None,
        left: list[Item],
        result: Answers,
        way: Way,
        memory_mb: float | None = None,
    ) -> Asked:
        """Ask several processes of the model, each about one item at a time.

        With ``memory_mb`` (0 if it was not measured) that a process takes there are as many as fit.
        """
        pool = self._pool(dtype, shelf, way.threads)
        pool.open(1)
        try:
            left = self._declared(task, pool.contexts[0], shelf, left, result)
            if memory_mb is not None:
                each = max(memory_mb, resident_mb(pool.contexts[0]) or 0.0)
                way = bounded(way, len(left), fits(available_mb(), each))
        except BaseException:
            pool.close()
            raise
        asked = pool.outcomes(task, left, way.processes, len(task.items))
        yield from self._on_threads(asked, way.threads)

    def _asked_in_fastest_way(
        self, task: Task, dtype: Dtype, shelf: Shelf | None, facts: Mapping[str, Any], left: list[Item], result: Answers
    ) -> Asked:
        """Measure the ways to share the cores on two of the items, if there is enough to do, and ask in the fastest.

        It is remembered before any answer is kept, so that whatever stops the command, the next one goes on in it.
        """
        context = self._open_here(task, dtype, shelf, facts, self._cores)
        left = self._declared(task, context, shelf, left, result)
        pools = partial(self._pool, dtype, shelf)
        trial = tried(task, context, pools, left, self._cores, min(self._cores, len(task.items)))
        with ExitStack() as stack:
            if trial.pool is not None:
                stack.callback(trial.pool.close)
                self._contexts.pop((dtype, self._cores)).close()
            if trial.text:
                kept = "" if trial.chosen is None else " (measured once, remembered)" if shelf else " (measured)"
                self.listen(Message(**self._about, task=task.name, text=trial.text + kept))
            if trial.chosen is not None:
                info = context.potential.info
                known = {**facts.get("cores", {}), self._shared_by(task): asdict(trial.chosen)}
                self._declare(info, machine(info.device), shelf, cores=known)
            yield from self._on_threads(iter(trial.outcomes), trial.way.threads)
            done = {item.id for item, _ in trial.outcomes}
            left = [item for item in left if item.id not in done]
            if trial.pool is None:
                yield from self._asked_of(context, task, shelf, left, result, self._cores)
            else:
                asked = trial.pool.outcomes(task, left, trial.way.processes, len(task.items))
                yield from self._on_threads(asked, trial.way.threads)

    def _shared_by(self, task: Task) -> str:
        """Under which name the way is remembered to share the cores."""
        return kept_as(self._cores, min(self._cores, len(task.items)))

    def _on_threads(self, asked: Asked, threads: int) -> Asked:
        """Answers with the number of threads of the CPU that they were computed on."""
        return computed_on(asked, threads if self.settings.device == "cpu" else 0)

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
            outcomes = ((item, outcome) for item, outcome in reply.outcomes if item.id in there)
            yield from self._on_threads(outcomes, max(1, int(self.settings.cluster_cpus)))

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
        known = (None if shelf is None else shelf.read_info()) or {}
        facts = {**known, "model": name, "machine": dict(where), "info": declared_facts(info), **more}
        self._keep(shelf, lambda s: s.write_info(facts))

    # -- the model and what is kept of it --------------------------------------------------------------------

    def _identify(self) -> None:
        if self._versions is None:
            if self.settings.device != "auto":  # a cluster's nodes have their own
                require_device(self.spec.adapter, self.spec.options, self.settings.device)
            self._sha256 = checkpoint_sha256(self.spec)
            say = lambda text: self.listen(Message(**self._about, text=text))  # noqa: E731
            self._versions = package_versions(self.spec.adapter, on_event=say)

    def _opener(self, dtype: Dtype, threads: int, own_process: bool = False) -> Opener:
        """Opens the model."""
        settings = self.settings
        about = (settings.timeout, threads, own_process, self.listen, self.row)
        return Opener(self.spec, settings.device, dtype, *about)

    def _pool(self, dtype: Dtype, shelf: Shelf | None, threads: int) -> Pool:
        """Processes of the model, to be opened."""
        return Pool(self._opener(dtype, threads, own_process=True), shelf, self.settings.max_batch_atoms)

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
        notes = [] if info is None else list(model_notes(task, items, info, result.skipped))
        if self.settings.processes == AUTO:
            notes += threads_note([answer.threads for answer in given], task.noun)
        evaluation = Evaluation(
            status=status,
            message=str(result.fatal or summary(records, task.noun)),
            seconds=round(seconds, 6),
            device=info.device if info else self.settings.device,
            dtype=info.dtype if info else task.dtype or self.settings.dtype,
            versions={**versions, "bsct-zoo": __version__},
            threads=tuple(sorted({answer.threads for answer in given} - {0})),
            notes=tuple(notes),
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
