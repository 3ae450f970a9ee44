"""What runs in the interpreter of a model under test: loads it as it is, and tries what the host asks for."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bsct_zoo.runtime.protocol import EndOfStream, Message, read_message, write_message
from bsct_zoo.runtime.worker import claim_pipes, error_message, exit_with_host


def main() -> None:
    """Serve one host until it closes its end, then exit."""
    requests, replies = claim_pipes()
    threading.Thread(target=exit_with_host, args=(requests.fileno(),), daemon=True).start()
    subject: Any = None
    while True:
        try:
            request = read_message(requests)
        except EndOfStream:
            break
        try:
            if request.op == "load":
                subject = _loaded(request.fields)
                info = subject.potential.info
                said = {"device": info.device, "dtype": info.dtype, "versions": dict(info.versions)}
            else:
                said = _found(request.fields["property"], subject)
            answer = Message("result", said)
        except (Exception, SystemExit) as error:
            answer = error_message(error)
        write_message(replies, answer)
    # Libraries that hang or crash in their clean-up must not keep the host waiting.
    sys.stderr.flush()
    os._exit(0)


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
