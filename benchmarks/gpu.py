"""What models take on a GPU, in one prepared run of under ten minutes: scans, dynamics, large systems, launches.

    bsct-zoo env build nequip sevennet equiformer          # before, where there is a network
    python benchmarks/gpu.py --write                       # into docs/bench.md; --budget SECONDS (540)
    python benchmarks/gpu.py --device cpu --limit 2        # every part in small, to see that it works

Parts run in processes of their own, the most important first, so that one that fails costs itself. Each may take its
share of the time that is left; what it does not need goes to the others. Results are added to ``--keep`` (gpu.json) as
they come: parts that are there are not measured again, so that a run that was cut off goes on.

A model whose environment is not built is left out and said. All in float32.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import batch_size
import compiled
import linear_scaling
import numpy as np
import torch
from ase import units
from ase.build import molecule
from pages import fill

import bsct_zoo as bz
from bsct_zoo.dynamics.nve import nve_init, nve_step
from bsct_zoo.errors import BadInputError, BsctZooError
from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.events import Event
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.evaluation.store import Store
from bsct_zoo.files import atomic_write
from bsct_zoo.models.naming import parse_model
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.load import load_potential, resolve_device, where

PAGE = Path(__file__).parents[1] / "docs" / "bench.md"
FAMILIES = ("transformer", "mace", "nequip", "sevennet", "equiformer", "chgnet")
LEAST_S = 5.0  # in which a part can say something
STARTING_S = 15.0  # of a part's share, for Python, torch, CUDA and the model; the rest is for what it repeats
LAUNCHES = ("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch")


@dataclass(frozen=True)
class Part:
    """Something to measure: what, of which model, and its share of the time."""

    kind: str
    model: str
    share: float

    @property
    def name(self) -> str:
        """As it is kept."""
        return f"{self.kind} {self.model}"


PLAN = (
    *(Part("scans", name, 8) for name in FAMILIES[:2]),
    *(Part("dynamics", name, 3) for name in FAMILIES[:2]),
    *(Part("large", name, 3) for name in FAMILIES[:2]),
    Part("launches", "transformer", 3),
    Part("compile", "transformer", 5),
    *(Part("scans", name, 4) for name in FAMILIES[2:]),
    *(Part("batches", name, 2) for name in FAMILIES[:2]),
    Part("accelerated", "mace@accelerate=compile", 5),
    Part("accelerated", "nequip@accelerate=compile", 5),
)


def main() -> None:
    """Measure what is not kept yet, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--budget", type=float, default=540, help="seconds for all parts")
    parser.add_argument("--limit", type=int, default=None, help="scans of the suite; all else is small then, too")
    parser.add_argument("--parts", default=None, help="kinds of parts, with commas between them; all by default")
    parser.add_argument("--keep", type=Path, default=Path("gpu.json"), help="results as they come")
    parser.add_argument("--write", action="store_true", help="into docs/bench.md")
    parser.add_argument("--one", nargs=3, metavar=("KIND", "MODEL", "SECONDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        device = resolve_device(options.device)
    except BadInputError as error:
        sys.exit(str(error))
    if options.one:
        kind, model, seconds = options.one
        print(json.dumps(measured(kind, model, device, options.limit, float(seconds))))
        return
    plan = [part for part in PLAN if options.parts is None or part.kind in options.parts.split(",")]
    facts = {**machine(device), "torch": torch.__version__, "bsct-zoo": version("bsct-zoo"), "limit": options.limit}
    kept = read(options.keep, facts)
    for part, found in results(plan, kept, options.budget, lambda part, s: asked(part, device, options.limit, s)):
        kept[part.name] = found
        atomic_write(options.keep, json.dumps({"machine": facts, "parts": kept}, indent=1).encode())
        print(f"{part.name}: {found}", file=sys.stderr, flush=True)
    text = table(kept, facts)
    print(text)
    if options.write:
        fill(PAGE, "gpu", text)


def read(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """What is kept of this machine by part, but for parts that failed; empty where another one is meant."""
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    same = data["machine"] == facts
    return {name: found for name, found in data["parts"].items() if same and "failed" not in found}


def results(
    plan: Sequence[Part], kept: dict[str, Any], budget: float, ask: Callable[[Part, float], dict[str, Any]]
) -> Iterator[tuple[Part, dict[str, Any]]]:
    """What ``ask`` finds of the parts of ``plan`` that are not ``kept``, each in its share of what is left."""
    left = [part for part in plan if part.name not in kept]
    started = time.monotonic()
    for number, part in enumerate(left):
        seconds = allowance(budget - (time.monotonic() - started), [one.share for one in left[number:]])
        if seconds < LEAST_S:
            yield part, {"failed": "no time was left for it"}
        else:
            yield part, ask(part, seconds)


def allowance(left: float, shares: Sequence[float]) -> float:
    """Seconds for the first part: its share of the seconds that are left for all."""
    return max(0.0, left) * shares[0] / sum(shares)


def asked(part: Part, device: str, limit: int | None, seconds: float) -> dict[str, Any]:
    """One part, in a process of its own that is ended when its time is over."""
    adapter = parse_model(part.model).adapter
    if where(adapter) == "not built":
        return {"failed": f"not installed here; run: bsct-zoo env build {part.model}"}
    command = [sys.executable, __file__, "--device", device, "--one", part.kind, part.model, f"{seconds}"]
    command += [] if limit is None else ["--limit", str(limit)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return {"failed": f"not done after {seconds:.0f} s"}
    try:
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return {"failed": lines[-1][:300] if lines else f"exit code {done.returncode}"}
    return found


# -- the parts, each in a process of its own ---------------------------------------------------------------------------


def measured(kind: str, model: str, device: str, limit: int | None, seconds: float) -> dict[str, Any]:
    """What is found in ``seconds``; small if there is a ``limit``."""
    kinds = {"scans": scans, "dynamics": dynamics, "large": large, "launches": launches, "compile": compiling}
    kinds |= {"batches": batches, "accelerated": accelerated}
    try:
        return kinds[kind](model, device, limit, seconds)
    except BsctZooError as error:
        return {"failed": " ".join(str(error).split())[:300]}


def opened(model: str, device: str) -> Potential:
    """The model, ready."""
    spec = parse_model(model)
    words: dict[str, Any] = {"device": device, "dtype": "float32", "options": dict(spec.options)}
    return load_potential(spec.adapter, spec.card, **words)


def scans(model: str, device: str, limit: int | None, seconds: float) -> dict[str, Any]:
    """Wall time of ``compare`` on BSCT-SPICE, or ``druglike`` where that is not imported, small scans first."""
    try:
        suite = bz.load_suite("bsct-spice")
    except BadInputError:
        suite = bz.load_suite("druglike")
    suite = suite if limit is None else suite.select(limit=limit)
    deadline = time.monotonic() + max(LEAST_S, seconds - STARTING_S)

    def hear(event: Event) -> None:
        if time.monotonic() > deadline:
            raise KeyboardInterrupt

    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        settings = Settings(device=device, folder=Path(folder), private=True)
        with contextlib.suppress(KeyboardInterrupt):
            (row,) = evaluate([parse_model(model)], [ScanTask(suite)], settings, listen=hear).rows
            if row.status == "failed":
                return {"failed": row.evaluations[suite.name].message}
        took = time.monotonic() - started
        answers = [one for shelf in Store(Path(folder)).shelves() for one in shelf.answers("scans")]
    frames = sum(len(answer.arrays["energy"]) for answer in answers)
    own = sum(answer.seconds for answer in answers)
    return {
        "suite": suite.name,
        "scans": len(answers),
        "of": len(suite.scans),
        "frames": frames,
        "seconds": round(took, 2),
        "model_seconds": round(own, 2),
    }


def dynamics(model: str, device: str, limit: int | None, seconds: float) -> dict[str, Any]:
    """Steps a second of 1,000 molecules of ethanol as one batch, 0.5 fs, from 300 K."""
    n = 1000 if limit is None else 4
    with opened(model, device) as potential:
        state = nve_init(potential, [molecule("CH3CH2OH") for _ in range(n)], 300, range(n))
        for _ in range(3):  # what compiles, compiles
            state = nve_step(potential, state, 0.5 * units.fs)
        steps, started = 0, time.perf_counter()
        most = 500 if limit is None else 3
        while steps < most and time.perf_counter() - started < max(LEAST_S, seconds - STARTING_S) / 2:
            state = nve_step(potential, state, 0.5 * units.fs)  # forces are on the CPU then: the GPU is done
            steps += 1
        took = time.perf_counter() - started
    return {"molecules": n, "steps": steps, "steps_per_second": round(steps / took, 3)}


def large(model: str, device: str, limit: int | None, seconds: float) -> dict[str, Any]:
    """Milliseconds for energy and forces of periodic water, and the memory of the GPU where it is this process's."""
    found: dict[str, Any] = {}
    stop = time.monotonic() + max(LEAST_S, seconds - STARTING_S)
    with opened(model, device) as potential:
        for n in (1024, 3000, 10000, 30000) if limit is None else (81,):
            batch = linear_scaling.batch_of("water", n)
            times: list[float] = []
            if device != "cpu":
                torch.cuda.reset_peak_memory_stats()
            try:
                while len(times) < 4 and (not times or time.monotonic() < stop):
                    started = time.perf_counter()
                    potential.compute(batch).forces.cpu()
                    times.append(time.perf_counter() - started)
            except BsctZooError as error:
                found[str(batch.n_atoms)] = {"failed": " ".join(str(error).split())[:200]}
                break
            found[str(batch.n_atoms)] = {"ms": round(1e3 * min(times), 2)}
            if device != "cpu" and torch.cuda.max_memory_allocated():
                found[str(batch.n_atoms)]["gpu_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
            if time.monotonic() > stop:
                break
    return {"systems": found}


def launches(model: str, device: str, limit: int | None, seconds: float) -> dict[str, Any]:
    """How many kernels a call launches, the share of its time that launching takes, and that the GPU is busy."""
    found: dict[str, Any] = {}
    potential, calls = compiled.shipped(device), 5
    activities = [torch.profiler.ProfilerActivity.CPU]
    activities += [] if device == "cpu" else [torch.profiler.ProfilerActivity.CUDA]
    for n in (1, 32, 1024) if limit is None else (1, 2):
        batch = compiled.batch_of("CH3CH2OH", n)

        def call(batch: Any = batch) -> None:
            for _ in range(calls):
                potential.compute(batch).forces.cpu()

        call()
        started = time.perf_counter()
        call()
        took = time.perf_counter() - started
        with torch.profiler.profile(activities=activities) as profile:
            call()
        events = profile.key_averages()
        launching = [event for event in events if event.key.startswith(LAUNCHES)]
        on_gpu = [event for event in events if str(event.device_type) == "DeviceType.CUDA"]
        found[str(n)] = {
            "ms": round(1e3 * took / calls, 3),
            "operations": sum(event.count for event in events if event.key.startswith("aten::")) // calls,
            "launches": sum(event.count for event in launching) // calls,
            "launching": round(sum(event.self_cpu_time_total for event in launching) * 1e-6 / took, 3),
            "busy": round(sum(event.self_device_time_total for event in on_gpu) * 1e-6 / took, 3),
        }
    return {"frames": found}


def compiling(model: str, device: str, limit: int | None, seconds: float) -> dict[str, Any]:
    """Embedding and blocks of the Transformer: as they are, compiled for any size, and as CUDA graphs of one size."""
    names, frames = (compiled.NAMES, 32) if limit is None else (compiled.NAMES[-1:], 2)
    ways: dict[str, dict[str, Any]] = {"compiled": {"dynamic": True}}
    if device != "cpu":
        ways["graphs"] = {"dynamic": False, "mode": "reduce-overhead"}
    found: dict[str, Any] = {"molecules": len(names), "frames": frames}
    for name, how in ways.items():
        try:
            times = compiled.compared(device, names, frames, 3, **how)
        except Exception as error:  # the others are worth having
            found[name] = {"failed": " ".join(str(error).split())[:200]}
            continue
        found[name] = {"eager_ms": round(1e3 * times.eager, 2), "ms": round(1e3 * times.compiled, 2)}
        found[name]["compiling_s"] = round(times.compiling, 1)
    return found


def batches(model: str, device: str, limit: int | None, seconds: float) -> dict[str, Any]:
    """Milliseconds a frame of 12 atoms by the atoms that fill a batch."""
    sizes = batch_size.SIZES["cuda" if limit is None else "cpu"][: None if limit is None else 2]
    scan, systems = batch_size.frames(9)
    how = Namespace(device=device, dtype="float32", threads=None, repeats=2 if limit is None else 1)
    times = batch_size.of_model(model, systems, scan.n_atoms, sizes, how, batch_size.FEW if limit is None else 4)
    return {"ms": {str(size): round(ms, 4) for size, ms in zip(sizes, times, strict=True)}}


def accelerated(model: str, device: str, limit: int | None, seconds: float) -> dict[str, Any]:
    """A batch of 512 molecules of ethanol with the package's own acceleration and without it; the first call apart."""
    n = 512 if limit is None else 2
    batch, found = compiled.batch_of("CH3CH2OH", n), {}
    for name in (model.partition("@")[0], model):
        with opened(name, device) as potential:
            times = []
            for _ in range(6):
                started = time.perf_counter()
                potential.compute(batch).forces.cpu()
                times.append(time.perf_counter() - started)
        found[name] = {"first_s": round(times[0], 2), "ms": round(1e3 * float(np.median(times[3:])), 2)}
    return {"frames": n, "models": found}


# -- the table ---------------------------------------------------------------------------------------------------


def table(kept: dict[str, Any], facts: dict[str, Any]) -> str:
    """Everything that was found, in Markdown."""
    lines = ["| what | model | found |", "|---|---|---|"]
    for part in PLAN:
        if part.name in kept:
            lines.append(f"| {part.kind} | `{part.model}` | {in_words(part.kind, kept[part.name])} |")
    gpu = facts.get("gpu") or f"no GPU: {facts['cores']} cores of {facts['processor']}"
    small = "" if facts["limit"] is None else f"; in small (--limit {facts['limit']}), to see that every part works"
    versions = f"Python {facts['python']}, torch {facts['torch']}, bsct-zoo {facts['bsct-zoo']}"
    return "\n".join([*lines, "", f"{gpu}, float32, {versions}{small}.", ""])


def in_words(kind: str, found: dict[str, Any]) -> str:
    """One cell."""
    if "failed" in found:
        return str(found["failed"]).replace("|", "\\|")
    if kind == "scans":
        text = f"{found['scans']} of {found['of']} scans of `{found['suite']}` ({found['frames']:,} frames) in "
        return f"{text}{found['seconds']:.1f} s with loading; the model's own time {found['model_seconds']:.1f} s"
    if kind == "dynamics":
        return f"{found['steps_per_second']:.3g} steps/s of {found['molecules']:,} molecules"
    if kind == "large":
        return "; ".join(f"{int(n):,} atoms: {_large(one)}" for n, one in found["systems"].items())
    if kind == "launches":
        parts = [f"a batch of {n}: {one['ms']:.3g} ms{_launches(one)}" for n, one in found["frames"].items()]
        return "; ".join(parts)
    if kind == "compile":
        ways = {name: one for name, one in found.items() if isinstance(one, dict)}
        return "; ".join(f"{name}: {_compiled(one)}" for name, one in ways.items())
    if kind == "batches":
        return "; ".join(f"{int(size):,} atoms: {ms:.3g} ms a frame" for size, ms in found["ms"].items())
    parts = [
        f"`{name}`: {one['ms']:.3g} ms (first call {one['first_s']:.0f} s)" for name, one in found["models"].items()
    ]
    return f"{found['frames']} molecules of ethanol: {', '.join(parts)}"


def _large(one: dict[str, Any]) -> str:
    if "failed" in one:
        return str(one["failed"])
    memory = f", {one['gpu_gb']:.3g} GB" if "gpu_gb" in one else ""
    return f"{one['ms']:.3g} ms{memory}"


def _launches(one: dict[str, Any]) -> str:
    if not one["launches"]:
        return f", {one['operations']:,} operations"
    return f", {one['launches']:,} launches that take {one['launching']:.0%} of it, GPU busy {one['busy']:.0%}"


def _compiled(one: dict[str, Any]) -> str:
    if "failed" in one:
        return str(one["failed"])
    return f"{one['ms']:.3g} ms, {one['eager_ms']:.3g} without, after {one['compiling_s']:.0f} s of compiling"


if __name__ == "__main__":
    main()
