"""What a model says under a task, under which key it is kept, and what models said before, without loading any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace

from ase.data import chemical_symbols

from bsct_zoo.errors import BsctZooError
from bsct_zoo.evaluation.store import Store, content_key
from bsct_zoo.evaluation.ways import Numerics
from bsct_zoo.plugins.tasks import Answer, Failure, Item, Outcome, Task
from bsct_zoo.potentials.potential import PotentialInfo

Asked = Iterator[tuple[Item, Outcome]]


@dataclass
class Answers:
    """What a model says under a task.

    Attributes:
        outcomes: by id of the item; items that are skipped have none.
        skipped: items that the task leaves out for this model.
        info: what the model declared of itself; None if it never came up.
        fatal: why the model failed as a whole; None if it did not.
        log_tail: last output of the model where it failed.
        known: how many answers were kept from before.
        places: by id of the item, where the store keeps its answer, below the folder of the store.
        askable: items that the model can be asked about, in the task's order.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    skipped: list[Item] = field(default_factory=list)
    info: PotentialInfo | None = None
    fatal: BsctZooError | None = None
    log_tail: str = ""
    known: int = 0
    places: dict[str, str] = field(default_factory=dict)
    askable: tuple[Item, ...] = ()

    def sorted_out(self, task: Task, items: Sequence[Item]) -> list[Item]:
        """Items that the model can be asked about; those with unknown elements fail, others may be skipped."""
        assert self.info is not None
        elements = self.info.elements
        left = []
        for item in items:
            foreign = [] if elements is None else sorted(set(item.atomic_numbers) - elements)
            if task.skips(item, self.info):
                self.skipped.append(item)
            elif foreign:
                names = ", ".join(chemical_symbols[z] for z in foreign)
                self.outcomes[item.id] = Failure(f"the model does not know {names}")
            else:
                left.append(item)
        self.askable = tuple(left)
        return left


def keys_of(task: Task, items: Sequence[Item]) -> dict[str, str]:
    """Under which key an answer is kept, by item; ``items`` are all that the model can be asked about."""
    batches: dict[str, list[str]] = {}
    for item in items:
        batches.setdefault(task.together(item), []).append(item.fingerprint)
    batches[""] = []
    others = {name: [batch] if batch else [] for name, batch in batches.items()}
    return {item.id: content_key([task.key(), item.fingerprint, *others[task.together(item)]]) for item in items}


def computed_with(asked: Asked, numerics: Numerics) -> Asked:
    """Outcomes whose answers say how they were computed on a CPU."""
    words = asdict(numerics)
    for item, outcome in asked:
        yield item, replace(outcome, **words) if isinstance(outcome, Answer) else outcome


def kept_answers(store: Store, task: Task, item: Item) -> dict[str, Answer]:
    """Answers under ``task`` about ``item`` by name of the model ("mace:small"), of several the latest."""
    key = keys_of(task, [item])[item.id]
    found: dict[str, Answer] = {}
    for shelf in store.shelves():  # latest first
        name = str((shelf.read_info() or {}).get("model", ""))
        if not name or name in found:
            continue
        answer = shelf.read(task.kind, key)
        if answer is not None and task.is_kept(item, answer):
            found[name] = answer
    return found
