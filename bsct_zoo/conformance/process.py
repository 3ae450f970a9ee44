"""A conformance check in its own process and the model's interpreter: a crash fails one property only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bsct_zoo.conformance.finding import Finding
from bsct_zoo.errors import ModelError
from bsct_zoo.plugins.cards import Adapter, ModelCard, OptionValue
from bsct_zoo.plugins.options import require_device
from bsct_zoo.runtime.host import WorkerHost
from bsct_zoo.runtime.load import resolve_device
from bsct_zoo.runtime.place import ready_place
from bsct_zoo.runtime.protocol import WorkerMessage
from bsct_zoo.runtime.uv_tool import OnEvent

_LOADING = 600.0  # seconds, the minimum for loading


@dataclass(frozen=True)
class Loaded:
    """What a loaded model declares: device, precision, versions of its packages."""

    device: str
    dtype: str
    versions: Mapping[str, str]


class CheckProcess:
    """A model under test in another process, restarted if it dies; ``loaded`` is what it declared at first."""

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
        """Start it and load the model; ``timeout`` of one property in seconds.

        Raises:
            BadInputError: the device does not exist, or the model refuses an option or a file.
            EnvironmentBuildError: its environment cannot be built.
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
        require_device(adapter, options or {}, self._load["device"])
        self._python = ready_place(adapter, on_event).python
        self._host: WorkerHost | None = None
        self.loaded = Loaded(**self._start())

    def try_property(self, name: str) -> Finding:
        """The result for a property; it fails if the process dies or hangs."""
        try:
            if self._host is None:
                self._start()
            assert self._host is not None
            return Finding(**self._host.ask(WorkerMessage("try", {"property": name}), self._timeout).fields)
        except ModelError as error:
            self.close()
            return Finding("failed", message=" ".join(str(error).split()), name=name)

    def close(self) -> None:
        """End the process; can be called twice."""
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
            return dict(self._host.ask(WorkerMessage("load", self._load), timeout).fields)
        except BaseException:
            self.close()
            raise
