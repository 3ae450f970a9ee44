"""What a worker costs: time of a call to a model in another process, less the model's own time in there.

Run as ``python benchmarks/worker_overhead.py``. The batch is 100 frames of ethanol; the model is a third-party plugin
(tests/runtime/plugins): a harmonic trap, so that what is measured is the way there and back, and Lennard-Jones.
"""

from __future__ import annotations

import platform
import statistics
import sys
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np
from ase.build import molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.runtime.remote import RemotePotential

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "runtime" / "plugins"))

FRAMES, CALLS, WARM_UP = 100, 500, 30


def frames(n: int) -> AtomsBatch:
    """Frames of ethanol, each a little different."""
    generator = np.random.default_rng(0)
    systems = [molecule("CH3CH2OH") for _ in range(n)]
    for atoms in systems:
        atoms.positions += generator.normal(0, 0.02, atoms.positions.shape)
    return AtomsBatch.from_atoms(systems)


def measure(mode: str, batch: AtomsBatch) -> tuple[list[float], list[float]]:
    """Milliseconds beyond the model's own time, and the model's own, for each call."""
    from bsct_zoo_toy import adapter

    toy = adapter()
    beyond, own = [], []
    with RemotePotential(
        sys.executable, toy, toy.cards[0], device="cpu", dtype="float64", options={"mode": mode}
    ) as potential:
        for call in range(WARM_UP + CALLS):
            started = perf_counter()
            potential.compute(batch)
            seconds = perf_counter() - started
            if call >= WARM_UP:
                own.append(potential.seconds * 1e3)
                beyond.append((seconds - potential.seconds) * 1e3)
    return beyond, own


def processor() -> str:
    """Name of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    """Print the machine, the versions and one line for each model."""
    import os

    print(f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}")
    names = ("bsct-zoo", "numpy", "torch")
    print(", ".join([f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in names)]))
    batch = frames(FRAMES)
    print(f"{FRAMES} frames of ethanol ({batch.n_atoms} atoms), {CALLS} calls after {WARM_UP}; milliseconds a call")
    print(f"{'model':<16}{'own, median':>14}{'beyond, median':>16}{'beyond, 95 %':>14}")
    for mode, title in (("cheap", "harmonic trap"), ("good", "Lennard-Jones")):
        beyond, own = measure(mode, batch)
        high = statistics.quantiles(beyond, n=20)[-1]
        print(f"{title:<16}{statistics.median(own):>14.3f}{statistics.median(beyond):>16.3f}{high:>14.3f}")


def _version(name: str) -> str:
    if name == "bsct-zoo":
        from bsct_zoo import __version__

        return __version__
    return version(name)


if __name__ == "__main__":
    main()
