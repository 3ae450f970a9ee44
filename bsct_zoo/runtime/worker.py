"""The process of a worker: one loop that answers a host, and the answers of a model's worker."""

from __future__ import annotations

import os
import platform
import select
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict
from time import perf_counter
from typing import Any

from bsct_zoo.runtime.protocol import EndOfStream, WorkerMessage, read_message, write_message

Send = Callable[[WorkerMessage], None]
Answer = Callable[[WorkerMessage, Send], WorkerMessage]

_REASONS = 2**20  # characters of the reasons of one answer, so that its header stays small


def main() -> None:
    """Serve one host that computes with a model."""
    serve(Server().answer)


def serve(answer: Answer) -> None:
    """Greet the host, answer its requests until it closes its pipe, then exit.

    ``answer`` may send messages before it returns its reply, from any thread. Whatever it raises is a reply "error".
    """
    requests, replies = claim_pipes()
    threading.Thread(target=exit_with_host, args=(requests.fileno(),), daemon=True).start()
    lock = threading.Lock()

    def send(message: WorkerMessage) -> None:
        with lock:
            write_message(replies, message)

    send(WorkerMessage("hello", {"python": platform.python_version(), "pid": os.getpid()}))
    while True:
        try:
            request = read_message(requests)
        except EndOfStream:
            break
        try:
            reply = answer(request, send)
        except (Exception, SystemExit) as error:
            reply = error_message(error)
        send(reply)
    # Libraries that hang or crash during clean-up must not block the host.
    sys.stderr.flush()
    os._exit(0)


class Server:
    """Holds the loaded potential and answers requests."""

    def __init__(self) -> None:
        self.potential: Any = None

    def answer(self, request: WorkerMessage, send: Send) -> WorkerMessage:
        """The reply to ``request``."""
        if request.op == "load":
            return self._load(request.fields)
        if request.op == "compute":
            return self._compute(request)
        if request.op == "fetch":
            return self._fetch(request.fields)
        raise ValueError(f"no such request: {request.op}")

    def _load(self, fields: Any) -> WorkerMessage:
        from bsct_zoo.plugins.cards import ModelCard
        from bsct_zoo.runtime.load import load_here

        how = {name: fields[name] for name in ("loader", "device", "dtype", "options", "threads")}
        self.potential = load_here(card=ModelCard.from_json(fields["card"]), **how)
        info = asdict(self.potential.info)
        info["elements"] = None if info["elements"] is None else sorted(info["elements"])
        return WorkerMessage("result", {"info": info})

    def _fetch(self, fields: Any) -> WorkerMessage:
        from pathlib import Path

        from bsct_zoo.plugins.cards import ModelCard, import_path

        card = ModelCard.from_json(fields["card"])
        return WorkerMessage("result", {"path": str(import_path(fields["fetcher"])(card, Path(fields["folder"])))})

    def _compute(self, request: WorkerMessage) -> WorkerMessage:
        import torch

        from bsct_zoo.atoms.batch import AtomsBatch

        batch = AtomsBatch(**{name: torch.from_numpy(array) for name, array in request.arrays.items()})
        started = perf_counter()
        prediction = self.potential.compute(batch)
        arrays = {"energy": prediction.energy.cpu().numpy(), "forces": prediction.forces.cpu().numpy()}
        seconds = perf_counter() - started
        if prediction.stress is not None:
            arrays["stress"] = prediction.stress.cpu().numpy()
        most = max(80, _REASONS // max(1, len(prediction.failures)))
        failures = [[place, str(why)[:most]] for place, why in prediction.failures.items()]
        return WorkerMessage("result", {"seconds": seconds, "failures": failures}, arrays)


def error_message(error: BaseException) -> WorkerMessage:
    """``error`` as a message."""
    from bsct_zoo.runtime.guard import wrap_error

    ours = wrap_error(error)
    trace = getattr(ours, "log_tail", "") or "".join(traceback.format_exception(error))
    # The nearest class that the host knows, should the adapter have derived one of its own.
    name = next(kind.__name__ for kind in type(ours).__mro__ if kind.__module__ == "bsct_zoo.errors")
    return WorkerMessage("error", {"error": name, "message": str(ours), "traceback": trace[-8000:]})


def claim_pipes() -> tuple[Any, Any]:
    """Keep stdin and stdout for messages; output of the model goes to the log, its input is empty."""
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(requests, "rb", buffering=0), os.fdopen(replies, "wb", buffering=0)


def exit_with_host(requests: int) -> None:
    """End this process when the host ends, even during a computation.

    The kernel's own way (PR_SET_PDEATHSIG) is tied to the thread that started the worker, which may end before it.
    """
    poll = select.poll()
    poll.register(requests, 0)  # no events asked for: wakes on hang-up alone
    poll.poll()
    os._exit(1)
