"""What models said before, found in the store without loading any."""

from __future__ import annotations

from bsct_zoo.evaluation.store import Store, content_key
from bsct_zoo.plugins.tasks import Answer, Item, Task


def kept_answers(store: Store, task: Task, item: Item) -> dict[str, Answer]:
    """Answers under ``task`` about ``item`` by name of the model ("mace:small"), of several the latest."""
    key = content_key([task.key(), item.fingerprint])
    found: dict[str, Answer] = {}
    for shelf in store.shelves():  # latest first
        name = str((shelf.read_info() or {}).get("model", ""))
        if not name or name in found:
            continue
        answer = shelf.read(task.kind, key)
        if answer is not None and task.is_kept(item, answer):
            found[name] = answer
    return found
