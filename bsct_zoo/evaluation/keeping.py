"""Where what a model says is kept while it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bsct_zoo.evaluation.records import declared_facts
from bsct_zoo.evaluation.store import Shelf
from bsct_zoo.plugins.tasks import Answer
from bsct_zoo.potentials.potential import PotentialInfo


class Keeping:
    """A shelf that a full disk closes for writing, so that it does not cost what is already computed.

    Attributes:
        shelf: what is kept of the model; None if nothing is to be.
        facts: what the model declared in earlier runs and how it was best asked; empty if it never came up.
    """

    def __init__(self, shelf: Shelf | None, model: str, on_full: Callable[[str], None]) -> None:
        """``model`` is its name for people who look into the store; ``on_full`` hears why nothing more is kept."""
        self.shelf, self._model, self._on_full = shelf, model, on_full
        self.facts: Mapping[str, Any] = self._read()
        self._full = False

    def declare(self, info: PotentialInfo, where: Mapping[str, Any], **more: Any) -> None:
        """Keep what the model declares, the machine that it runs on, and ``more``, beside what is there."""
        facts = {**self._read(), "model": self._model, "machine": dict(where), "info": declared_facts(info), **more}
        self._write(lambda shelf: shelf.write_info(facts))

    def write(self, kind: str, key: str, answer: Answer) -> str:
        """Keep an answer; where it lies below the folder of the store, empty if it is not kept."""
        kept = self._write(lambda shelf: shelf.write(kind, key, answer))
        return self.shelf.place(kind, key) if kept and self.shelf is not None else ""

    def _read(self) -> Mapping[str, Any]:
        return (None if self.shelf is None else self.shelf.read_info()) or {}

    def _write(self, write: Callable[[Shelf], None]) -> bool:
        if self.shelf is None or self._full:
            return False
        try:
            write(self.shelf)
        except OSError as error:
            self._full = True
            self._on_full(
                f"answers could not be kept in {self.shelf.folder.parent}: {error.strerror}; "
                "free some room or set BSCT_ZOO_CACHE to another folder"
            )
        return not self._full
