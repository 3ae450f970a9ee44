"""How long 100,000 scans of 50 models take on 64 GPUs: a simulation whose parts are measured here, and what limits it.

    python benchmarks/projection.py [--scans 56] [--ray] [--write]

Measured on this machine, each by itself: what a scan costs the process in which the command runs (kept, judged, its
curves encoded, read and written as JSON), what a call costs Ray, a bootstrap, and a frame of the Transformer on a CPU
core. A discrete-event simulation puts them together: workers that compute, and commands that each take in one answer
at a time. ``--ray`` holds it against a run of a local cluster of two processes. What a frame costs on a GPU was not
measured by it: it is a range. ``--write`` puts the tables into docs/cluster.md.
"""

from __future__ import annotations

import argparse
import heapq
import math
import os
import pickle
import tempfile
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from pages import fill

from bsct_zoo.analysis.bootstrap import resampled_means
from bsct_zoo.evaluation.cluster import connected
from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.records import record_of
from bsct_zoo.evaluation.results import json_text, read_results
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.evaluation.store import Store
from bsct_zoo.models.naming import parse_model
from bsct_zoo.plugins.tasks import Answer
from bsct_zoo.suites.library import open_suite
from bsct_zoo.suites.suite_file import read_suite, write_suite

MODEL, CALL = "transformer", 8  # scans of a call
SCANS, MODELS, GPUS, FRAMES = 100_000, 50, 64, 100
MINUTE = 60.0


@dataclass(frozen=True)
class Parts:
    """What was measured, in seconds.

    Attributes:
        opened: a scan of a suite, read from its file.
        kept: an answer, written to the store.
        back: an answer, read from it.
        judged: an answer, made a record with metrics and curves.
        told: a record, written as JSON and read.
        bytes: of a record in JSON.
        frame: of the Transformer, one core.
        call: of Ray, without work, with the scans in it.
        start: from a command's start to its first answer, on a local cluster; zero if not measured.
    """

    opened: float
    kept: float
    back: float
    judged: float
    told: float
    bytes: float
    frame: float
    call: float = 0.0
    start: float = 0.0

    @property
    def taken(self) -> float:
        """What the command's process does for a scan while it is computed elsewhere."""
        return self.kept + self.judged + self.call / CALL


def simulated(calls: int, workers: int, commands: int, work: float, taken: float, start: float = 0.0) -> float:
    """Seconds until ``calls`` were computed by ``workers`` (``work`` each) taken in by ``commands`` (``taken``).

    Calls belong to commands in turn. A worker goes on with the next call at once; an answer waits for its command.
    """
    free = [(start, worker) for worker in range(workers)]
    heapq.heapify(free)
    busy = [0.0] * commands
    for number in range(calls):
        now, worker = heapq.heappop(free)
        done = now + work
        heapq.heappush(free, (done, worker))
        command = number % commands
        busy[command] = max(busy[command], done) + taken
    return max(busy)


def per(times: int, work: Callable[[], object]) -> float:
    """Seconds of each of ``times`` that ``work`` does; the fastest of three goes."""
    best = math.inf
    for _ in range(3):
        clock = perf_counter()
        work()
        best = min(best, perf_counter() - clock)
    return best / times


def measured(task: ScanTask, folder: Path) -> Parts:
    """All parts but those of Ray."""
    suite, n = task.suite, len(task.items)
    file = folder / "suite.npz"
    write_suite(file, suite)
    settings = Settings(folder=folder / "first", private=True, use_store=True, device="cpu")
    results = evaluate([parse_model(MODEL)], [task], settings)
    store = Store(folder / "first")
    places = [record.answer for record in results.rows[0].evaluations[task.name].records]
    answers: list[Answer] = [answer for place in places if (answer := store.at(place)) is not None]
    shelf = Store(folder / "second").shelf({})
    pairs = list(zip(task.items, answers, strict=True))
    path = folder / "r.json"

    def told() -> None:
        path.write_text(json_text(results))
        read_results(path)

    def keep() -> None:
        for item, answer in pairs:
            shelf.write("scans", item.fingerprint, answer)

    return Parts(
        opened=per(n, lambda: read_suite(file)),
        kept=per(n, keep),
        back=per(n, lambda: [store.at(place) for place in places]),
        judged=per(n, lambda: [record_of(task, item, answer) for item, answer in pairs]),
        told=per(n, told),
        bytes=path.stat().st_size / n,
        frame=sum(answer.seconds for answer in answers) / sum(item.subject.n_frames for item in task.items),
    )


