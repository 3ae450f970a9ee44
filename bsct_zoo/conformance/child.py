"""The process of a model under test: loads the model unguarded and tests what the host requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bsct_zoo.runtime.protocol import WorkerMessage
from bsct_zoo.runtime.worker import Send, serve


def main() -> None:
    """Serve one host until it closes its pipe, then exit."""
    serve(_Server().answer)


class _Server:
    """Holds the model under test."""

    def __init__(self) -> None:
        self.subject: Any = None

    def answer(self, request: WorkerMessage, send: Send) -> WorkerMessage:
        """The reply to ``request``."""
        if request.op != "load":
            return WorkerMessage("result", _found(request.fields["property"], self.subject))
        self.subject = _loaded(request.fields)
        info = self.subject.potential.info
        return WorkerMessage("result", {"device": info.device, "dtype": info.dtype, "versions": dict(info.versions)})


def _loaded(fields: Mapping[str, Any]) -> Any:
    from bsct_zoo.conformance.run import loaded
    from bsct_zoo.plugins.cards import ModelCard

    elements = None if fields["elements"] is None else frozenset(fields["elements"])
    card = ModelCard.from_json(fields["card"])
    return loaded(fields["loader"], card, fields["device"], fields["dtype"], fields["options"], elements)


def _found(name: str, subject: Any) -> dict[str, Any]:
    from bsct_zoo.conformance.properties import chosen
    from bsct_zoo.conformance.run import try_property

    return asdict(try_property(chosen([name])[0], subject))
