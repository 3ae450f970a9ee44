"""A check in a process of its own, in the interpreter that the model needs: a crash costs one property."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bsct_zoo.conformance.finding import Finding
from bsct_zoo.errors import ModelError
from bsct_zoo.plugins.cards import Adapter, ModelCard, OptionValue
from bsct_zoo.runtime import environment, requirements
from bsct_zoo.runtime.load import resolve_device
from bsct_zoo.runtime.process import WorkerProcess
from bsct_zoo.runtime.protocol import Message
from bsct_zoo.runtime.remote import error_of
from bsct_zoo.runtime.uv_tool import OnEvent

_LOADING = 600.0  # seconds at least, whatever one property may take


@dataclass(frozen=True)
class Loaded:
    """What a model said of itself when it was loaded: device, precision, versions of what makes its numbers."""

    device: str
    dtype: str
    versions: Mapping[str, str]


class CheckProcess:
    """A model under test in another process, started again where it dies.

    Attributes:
        loaded: what the model said when it was loaded.
    """

    def __init__(
        self,
        adapter: Adapter,
        card: ModelCard,
        *,
        device: str = "auto",
        dtype: str = "float64",
        options: Mapping[str, OptionValue] | None = None,
        elements: frozenset[int] | None = None,
        timeout: float = 600.0,
        on_event: OnEvent | None = None,
    ) -> None:
        """Start it and load the model; ``timeout`` is what one property may take, in seconds.

        Raises:
            BadInputError: the device is not there, or the model refuses an option or a file.
            EnvironmentBuildError: its environment cannot be made.
            ModelError: it cannot be loaded.
        """
        self._timeout = timeout
        self._package = adapter.loader.partition(":")[0].partition(".")[0]
        self._load = {
            "loader": adapter.loader,
            "card": card.to_json(),
            "device": resolve_device(device),
            "dtype": dtype,
            "options": dict(options or {}),
            "elements": None if elements is None else sorted(elements),
        }
        here = not requirements.unmet(adapter.environment)
        self._python = sys.executable if here else str(environment.build(adapter, on_event).python)
        self._worker: WorkerProcess | None = None
        self.loaded = Loaded(**self._start())

    def try_property(self, name: str) -> Finding:
        """What is found of a property; a process that dies or hangs over it is its failure."""
        try:
            if self._worker is None:
                self._start()
            return Finding(**self._asked(Message("try", {"property": name}), self._timeout))
        except ModelError as error:
            self.close()
            return Finding("failed", message=" ".join(str(error).split()), name=name)

    def close(self) -> None:
        """End the process; safe to call twice."""
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def __enter__(self) -> CheckProcess:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_worker"):
            self.close()

    def _start(self) -> dict[str, Any]:
        packages = ("bsct_zoo", self._package)
        self._worker = WorkerProcess(self._python, packages, module="bsct_zoo.conformance.child")
        try:
            return self._asked(Message("load", self._load), max(_LOADING, self._timeout))
        except BaseException:
            self.close()
            raise

    def _asked(self, request: Message, timeout: float) -> dict[str, Any]:
        assert self._worker is not None
        answer = self._worker.exchange(request, timeout)
        if answer.op == "error":
            raise error_of(answer.fields, self._worker.log_tail)
        return dict(answer.fields)
