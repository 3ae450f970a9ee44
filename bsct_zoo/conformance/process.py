"""A check in a process of its own, in the interpreter that the model needs: a crash costs one property."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bsct_zoo.conformance.finding import Finding
from bsct_zoo.errors import ModelError
from bsct_zoo.plugins.cards import Adapter, ModelCard, OptionValue
from bsct_zoo.runtime.host import WorkerHost
from bsct_zoo.runtime.load import resolve_device
from bsct_zoo.runtime.place import python_for
from bsct_zoo.runtime.protocol import Message
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
        self._load: dict[str, Any] = {
            "loader": adapter.loader,
            "card": card.to_json(),
            "device": resolve_device(device),
            "dtype": dtype,
            "options": dict(options or {}),
            "elements": None if elements is None else sorted(elements),
        }
        self._python = python_for(adapter, on_event)
        self._host: WorkerHost | None = None
        self.loaded = Loaded(**self._start())

    def try_property(self, name: str) -> Finding:
        """What is found of a property; a process that dies or hangs over it is its failure."""
        try:
            if self._host is None:
                self._start()
            assert self._host is not None
            return Finding(**self._host.ask(Message("try", {"property": name}), self._timeout).fields)
        except ModelError as error:
            self.close()
            return Finding("failed", message=" ".join(str(error).split()), name=name)

    def close(self) -> None:
        """End the process; safe to call twice."""
        if self._host is not None:
            self._host.close()
            self._host = None

    def __enter__(self) -> CheckProcess:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _start(self) -> dict[str, Any]:
        timeout = max(_LOADING, self._timeout)
        loader = self._load["loader"]
        self._host = WorkerHost(self._python, loader, module="bsct_zoo.conformance.child", timeout=timeout)
        try:
            return dict(self._host.ask(Message("load", self._load), timeout).fields)
        except BaseException:
            self.close()
            raise
