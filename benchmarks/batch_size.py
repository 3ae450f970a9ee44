"""How many atoms should fill a batch: time a frame of shipped models against the size of the batch.

    python benchmarks/batch_size.py transformer
    python benchmarks/batch_size.py transformer mace --device cuda --write    # into docs/models.md

Frames of a scan of ``core``, as often as the largest batch needs them. Wall time of one call of ``Batcher``, until
the device is done; the median of some, after one that is not counted.
"""

import argparse
import platform
import statistics
import time
from pathlib import Path

import torch
from pages import fill

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.models.naming import parse_model
from bsct_zoo.potentials.batching import DEFAULT_ATOMS, Batcher
from bsct_zoo.runtime.load import load_potential
from bsct_zoo.suites.frames import frames_of
from bsct_zoo.suites.library import open_suite
from bsct_zoo.suites.scan import Scan

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
SIZES = {"cpu": (1, 64, 128, 256, 512, 1024, 2048), "cuda": (1, 64, 256, 1024, 4096, 16384, 65536)}
FEW = 100  # frames are enough where a batch holds few


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["transformer"], metavar="MODEL")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="into docs/models.md")
    arguments = parser.parse_args()
    kind = arguments.device.partition(":")[0]
    scan, systems = frames(9)
    times = {name: of_model(name, systems, scan.n_atoms, SIZES[kind], arguments) for name in arguments.models}
    lines = ["| atoms | " + " | ".join(f"`{name}`" for name in times) + " |", "|---:|" + "---:|" * len(times)]
    for k, size in enumerate(SIZES[kind]):
        cells = [f"{found[k]:.3g} ({found[0] / found[k]:.0f}×)" if k else f"{found[0]:.3g}" for found in times.values()]
        default = " (default)" if size == DEFAULT_ATOMS[kind] else ""
        lines.append(f"| {'one frame' if size == 1 else f'{size:,}'}{default} | {' | '.join(cells)} |")
    facts = machine(arguments.device)
    where = facts.get("gpu") or f"{arguments.threads or torch.get_num_threads()} threads of {facts['processor']}"
    versions = f"torch {torch.__version__}, Python {platform.python_version()}"
    lines += [
        "",
        f"Frames of {scan.n_atoms} atoms ({scan.id}), {arguments.dtype}; ms of wall time a frame, and times as fast as "
        f"one by one; the median of {arguments.repeats}. On {where}, {versions}.",
    ]
    print("\n".join(lines))
    if arguments.write:
        fill(PAGE, f"batches {kind}", "\n".join(lines))


def frames(limit: int) -> tuple[Scan, list[AtomsBatch]]:
    """The largest of some scans of ``core``, and its frames."""
    scan = max(open_suite("core").select(limit=limit).scans, key=lambda s: s.n_atoms)
    return scan, frames_of(scan)


def of_model(
    name: str,
    frames: list[AtomsBatch],
    n_atoms: int,
    sizes: tuple[int, ...],
    arguments: argparse.Namespace,
    few: int = FEW,
) -> list[float]:
    """Milliseconds a frame with each size of batch, ``few`` frames at least."""
    spec = parse_model(name)
    found = []
    with load_potential(
        spec.adapter,
        spec.card,
        device=arguments.device,
        dtype=arguments.dtype,
        options=dict(spec.options),
        threads=arguments.threads,
    ) as potential:
        for size in sizes:
            count = max(few, size // n_atoms)
            systems = (frames * (count // len(frames) + 1))[:count]
            times = []
            for _ in range(arguments.repeats + 1):
                clock = time.perf_counter()
                Batcher(potential, size).compute(systems)
                if arguments.device.startswith("cuda"):
                    torch.cuda.synchronize()
                times.append(time.perf_counter() - clock)
            found.append(1e3 * statistics.median(times[1:]) / count)
    return found


if __name__ == "__main__":
    main()
