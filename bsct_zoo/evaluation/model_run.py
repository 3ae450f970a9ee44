"""One model on its way through tasks: what is kept of it is read, the rest is asked, and the result is made of both."""

from __future__ import annotations

from collections.abc import Sequence

from ase.data import chemical_symbols

from bsct_zoo import __version__
from bsct_zoo.errors import BsctZooError
from bsct_zoo.evaluation.answers import Answers, keys_of
from bsct_zoo.evaluation.asking import Asking
from bsct_zoo.evaluation.context import EngineContext
from bsct_zoo.evaluation.events import Done, Failed, Listener, Started
from bsct_zoo.evaluation.model import Model
from bsct_zoo.evaluation.records import (
    declared_info,
    long_reasons,
    model_notes,
    numerics_note,
    record_of,
    status_of,
    summary,
)
from bsct_zoo.evaluation.results import Evaluation, ModelResult
from bsct_zoo.evaluation.settings import AUTO, Settings
from bsct_zoo.evaluation.store import Shelf
from bsct_zoo.evaluation.ways import Numerics
from bsct_zoo.metrics.columns import aggregate
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.tasks import Answer, Failure, Item, Task
from bsct_zoo.potentials.potential import PotentialInfo


class ModelRun:
    """One model on its way through tasks; lives for one call. Never raises for what is the model's own fault."""

    def __init__(self, spec: ModelSpec, settings: Settings, listen: Listener, row: int) -> None:
        self.spec, self.settings, self.listen, self.row = spec, settings, listen, row
        self._model = Model(spec, settings, listen, row)
        self._answers: dict[str, Answers] = {}

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
            checkpoint_sha256=self._model.sha256,
            level_of_theory=(info.level_of_theory if info else "") or card.level_of_theory,
            licence=card.licence,
            elements=None if info is None else tuple(chemical_symbols[z] for z in sorted(info.elements or ())),
            conservative=None if info is None else info.conservative,
            parameters=card.parameters,
            evaluations=evaluations,
        )

    def close(self) -> None:
        """Close the model wherever it is open; safe to call twice."""
        self._model.close()

    def declared(self) -> PotentialInfo:
        """What the model says of itself.

        Raises:
            BsctZooError: it cannot be loaded.
        """
        self._model.identify()
        opener = self._model.opener(self.settings.dtype, self._model.cores)
        context = EngineContext(opener, None)
        context.close()
        return context.potential.info

    def answers(self, task: Task) -> Answers:
        """What the model says under ``task``, asked once."""
        if task.name not in self._answers:
            self.listen(Started(model=self.spec.text, row=self.row, task=task.name))
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
        self._model.identify()
        dtype = task.dtype or self.settings.dtype
        kept = self._model.keeping(dtype)
        left = list(task.items)
        if kept.shelf is not None and kept.facts:
            result.info = declared_info(kept.facts["info"])
            left = result.sorted_out(task, left)
            left = _read_back(task, kept.shelf, left, result)
        if not left:
            return
        keys: dict[str, str] = {}
        for item, outcome in Asking(self._model, task, dtype, kept, left, result).outcomes():
            keys = keys or keys_of(task, result.askable)
            result.outcomes[item.id] = outcome
            if isinstance(outcome, Failure):
                result.log_tail = outcome.log_tail or result.log_tail
            elif place := kept.write(task.kind, keys[item.id], outcome):
                result.places[item.id] = place

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
        versions = (dict(info.versions) if info else {}) or self._model.versions
        status = status_of(records)
        notes = [] if info is None else list(model_notes(task, items, info, self.spec.card, result.skipped))
        if self.settings.processes == AUTO:
            notes += numerics_note([Numerics(answer.threads, answer.batch_atoms) for answer in given], task.noun)
        evaluation = Evaluation(
            status=status,
            message=str(result.fatal or summary(records, task.noun)),
            seconds=round(seconds, 6),
            device=info.device if info else self.settings.device,
            dtype=info.dtype if info else task.dtype or self.settings.dtype,
            versions={**versions, "bsct-zoo": __version__},
            threads=tuple(sorted({answer.threads for answer in given} - {0})),
            batch_atoms=tuple(sorted({answer.batch_atoms for answer in given} - {0})),
            notes=tuple(notes),
            values={name: value for name, (value, _) in values.items()},
            counts={name: count for name, (_, count) in values.items()},
            records=records,
        )
        done = Done(
            model=self.spec.text,
            row=self.row,
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


def _read_back(task: Task, shelf: Shelf, items: list[Item], result: Answers) -> list[Item]:
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
