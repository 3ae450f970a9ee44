"""Whether torch.compile makes the Transformer faster: energies and forces of batches of molecules, eager and compiled.

python benchmarks/compiled.py

The graph is not compiled (its size depends on the positions), the blocks and the embedding are, for any size. CPU
seconds of one thread, the least of some repeats; compiling is counted apart.
"""

import argparse
import platform
import time

import torch
from ase.build import molecule
from bsct_zoo_transformer.potential import TransformerPotential

from bsct_zoo.batch import AtomsBatch
from bsct_zoo.models import parse_model
from bsct_zoo.results.machine import machine

NAMES = ("CH3CH2OH", "C6H6", "CH3COOH", "H2O")


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=32, help="of each molecule, in a batch")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    batches = [batch_of(name, arguments.frames) for name in NAMES]
    eager = least(shipped(), batches, arguments.repeats)
    potential = shipped()
    for part in (potential.model.embed, *potential.model.blocks):
        part.compile(dynamic=True)
    clock = time.process_time()
    for batch in batches:
        potential.compute(batch)
    compiling = time.process_time() - clock
    compiled = least(potential, batches, arguments.repeats)
    print(f"{machine('cpu')['processor']}, one thread, torch {torch.__version__}, Python {platform.python_version()}")
    print(f"eager {1e3 * eager:.1f} ms, compiled {1e3 * compiled:.1f} ms for {len(batches)} batches of ", end="")
    print(f"{arguments.frames}: {eager / compiled:.2f} times as fast after {compiling:.0f} CPU s of compiling")


def shipped() -> TransformerPotential:
    """The shipped model in float32."""
    spec = parse_model("transformer")
    potential = spec.adapter.load(spec.card, "cpu", "float32")
    assert isinstance(potential, TransformerPotential)
    return potential


def batch_of(name: str, n: int) -> AtomsBatch:
    """Frames of a molecule that are all a little different."""
    frames = [molecule(name) for _ in range(n)]
    for seed, frame in enumerate(frames):
        frame.rattle(0.05, seed=seed)
    return AtomsBatch.from_atoms(frames, dtype=torch.float32)


def least(potential: TransformerPotential, batches: list[AtomsBatch], repeats: int) -> float:
    """CPU seconds of all batches."""
    times = []
    for _ in range(repeats):
        clock = time.process_time()
        for batch in batches:
            potential.compute(batch)
        times.append(time.process_time() - clock)
    return min(times)


if __name__ == "__main__":
    main()
