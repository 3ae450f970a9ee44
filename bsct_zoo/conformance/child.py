"""The process of a model under test: loads the model unguarded and tests what the host requests."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bsct_zoo.runtime.protocol import WorkerMessage
from bsct_zoo.runtime.worker import Send, serve


def main() -> None:
    """Serve one host until it closes its pipe, then exit."""
    subject: Any = None

    def answer(request: WorkerMessage, send: Send) -> WorkerMessage:
        from bsct_zoo.conformance.properties import try_property
        from bsct_zoo.conformance.subject import loaded
        from bsct_zoo.plugins.cards import ModelCard

        nonlocal subject
        fields = request.fields
        if request.op != "load":
            return WorkerMessage("result", asdict(try_property(fields["property"], subject)))
        elements = None if fields["elements"] is None else frozenset(fields["elements"])
        card = ModelCard.from_json(fields["card"])
        subject = loaded(fields["loader"], card, fields["device"], fields["dtype"], fields["options"], elements)
        info = subject.potential.info
        return WorkerMessage("result", {"device": info.device, "dtype": info.dtype, "versions": dict(info.versions)})

    serve(answer)