def on_ray(task: ScanTask, parts: Parts) -> tuple[Parts, float, float]:
    """Parts with those of Ray, and the seconds of a run on two processes: what it took, and what is simulated."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    remote: Any = ray.remote  # whose overloads know no function of our kind
    echo = remote(lambda items: len(items))
    items = list(task.items)
    ray.get(echo.remote(items[:CALL]))
    shards = [items[first : first + CALL] for first in range(0, len(items), CALL)]
    call = per(len(shards), lambda: ray.get([echo.remote(shard) for shard in shards]))

    def seconds(part: ScanTask) -> float:
        clock = perf_counter()
        with tempfile.TemporaryDirectory() as folder, connected("local"):
            settings = Settings(folder=Path(folder), private=True, device="cpu", cluster="local", cluster_items=CALL)
            evaluate([parse_model(MODEL)], [part], settings)
        return perf_counter() - clock

    start = seconds(ScanTask(replace(task.suite, scans=task.suite.scans[:1])))
    parts = replace(parts, call=call, start=start)
    frames = sum(item.subject.n_frames for item in items) / len(items)
    took = seconds(task)
    ray.shutdown()
    guess = simulated(len(shards), 2, 1, CALL * frames * parts.frame, CALL * parts.taken, start)
    return parts, took - start, guess - start


def projection(parts: Parts) -> list[str]:
    """Rows: what a frame costs on a GPU, and hours with one command and with one for each model."""
    calls = SCANS * MODELS // CALL
    rows = [
        "| ms a frame on a GPU | GPUs alone, h | one command, h | a command for each model, h |",
        "|---:|---:|---:|---:|",
    ]
    for ms in (0.05, 0.2, 1.0, 5.0):
        work = CALL * FRAMES * ms / 1000
        hours = [calls * work / GPUS / 3600]
        hours += [simulated(calls, GPUS, n, work, CALL * parts.taken) / 3600 for n in (1, MODELS)]
        rows.append(f"| {ms:g} | " + " | ".join(f"{value:.2g}" for value in hours) + " |")
    return rows


def bootstraps() -> list[str]:
    """Rows: seconds and memory of the interval of a mean."""
    rows = ["| scans | interval of a mean, s | memory, MB |", "|---:|---:|---:|"]
    for n in (1_000, 10_000, SCANS):
        values = np.random.default_rng(0).lognormal(size=n)
        tracemalloc.start()
        clock = perf_counter()
        resampled_means(values[None])
        seconds, peak = perf_counter() - clock, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        rows.append(f"| {n:,} | {seconds:.2g} | {peak / 1e6:.3g} |")
    return rows


def main() -> None:
    """Measure, simulate, report."""
    options = argparse.ArgumentParser()
    options.add_argument("--scans", type=int, default=56)
    options.add_argument("--ray", action="store_true")
    options.add_argument("--write", action="store_true")
    asked = options.parse_args()
    task = ScanTask(open_suite("core").select(limit=asked.scans))
    with tempfile.TemporaryDirectory() as folder:
        parts = measured(task, Path(folder))
    lines = []
    if asked.ray:
        parts, took, guess = on_ray(task, parts)
        off = f"{100 * (guess / took - 1):+.0f} %"
        run = f"{len(task.items)} scans on a local Ray cluster of two processes: {took:.1f} s after the start"
        lines = ["", f"{run} of {parts.start:.0f} s; simulated {guess:.1f} s ({off})."]
    here = machine("cpu")
    where = f"Measured on {os.cpu_count()} cores of {here['processor']}, one thread, load {os.getloadavg()[0]:.1f}."
    whole = len(pickle.dumps(task)) / len(task.items)
    costs = {
        "open a scan of a suite": parts.opened,
        "keep an answer": parts.kept,
        "read a kept answer": parts.back,
        "judge it, with curves": parts.judged,
        "a record to JSON and back": parts.told,
        f"a call of Ray with {CALL} scans": parts.call,
        "a frame of the Transformer, one core": parts.frame,
    }
    rows = ["| part | ms |", "|---|---:|", *(f"| {name} | {1000 * cost:.2g} |" for name, cost in costs.items() if cost)]
    total = SCANS * MODELS
    sizes = (
        f"A record is {parts.bytes / 1000:.1f} kB of JSON: {total * parts.bytes / 1e9:.0f} GB for {total:,}. "
        f"A scan is {whole / 1000:.0f} kB where it is sent."
    )
    text = "\n".join([*rows, *lines, "", *projection(parts), "", *bootstraps(), "", sizes, "", where])
    print(text)
    if asked.write:
        fill(Path(__file__).parents[1] / "docs" / "cluster.md", "projection", text)


if __name__ == "__main__":
    main()
