"""How many atoms should fill a batch: time per frame of a shipped model against the size of the batch.

python benchmarks/batch_size.py transformer
"""

import argparse
import platform
import statistics
import time

import torch

from bsct_zoo.batch import AtomsBatch
from bsct_zoo.batching import Batcher
from bsct_zoo.models import parse_model
from bsct_zoo.results.machine import machine
from bsct_zoo.runtime.load import load_potential
from bsct_zoo.scans.frames import frames_of
from bsct_zoo.scans.library import open_suite


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="transformer")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    spec = parse_model(arguments.model)
    scan = max(open_suite("core").select(limit=9).scans, key=lambda s: s.n_atoms)
    frames: list[AtomsBatch] = frames_of(scan)
    print(machine(arguments.device), "torch", torch.__version__, platform.python_version())
    print(f"{spec.text}, {arguments.dtype}, {scan.id}: {len(frames)} frames of {scan.n_atoms} atoms")
    with load_potential(
        spec.adapter,
        spec.card,
        device=arguments.device,
        dtype=arguments.dtype,
        options=dict(spec.options),
        threads=arguments.threads,
    ) as potential:
        base = None
        for atoms in (1, 64, 128, 256, 512, 1024, 2048):
            times = []
            for _ in range(arguments.repeats):
                clock = time.perf_counter()
                Batcher(potential, atoms).compute(frames)
                times.append((time.perf_counter() - clock) / len(frames))
            median = statistics.median(times)
            base = base or median
            name = "one by one" if atoms == 1 else f"{atoms:5d} atoms"
            print(f"{name:>11}: {1e3 * median:7.2f} ms a frame, {base / median:5.2f} times one by one")


if __name__ == "__main__":
    main()
