"""What runs in a trainer's interpreter: one job from the host, lines for people back, all it prints to the log."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bsct_zoo.runtime.protocol import Message, read_message, write_message
from bsct_zoo.runtime.worker import claim_pipes, error_message, exit_with_host
from bsct_zoo.training.job import Trained, TrainingJob

_BEAT_S = 1.0  # between signs of life


def job_fields(job: TrainingJob) -> dict[str, Any]:
    """``job`` as a message holds it."""
    return asdict(job) | {
        "data": str(job.data),
        "out": str(job.out),
        "options": dict(job.options),
        "suites": dict(job.suites),
    }


def main() -> None:
    """Carry out one job, then exit."""
    requests, replies = claim_pipes()
    threading.Thread(target=exit_with_host, args=(requests.fileno(),), daemon=True).start()
    request = read_message(requests)
    line = threading.Lock()

    def send(op: str, **fields: Any) -> None:
        with line:
            write_message(replies, Message(op, {"cpu_s": time.process_time(), **fields}))

    def beat() -> None:
        while True:
            send("beat")
            time.sleep(_BEAT_S)

    def tell(text: str, spent_s: float | None = None, /) -> None:
        print(text, file=sys.stderr, flush=True)
        send("tell", text=text, spent_s=spent_s)

    threading.Thread(target=beat, daemon=True).start()
    try:
        trained = _train(request.fields["trainer"], request.fields["job"], tell)
        answer = asdict(trained) | {"checkpoint": str(trained.checkpoint), "settings": dict(trained.settings)}
        send("trained", **answer)
    except (Exception, SystemExit) as error:
        said = error_message(error)
        print(said.fields["traceback"] or said.fields["message"], file=sys.stderr)
        send("error", **said.fields)
    # Libraries that hang or crash in their clean-up must not keep the host waiting.
    sys.stderr.flush()
    os._exit(0)


def _train(trainer: str, fields: dict[str, Any], tell: Any) -> Trained:
    import torch

    from bsct_zoo.plugins.cards import import_path

    job = TrainingJob(**(fields | {"data": Path(fields["data"]), "out": Path(fields["out"])}))
    torch.set_num_threads(job.threads)
    trained: Trained = import_path(trainer)(job, tell)
    return trained
