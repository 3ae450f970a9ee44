"""The process of a trainer: one job from the host, messages back, all other output to the log."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from bsct_zoo.runtime.protocol import WorkerMessage
from bsct_zoo.runtime.worker import Send, serve
from bsct_zoo.training.job import Trained, TrainingJob

_BEAT_S = 1.0  # between heartbeats


def main() -> None:
    """Run one job, then exit."""
    serve(_answer)


def _answer(request: WorkerMessage, send: Send) -> WorkerMessage:
    """Run the job and send heartbeats meanwhile."""

    def say(op: str, **fields: Any) -> None:
        send(WorkerMessage(op, {"cpu_s": time.process_time(), **fields}))

    def tell(text: str, spent_s: float | None = None, /) -> None:
        print(text, file=sys.stderr, flush=True)
        say("tell", text=text, spent_s=spent_s)

    def beat() -> None:
        say("beat")
        while not done.wait(_BEAT_S):
            say("beat")

    done = threading.Event()
    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    try:
        trained = _train(request.fields["trainer"], request.fields["job"], tell)
    except (Exception, SystemExit):
        traceback.print_exc()
        raise
    finally:
        done.set()
        heart.join()
    return WorkerMessage("result", trained.to_json())


def _train(trainer: str, fields: dict[str, Any], tell: Any) -> Trained:
    import torch

    from bsct_zoo.plugins.cards import import_path

    job = TrainingJob(**(fields | {"data": Path(fields["data"]), "out": Path(fields["out"])}))
    torch.set_num_threads(job.threads)
    trained: Trained = import_path(trainer)(job, tell)
    return trained
