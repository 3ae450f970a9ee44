"""What batches gain on scans of real size: the paper's loop over the package's own calculator, and ours.

    python benchmarks/paper_loop.py                        # seven models, ten scans of druglike
    python benchmarks/paper_loop.py mace --threads 1 --write

The paper's code asks an ASE calculator for energy and forces frame by frame. Here the calculator of the model's own
package does that in the same process and environment as ours, with the same weights and precision; a model without
one (our Transformer) is its own, asked one frame at a time. Both give the FSD of each scan, whose largest relative
difference stands beside. Where there are several threads, as many processes with one thread each share the scans in a
third run. The size of batches is chosen on a scan of middle size before any time is taken, as ``compare --processes
auto`` does. Runs alternate; each figure is the shorter of two. For models that run in this interpreter the share of
arithmetic (matrix products, by torch's profiler) in our time is said too.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pages import fill

import bsct_zoo as bz
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.scoring import score_scan
from bsct_zoo.evaluation.ways import best_size
from bsct_zoo.models.naming import parse_model
from bsct_zoo.potentials.batching import Batcher, default_atoms
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.load import load_potential, where
from bsct_zoo.suites.frames import frames_of
from bsct_zoo.suites.scan import Scan

PAGE = Path(__file__).parents[1] / "docs" / "bench.md"
TURNS = 2
MODELS = ("transformer", "mace", "nequip", "equiformer", "so3lr", "ani2xt", "nep89")
PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::linear")


@dataclass(frozen=True)
class Times:
    """What was found of a model.

    Attributes:
        scans: how many.
        loop, ours, processes: seconds of the paper's loop, of batches, and of those in processes.
        atoms, atoms_there: that fill a batch, and in processes.
        apart: largest relative difference of FSD.
        arithmetic: share of matrix products.
    """

    scans: int
    loop: float
    ours: float
    atoms: int
    processes: float | None
    atoms_there: int
    apart: float
    arithmetic: float | None


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, metavar="MODEL")
    parser.add_argument("--suite", default="druglike")
    parser.add_argument("--limit", type=int, default=10, help="scans, spread over the bond types")
    parser.add_argument("--threads", default=f"1,{os.cpu_count()}", help="with commas between them")
    parser.add_argument("--write", action="store_true", help="into docs/bench.md")
    options = parser.parse_args()
    scans = bz.load_suite(options.suite).select(limit=options.limit).scans
    sizes = [len(scan.atomic_numbers) for scan in scans]
    batches = [f"{how} s (atoms)" for how in ("batches", "in processes")]
    head = ["model", "cores", "scans", "loop s", batches[0], "times faster", batches[1], "times faster"]
    lines = [f"| {' | '.join(head)} | FSD differs by | arithmetic |", f"|---|{'---:|' * (len(head) + 1)}"]
    for name in options.models:
        for threads in map(int, options.threads.split(",")):
            if (t := timed(name, scans, threads)) is None:
                continue
            share = "–" if t.arithmetic is None else f"{t.arithmetic:.0%}"
            cells = [
                f"`{name}`",
                f"{threads}",
                f"{t.scans}",
                f"{t.loop:.1f}",
                f"{t.ours:.1f} ({t.atoms})",
                f"**{t.loop / t.ours:.1f}**",
            ]
            if t.processes is None:
                cells += ["", ""]
            else:
                cells += [f"{t.processes:.1f} ({t.atoms_there})", f"**{t.loop / t.processes:.1f}**"]
            lines.append(f"| {' | '.join(cells)} | {t.apart:.0e} | {share} |")
            print(lines[-1], flush=True)
    facts = machine("cpu")
    text = "\n".join(
        [
            *lines,
            "",
            f"{len(scans)} scans of `{options.suite}`, {min(sizes)} to {max(sizes)} atoms, of which a model gets those "
            f"whose elements it knows; float32, CPU; "
            f"{facts['cores']} cores of {facts['processor']}, load {os.getloadavg()[0]:.1f} at the end, "
            f"Python {facts['python']}, torch {version('torch')}, bsct-zoo {version('bsct-zoo')}.",
            "",
        ]
    )
    print(text)
    if options.write:
        fill(PAGE, "paper loop", text)


def timed(name: str, scans: Sequence[Scan], threads: int) -> Times | None:
    """Both ways on the same scans, in turns; None if it knows the elements of none."""
    spec = parse_model(name)
    own = spec.adapter if spec.adapter.calculator is None else replace(spec.adapter, loader=spec.adapter.calculator)
    words: dict[str, Any] = {"device": "cpu", "dtype": "float32", "options": dict(spec.options), "timeout": None}
    several = range(threads if threads > 1 else 0)
    loop_s, ours_s, processes_s = [], [], []
    with ExitStack() as stack:
        batched, calculator = (
            stack.enter_context(load_potential(adapter, spec.card, **words, threads=threads))
            for adapter in (spec.adapter, own)
        )
        workers = [
            stack.enter_context(load_potential(spec.adapter, spec.card, **words, threads=1, own_process=True))
            for _ in several
        ]
        known = batched.info.elements
        scans = [scan for scan in scans if known is None or known.issuperset(scan.atomic_numbers.tolist())]
        if not scans:
            return None
        ask(batched, scans[:1]), ask(calculator, scans[:1], 1)  # what compiles, compiles
        for worker in workers:
            ask(worker, scans[:1])
        middle = sorted(scans, key=lambda scan: scan.n_atoms)[len(scans) // 2]
        default = default_atoms("cpu")
        atoms = best_size(lambda size: 1 / min(ask(batched, [middle], size)[0] for _ in range(TURNS)), default)
        atoms_there = default
        if workers:
            every = [middle] * len(workers)
            atoms_there = best_size(lambda size: 1 / min(shared(workers, every, size) for _ in range(TURNS)), default)
        for _ in range(TURNS):
            if workers:
                processes_s.append(shared(workers, scans, atoms_there))
            seconds, scores = ask(batched, scans, atoms)
            ours_s.append(seconds)
            seconds, expected = ask(calculator, scans, 1)
            loop_s.append(seconds)
        share = arithmetic(batched, scans[:2], atoms) if where(spec.adapter) == "here" else None
    apart = float(np.max(np.abs(scores / expected - 1)))
    there_s = min(processes_s, default=None)
    return Times(len(scans), min(loop_s), min(ours_s), atoms, there_s, atoms_there, apart, share)


def shared(workers: Sequence[Potential], scans: Sequence[Scan], atoms: int) -> float:
    """Seconds for all frames, a scan at a time for whichever worker is free, the largest first."""
    left = deque(sorted(scans, key=lambda scan: -scan.n_atoms))

    def work(worker: Potential) -> None:
        while True:
            try:
                scan = left.popleft()
            except IndexError:
                return
            ask(worker, [scan], atoms)

    started = time.perf_counter()
    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(work, workers))
    return time.perf_counter() - started


def ask(potential: Potential, scans: Sequence[Scan], atoms: int | None = None) -> tuple[float, np.ndarray]:
    """Seconds for all frames, and the FSD of each scan; ``atoms`` fill a batch, 1 for one frame at a time."""
    found, started = [], time.perf_counter()
    batcher = Batcher(potential, atoms)
    answers = []
    for scan in scans:
        answers.append(batcher.compute(frames_of(scan)))
    seconds = time.perf_counter() - started
    for scan, answer in zip(scans, answers, strict=True):
        shape = (len(scan.coordinate), len(scan.atomic_numbers), 3)
        metrics = score_scan(scan, answer.energy.numpy(), answer.forces.double().numpy().reshape(shape))
        found.append(metrics["fsd_full"])
    return seconds, np.array(found, dtype=float)


def arithmetic(potential: Potential, scans: Sequence[Scan], atoms: int) -> float:
    """Share of matrix products in the CPU time of torch's operations."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        ask(potential, scans, atoms)
    events = profile.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    return float(sum(event.self_cpu_time_total for event in events if event.key in PRODUCTS) / total)


if __name__ == "__main__":
    main()
