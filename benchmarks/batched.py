"""How much a batch is faster than a loop over frames: the model as bsct-zoo runs it, and its package's own calculator.

    python benchmarks/batched.py sevennet chgnet xtb --system silicon
    python benchmarks/batched.py mace nequip sevennet --keep timed --write    # into docs/models.md

Every model runs where it always does, in this interpreter or in its environment. What counts on a CPU is the CPU time
of its process, so that other jobs matter little; on a GPU it is the clock. An adapter with a ``calculator`` module
beside its loader is also timed with its package's own ASE calculator, frame after frame. The three ways take turns, and
ratios are medians over turns. Rows that are in the folder ``--keep`` already are not measured again.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk, molecule
from pages import fill

from bsct_zoo import __version__
from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, BsctZooError
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.models.naming import ModelSpec, parse_model
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.load import load_potential

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
SYSTEMS = {"ethanol": lambda: molecule("CH3CH2OH"), "silicon": lambda: bulk("Si", cubic=True)}
WARM_UP = 2  # calls before the clock counts: TorchScript compiles in the first two


@dataclass(frozen=True)
class Timing:
    """Seconds a frame in each turn.

    Attributes:
        batch: all frames as one batch.
        singles: the same model, a batch of one for each frame.
        own: the package's own ASE calculator, frame after frame; empty if the adapter names none.
    """

    batch: list[float]
    singles: list[float]
    own: list[float]


def frames(system: str, n: int) -> list[Atoms]:
    """Frames of ``system``, each a little different."""
    generator = np.random.default_rng(0)
    made = [SYSTEMS[system]() for _ in range(n)]
    for atoms in made:
        atoms.positions += generator.normal(0, 0.05, atoms.positions.shape)
    return made


def own_calculator(spec: ModelSpec) -> ModelSpec | None:
    """``spec`` with its package's own ASE calculator in place of the batched model; None if its adapter names none."""
    module = f"{spec.adapter.loader.partition('.')[0]}.calculator"
    if find_spec(module) is None:
        return None
    return replace(spec, adapter=replace(spec.adapter, loader=f"{module}:load"))


def clock(potential: Potential) -> float:
    """Seconds on a CPU of the process that computes, here or a worker; by the wall where a GPU computes."""
    if potential.info.device != "cpu":
        if torch.cuda.is_initialized():  # a worker answers when it is done, this process before that
            torch.cuda.synchronize()
        return time.perf_counter()
    process = getattr(potential, "pid", None) or os.getpid()
    return time.clock_gettime((~process << 3) | 2)  # Linux: the clock of all threads of a process


def seconds(potential: Potential, batches: list[AtomsBatch]) -> float:
    """What ``batches`` cost."""
    started = clock(potential)
    for batch in batches:
        potential.compute(batch)
    return clock(potential) - started


def measure(ours: Potential, own: Potential | None, systems: list[Atoms], turns: int) -> Timing:
    """Time every way in every turn."""
    whole = [AtomsBatch.from_atoms(systems)]
    singles = whole[0].split()
    for _ in range(WARM_UP):
        for potential in filter(None, (ours, own)):
            seconds(potential, singles[:2])
        seconds(ours, whole)
    timing = Timing([], [], [])
    for _ in range(turns):
        timing.batch.append(seconds(ours, whole) / len(systems))
        timing.singles.append(seconds(ours, singles) / len(systems))
        if own is not None:
            timing.own.append(seconds(own, whole) / len(systems))  # the bridge goes frame by frame
    return timing


def row(name: str, timing: Timing, versions: str) -> str:
    """One row of the table: milliseconds a frame, and how many times as long as in a batch."""
    cells = [f"`{name}`", f"{1e3 * statistics.median(timing.batch):.2f}"]
    for values in (timing.singles, timing.own):
        if not values:
            cells.append("–")
            continue
        ratio = statistics.median(v / b for v, b in zip(values, timing.batch, strict=True))
        cells.append(f"{1e3 * statistics.median(values):.2f} ({ratio:.1f}×)")
    return f"| {' | '.join([*cells, versions])} |"


def timed(text: str, systems: list[Atoms], arguments: argparse.Namespace) -> str:
    """The row of the model that ``text`` names.

    Raises:
        BsctZooError: it cannot be had.
    """
    settings = {"device": arguments.device, "dtype": arguments.dtype, "threads": arguments.threads}
    spec = parse_model(text, trust=arguments.trust)
    with ExitStack() as stack:
        ours = stack.enter_context(load_potential(spec.adapter, spec.card, options=spec.options, **settings))
        versions = ", ".join(f"{name} {version}" for name, version in ours.info.versions)
        own, other = None, own_calculator(spec)
        if other is not None:
            try:
                own = stack.enter_context(load_potential(other.adapter, other.card, options=other.options, **settings))
            except BadInputError as error:
                versions += f"; {error}"
        timing = measure(ours, own, systems, arguments.turns)
    return row(text, timing, f"{os.getloadavg()[0]:.0f} | {versions}")


def kept(text: str, systems: list[Atoms], arguments: argparse.Namespace) -> str:
    """The same, from the folder of rows where it is there already."""
    if arguments.keep is None:
        return timed(text, systems, arguments)
    name = re.sub(r"[^\w.-]+", "-", text)
    shape = f"{arguments.system}-{arguments.frames}-{arguments.turns}-{arguments.dtype}-{arguments.threads}"
    file = arguments.keep / f"{name}-{shape}.txt"
    if not file.exists():
        found = timed(text, systems, arguments)
        arguments.keep.mkdir(parents=True, exist_ok=True)
        file.write_text(found)
    return file.read_text()


def main() -> None:
    """Print the machine, the versions and one line for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="as for bsct-zoo compare")
    parser.add_argument("--system", choices=SYSTEMS, default="ethanol")
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--trust", action="store_true", help="accept formats that can execute code")
    parser.add_argument("--keep", type=Path, help="folder of rows, so that a run that was cut off goes on")
    parser.add_argument("--write", action="store_true", help="into docs/models.md")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    systems = frames(arguments.system, arguments.frames)
    head = ["model", "in a batch", "one by one", "own calculator", "load", "versions"]
    lines = [f"| {' | '.join(head)} |", "|---|---:|---:|---:|---:|---|"]
    print("\n".join(lines))
    for text in arguments.models:
        try:
            lines.append(kept(text, systems, arguments))
        except BsctZooError as error:
            lines.append(f"| `{text}` | {error} |")
        print(lines[-1], flush=True)
    facts = machine(arguments.device)
    where = facts.get("gpu") or f"{arguments.threads} of {facts['cores']} cores of {facts['processor']}"
    what = "wall time" if "gpu" in facts else "CPU time"
    lines.append(
        f"\n{len(systems)} frames of {arguments.system} ({len(systems[0])} atoms), {arguments.dtype}; ms of {what} a "
        f"frame, and times as long as in a batch; {arguments.turns} turns on {where}, Python {facts['python']}, "
        f"bsct-zoo {__version__}; the load is that of all jobs on the machine.\n"
    )
    print(lines[-1])
    if arguments.write:
        table = "\n".join(lines)
        fill(PAGE, "batches", table)


if __name__ == "__main__":
    main()
