"""One model of a call: who it is, how it is opened, and where what it says is kept."""

from __future__ import annotations

from typing import Any

from bsct_zoo.evaluation.context import EngineContext, Opener
from bsct_zoo.evaluation.events import Listener, Message, NotKept
from bsct_zoo.evaluation.keeping import Keeping
from bsct_zoo.evaluation.pool import Pool
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.evaluation.store import Shelf, Store
from bsct_zoo.models.identity import checkpoint_sha256, identity
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.options import require_device
from bsct_zoo.plugins.tasks import Dtype
from bsct_zoo.runtime.load import package_versions
from bsct_zoo.runtime.surroundings import cores


class Model:
    """One model of a call; what is opened of it stays open for further tasks, until it is closed.

    Attributes:
        spec, settings, listen, row: what was asked for, who hears of it, and which model of the call it is.
        cores: that are this model's.
        sha256: of its checkpoint; None before ``identify``, or if it has none.
        versions: of its packages; empty before ``identify``.
    """

    def __init__(self, spec: ModelSpec, settings: Settings, listen: Listener, row: int) -> None:
        self.spec, self.settings, self.listen, self.row = spec, settings, listen, row
        self.cores = max(1, cores() // settings.jobs)
        self.sha256: str | None = None
        self.versions: dict[str, str] = {}
        self._identified = False
        self._keeps = settings.use_store
        self._contexts: dict[tuple[Dtype, int], EngineContext] = {}

    def say(self, text: str, task: str = "") -> None:
        """Tell whoever listens."""
        self.listen(Message(model=self.spec.text, row=self.row, task=task, text=text))

    # -- who it is, and what is kept of it -------------------------------------------------------------------

    def identify(self) -> None:
        """Find its checkpoint and packages, once.

        Raises:
            BsctZooError: they are not to be had, or the device is not.
        """
        if self._identified:
            return
        if self.settings.device != "auto":  # a cluster's nodes have their own
            require_device(self.spec.adapter, self.spec.options, self.settings.device)
        self.sha256 = checkpoint_sha256(self.spec)
        self.versions = package_versions(self.spec.adapter, on_event=self.say)
        self._identified = True

    def identity(self, dtype: Dtype) -> dict[str, Any] | None:
        """What decides its answers in ``dtype``; None if that is not known."""
        return identity(self.spec, self.sha256, self.settings.device, dtype, self.versions)

    def keeping(self, dtype: Dtype) -> Keeping:
        """Where its answers in ``dtype`` are kept; nowhere after a disk was full."""
        name = f"{self.spec.adapter.name}:{self.spec.card.name}"
        return Keeping(self._shelf(dtype), name, self._keep_no_more)

    def _shelf(self, dtype: Dtype) -> Shelf | None:
        if not self._keeps:
            return None
        known = self.identity(dtype)
        if known is None and not self.settings.private:
            return None
        return Store(self.settings.store_folder).shelf(known or {"text": self.spec.typed, "dtype": dtype}, self.say)

    def _keep_no_more(self, why: str) -> None:
        self._keeps = False
        self.listen(NotKept(model=self.spec.text, row=self.row, message=why))

    # -- where it runs ---------------------------------------------------------------------------------------

    def opener(self, dtype: Dtype, threads: int, own_process: bool = False) -> Opener:
        """Opens it."""
        about = (self.settings.timeout, threads, own_process, self.listen, self.row)
        return Opener(self.spec, self.settings.device, dtype, *about)

    def opened(self, dtype: Dtype, threads: int, kept: Keeping, task: str) -> EngineContext:
        """It, open for ``task``.

        Raises:
            BsctZooError: it cannot be loaded.
        """
        context = self._contexts.get((dtype, threads))
        if context is None:
            self.say("loading", task)
            opener = self.opener(dtype, threads, own_process=threads != self.cores)  # threads are of a whole process
            context = self._contexts[dtype, threads] = EngineContext(opener, kept.shelf)
        return context

    def pool(self, dtype: Dtype, shelf: Shelf | None, batch_atoms: int, threads: int) -> Pool:
        """Processes of it, to be opened, each on ``threads``."""
        return Pool(self.opener(dtype, threads, own_process=True), shelf, batch_atoms)

    def release(self, dtype: Dtype, threads: int) -> None:
        """Close what is open in ``dtype`` on so many threads."""
        self._contexts.pop((dtype, threads)).close()

    def close(self) -> None:
        """Close it wherever it is open; safe to call twice."""
        while self._contexts:
            self._contexts.popitem()[1].close()
