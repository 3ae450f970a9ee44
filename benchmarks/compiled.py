"""Whether torch.compile makes the Transformer faster: energies and forces of batches of molecules, eager and compiled.

    python benchmarks/compiled.py [--device cuda]

The graph is not compiled (its size depends on the positions), the blocks and the embedding are, for any size. CPU
seconds of one thread, or wall time until the GPU is done; the least of some repeats; compiling is counted apart.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from ase.build import molecule
from batched import seconds
from bsct_zoo_transformer.potential import TransformerPotential

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.models.naming import parse_model

NAMES = ("CH3CH2OH", "C6H6", "CH3COOH", "H2O")


@dataclass(frozen=True)
class Times:
    """Seconds for all batches, eager and compiled, and of the first compiled call."""

    eager: float
    compiled: float
    compiling: float


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=32, help="of each molecule, in a batch")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    times = compared(arguments.device, NAMES, arguments.frames, arguments.repeats, dynamic=True)
    facts = machine(arguments.device)
    where = facts.get("gpu") or f"{facts['processor']}, one thread"
    print(f"{where}, torch {torch.__version__}, Python {platform.python_version()}")
    print(
        f"eager {1e3 * times.eager:.1f} ms, compiled {1e3 * times.compiled:.1f} ms for {len(NAMES)} batches of ", end=""
    )
    print(f"{arguments.frames}: {times.eager / times.compiled:.2f} times as fast ", end="")
    print(f"after {times.compiling:.0f} s of compiling")


def compared(device: str, names: Sequence[str], frames: int, repeats: int, **how: Any) -> Times:
    """Batches of ``frames`` of each molecule without and with ``torch.compile(**how)``."""
    batches = [batch_of(name, frames) for name in names]
    eager = least(shipped(device), batches, repeats)
    potential = shipped(device)
    for part in (potential.model.embed, *potential.model.blocks):
        part.compile(**how)
    compiling = seconds(potential, batches)
    return Times(eager, least(potential, batches, repeats), compiling)


def shipped(device: str) -> TransformerPotential:
    """The shipped model in float32."""
    spec = parse_model("transformer")
    potential = spec.adapter.load(spec.card, device, "float32")
    assert isinstance(potential, TransformerPotential)
    return potential


def batch_of(name: str, n: int) -> AtomsBatch:
    """Frames of a molecule that are all a little different."""
    frames = [molecule(name) for _ in range(n)]
    for seed, frame in enumerate(frames):
        frame.rattle(0.05, seed=seed)
    return AtomsBatch.from_atoms(frames, dtype=torch.float32)


def least(potential: TransformerPotential, batches: list[AtomsBatch], repeats: int) -> float:
    """Seconds of all batches."""
    return min(seconds(potential, batches) for _ in range(repeats))


if __name__ == "__main__":
    main()
