"""How much a batch is faster than a loop over frames: the model as bsct-zoo runs it, and its package's own calculator.

    python benchmarks/adapters.py sevennet chgnet xtb --system silicon

Every model runs where it always does, in this interpreter or in its environment; what counts is its own time in there.
An adapter with a ``calculator`` module beside its loader is also timed with its package's own ASE calculator, frame
after frame. The three ways take turns, so that a busy machine is busy for all of them; ratios are medians over turns.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass, replace
from importlib.util import find_spec
from time import perf_counter

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk, molecule

from bsct_zoo import __version__
from bsct_zoo.batch import AtomsBatch
from bsct_zoo.errors import BsctZooError
from bsct_zoo.models import ModelSpec, parse_model
from bsct_zoo.potential import Potential
from bsct_zoo.results.machine import machine
from bsct_zoo.runtime.load import load_potential

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


def seconds(potential: Potential, batches: list[AtomsBatch]) -> float:
    """The model's own time for ``batches``, without the way to a worker and back."""
    total = 0.0
    for batch in batches:
        started = perf_counter()
        potential.compute(batch)
        total += getattr(potential, "seconds", None) or perf_counter() - started
    return total


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


def line(name: str, timing: Timing) -> str:
    """One row of the table: milliseconds a frame, and how many times as long as in a batch."""
    cells = [f"{name:<22}", f"{1e3 * statistics.median(timing.batch):>10.2f}"]
    for values in (timing.singles, timing.own):
        if not values:
            cells.append(f"{'–':>12}{'–':>8}")
            continue
        ratio = statistics.median(v / b for v, b in zip(values, timing.batch, strict=True))
        cells.append(f"{1e3 * statistics.median(values):>12.2f}{ratio:>7.1f}×")
    return "".join(cells)


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
    arguments = parser.parse_args()
    settings = {"device": arguments.device, "dtype": arguments.dtype, "threads": arguments.threads}
    systems = frames(arguments.system, arguments.frames)
    facts = ", ".join(f"{key} {value}" for key, value in machine(arguments.device).items())
    print(f"{facts}; bsct-zoo {__version__}, torch {torch.__version__}")
    print(
        f"{len(systems)} frames of {arguments.system} ({len(systems[0])} atoms), {arguments.dtype}, "
        f"{arguments.threads} threads, {arguments.turns} turns; milliseconds a frame, times as long as in a batch"
    )
    print(f"{'model':<22}{'in a batch':>10}{'one by one':>20}{'own calculator':>20}")
    for text in arguments.models:
        try:
            spec = parse_model(text, trust=arguments.trust)
            other = own_calculator(spec)
            with load_potential(spec.adapter, spec.card, options=spec.options, **settings) as ours:
                versions = ", ".join(f"{name} {version}" for name, version in ours.info.versions)
                if other is None:
                    timing = measure(ours, None, systems, arguments.turns)
                else:
                    with load_potential(other.adapter, other.card, options=other.options, **settings) as own:
                        timing = measure(ours, own, systems, arguments.turns)
        except BsctZooError as error:
            print(f"{text:<22} {error}")
            continue
        print(f"{line(text, timing)}   {versions}", flush=True)


if __name__ == "__main__":
    main()
