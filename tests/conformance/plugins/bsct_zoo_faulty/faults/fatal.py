"""Faults that take their process with them, and so are kept apart."""

import os
import signal
import time

from bsct_zoo_faulty.faults.registry import Fault

FATAL: dict[str, Fault] = {}


def fatal(compute):
    FATAL[compute.__name__] = Fault(compute.__name__, "empty-batch", compute)
    return compute


@fatal
def dies_on_an_empty_batch(model, batch):
    if not batch.n_systems:
        print("last words", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return model.predict(batch)


@fatal
def hangs_on_an_empty_batch(model, batch):
    while not batch.n_systems:
        time.sleep(0.1)
    return model.predict(batch)
