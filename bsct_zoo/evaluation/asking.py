"""A task put to a model, in the way that the settings say: here, in several processes, on a cluster."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from functools import partial

from bsct_zoo.evaluation.answers import Answers, Asked, computed_with
from bsct_zoo.evaluation.cluster import shared_among_nodes
from bsct_zoo.evaluation.context import EngineContext
from bsct_zoo.evaluation.keeping import Keeping
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.model import Model
from bsct_zoo.evaluation.settings import AUTO
from bsct_zoo.evaluation.trial import resident_mb, tried
from bsct_zoo.evaluation.ways import Chosen, Numerics, Way, bounded, chosen_text, fits, kept_as
from bsct_zoo.plugins.tasks import Dtype, Item, Task
from bsct_zoo.potentials.batching import default_atoms
from bsct_zoo.runtime.memory import available_mb


class Asking:
    """One task put to one model about the items that are left of it."""

    def __init__(
        self, model: Model, task: Task, dtype: Dtype, kept: Keeping, left: list[Item], result: Answers
    ) -> None:
        """``result`` gets what the model declares and the output of a process that failed."""
        self.model, self.task, self.dtype = model, task, dtype
        self.kept, self.left, self.result = kept, left, result

    def outcomes(self) -> Asked:
        """Outcomes as they come, on a CPU with how they were computed in each answer.

        Raises:
            BsctZooError: the model never came up, or failed as a whole.
        """
        settings, cores = self.model.settings, self.model.cores
        if settings.cluster:
            return self._on_cluster()
        again = self._again.threads
        if not settings.processes or any(self.task.together(item) for item in self.left):
            return self._here(again or cores)
        if settings.processes != AUTO:
            return self._in_processes(Way(settings.processes, again or 1))
        if settings.device != "cpu":
            return self._here(cores)
        known = self.kept.facts.get("cores", {}).get(self._shared_by())
        chosen = None if known is None else Chosen(**known)
        threads = again or (chosen.threads if chosen else 0)
        if not threads:
            return self._in_fastest_way()
        if chosen is not None:
            self.model.say(f"{chosen_text(chosen, cores)} (remembered)", self.task.name)
        atoms = chosen.batch_atoms if chosen else 0
        if threads == cores:
            return self._here(threads, atoms)
        way = Way(max(1, cores // threads), threads)
        return self._in_processes(way, atoms, chosen.memory_mb if chosen else 0.0)

    @property
    def _again(self) -> Numerics:
        """As in the results that are made again."""
        return self.model.settings.again.get((self.model.spec.text, self.task.name), Numerics())

    @property
    def _batch_atoms(self) -> int:
        """How many atoms are to fill a batch, as in the results that are made again or as the user says; else 0."""
        return self._again.batch_atoms or self.model.settings.max_batch_atoms or 0

    def _opened(self, threads: int, batch_atoms: int = 0) -> EngineContext:
        """The model, which stays open for further tasks, with the size of batches of this one."""
        context = self.model.opened(self.dtype, threads, self.kept, self.task.name)
        context.fill(self._batch_atoms or batch_atoms, 0 if self._batch_atoms else self._fitting)
        self._declared(context)
        return context

    @property
    def _fitting(self) -> int:
        """How many atoms in a batch there was memory for, if it ran out in an earlier run; else 0."""
        return int(self.kept.facts.get("batch_atoms", 0))

    def _here(self, threads: int, batch_atoms: int = 0) -> Asked:
        """Ask one model."""
        context = self._opened(threads, batch_atoms)
        yield from self._of(context, threads)

    def _of(self, context: EngineContext, threads: int) -> Asked:
        context.task = self.task.name
        try:
            if self.left:
                yield from self._computed(self.task.run(context, self.left), threads, context.batch_atoms)
        finally:
            self.result.log_tail = context.log_tail or self.result.log_tail
        if context.ran_out:  # what worked is where the next run starts
            info = context.potential.info
            self.kept.declare(info, machine(info.device), batch_atoms=int(context.batcher.limit))

    def _in_processes(self, way: Way, batch_atoms: int = 0, memory_mb: float | None = None) -> Asked:
        """Ask several processes of the model, each about one item at a time.

        With ``memory_mb`` (0 if it was not measured) that a process takes there are as many as fit.
        """
        pool = self.model.pool(self.dtype, self.kept.shelf, self._batch_atoms or batch_atoms, way.threads)
        pool.open(1)
        atoms = pool.contexts[0].batch_atoms
        try:
            self._declared(pool.contexts[0])
            if memory_mb is not None:
                each = max(memory_mb, resident_mb(pool.contexts[0]) or 0.0)
                way = bounded(way, len(self.left), fits(available_mb(), each))
        except BaseException:
            pool.close()
            raise
        asked = pool.outcomes(self.task, self.left, way.processes, len(self.task.items))
        yield from self._computed(asked, way.threads, atoms)

    def _in_fastest_way(self) -> Asked:
        """Measure ways to share the cores and sizes of batches on two of the items, and ask in what is fastest.

        It is remembered before any answer is kept, so that whatever stops the command, the next one goes on in it.
        """
        task, cores = self.task, self.model.cores
        context = self._opened(cores)
        pools = partial(self.model.pool, self.dtype, self.kept.shelf, context.batch_atoms)
        most = min(cores, len(task.items))
        trial = tried(task, context, pools, self.left, cores, most, sizes=not self._batch_atoms)
        atoms = (context if trial.pool is None else trial.pool).batch_atoms
        with ExitStack() as stack:
            if trial.pool is not None:
                stack.callback(trial.pool.close)
                self.model.release(self.dtype, cores)
            if trial.text:
                measured = " (measured once, remembered)" if self.kept.shelf else " (measured)"
                self.model.say(trial.text + (measured if trial.chosen else ""), task.name)
            if trial.chosen is not None:
                info = context.potential.info
                known = {**self.kept.facts.get("cores", {}), self._shared_by(): asdict(trial.chosen)}
                self.kept.declare(info, machine(info.device), cores=known)
            yield from self._computed(iter(trial.outcomes), trial.way.threads, atoms)
            done = {item.id for item, _ in trial.outcomes}
            self.left = [item for item in self.left if item.id not in done]
            if trial.pool is None:
                yield from self._of(context, cores)
            else:
                asked = trial.pool.outcomes(task, self.left, trial.way.processes, len(task.items))
                yield from self._computed(asked, trial.way.threads, atoms)

    def _on_cluster(self) -> Asked:
        """Ask the nodes of a cluster; what the model declares comes with the first reply."""
        model, asked = self.model, self.left
        replies = shared_among_nodes(
            model.spec, self.task, asked, model.settings, model.identity(self.dtype), model.listen, model.row
        )
        threads = max(1, int(model.settings.cluster_cpus))
        atoms = model.settings.max_batch_atoms or default_atoms(model.settings.device)
        for reply in replies:
            if self.result.info is None and reply.info is not None:
                self.result.info = reply.info
                self.kept.declare(reply.info, reply.machine)
                self.left = self.result.sorted_out(self.task, self.left)
            there = {item.id for item in self.left}
            outcomes = ((item, outcome) for item, outcome in reply.outcomes if item.id in there)
            yield from self._computed(outcomes, threads, atoms)

    def _declared(self, context: EngineContext) -> None:
        """Note what a loaded model declares, and keep the items that it can be asked about."""
        if self.result.info is None:
            info = self.result.info = context.potential.info
            self.kept.declare(info, machine(info.device))
            self.left = self.result.sorted_out(self.task, self.left)

    def _shared_by(self) -> str:
        """Under which name the way is remembered to share the cores."""
        return kept_as(self.model.cores, min(self.model.cores, len(self.task.items)))

    def _computed(self, asked: Asked, threads: int, batch_atoms: int) -> Asked:
        """Answers with how they were computed on a CPU."""
        return computed_with(
            asked, Numerics(threads, batch_atoms) if self.model.settings.device == "cpu" else Numerics()
        )
