"""A thousand comparisons in one process: memory and open files stay what they are.

    python benchmarks/thousand.py [--model transformer] [--times 1000] [--workers 20]

Each loads the model, scores one scan of ``core`` and reads its answer back from a store of its own; every fifth writes
its results as JSON and reads them. With ``--workers N`` the first N run in a process of the model's own. Exits with 1
if what stays after the first tenth has grown by more than 5 % or by a handle.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.results import json_text, read_results
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.models.naming import parse_model
from bsct_zoo.suites.library import open_suite


def resident_mb() -> float:
    """Memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def handles() -> int:
    """Open files, pipes and sockets of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def main() -> int:
    """Run and report."""
    options = argparse.ArgumentParser()
    options.add_argument("--model", default="transformer")
    options.add_argument("--times", type=int, default=1000)
    options.add_argument("--workers", type=int, default=20)
    asked = options.parse_args()
    suite = open_suite("core").select(limit=1)
    scan = suite.scans[0]
    scan = scan.only(scan.coordinate >= scan.coordinate[-8])  # eight frames: it is not about the model
    task = ScanTask(replace(suite, scans=(scan,)))
    print("| comparisons | memory, MB | handles | s each |\n|---:|---:|---:|---:|")
    settled = (resident_mb(), handles())
    clock = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, asked.times + 1):
            settings = Settings(folder=Path(folder) / str(number), private=True, processes=int(number <= asked.workers))
            for _ in range(2):  # once computed, once read
                results = evaluate([parse_model(asked.model)], [task], settings)
                assert results.rows[0].status == "ok", results.rows[0]
            if number % 5 == 0:
                path = Path(folder) / "r.json"
                path.write_text(json_text(results))
                assert read_results(path) == results
            if number % max(1, asked.times // 10) == 0:
                gc.collect()
                now = (resident_mb(), handles())
                settled = now if number == max(1, asked.times // 10) else settled
                print(f"| {number} | {now[0]:.0f} | {now[1]} | {(perf_counter() - clock) / number:.3f} |", flush=True)
    return int(now[0] > 1.05 * settled[0] or now[1] > settled[1])


if __name__ == "__main__":
    sys.exit(main())
