"""Cost of the Transformer against the size of the system, beside graphs made from all pairs of atoms.

python benchmarks/linear_scaling.py            # a table, and the slopes
python benchmarks/linear_scaling.py --write    # into docs/transformer.md too

Every number comes from a process of its own: CPU seconds of one thread, and its peak memory less what it had before.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import version
from math import ceil
from pathlib import Path

import numpy as np
from pages import fill

PAGE = Path(__file__).parents[1] / "docs" / "transformer.md"
SIZES = {
    "energy and forces": (1000, 3000, 10000, 30000, 100000),
    "graph": (1000, 3000, 10000, 30000, 100000),
    "graph, dense": (190, 350, 600),
    "graph, dense, k + 20 nearest": (1000, 2000, 4000, 8000),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", choices=["water", "rocksalt"], default="water")
    parser.add_argument("--up-to", type=int, default=100000, help="atoms")
    parser.add_argument("--write", action="store_true", help="into docs/transformer.md")
    parser.add_argument("--one", nargs=2, metavar=("WHAT", "ATOMS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measured(arguments.one[0], arguments.system, int(arguments.one[1]))))
        return
    text = table(arguments.system, arguments.up_to)
    print(text)
    if arguments.write:
        fill(PAGE, f"scaling {arguments.system}", text)


def table(system: str, up_to: int) -> str:
    """All measurements, in Markdown."""
    from bsct_zoo.evaluation.machine import machine

    constant = ""
    lines = ["| what | atoms | CPU s | ms an atom | peak memory, GB |", "|---|---:|---:|---:|---:|"]
    slopes = []
    for what, sizes in SIZES.items():
        rows = []
        for size in filter(lambda size: size <= up_to, sizes):
            command = [sys.executable, __file__, "--system", system, "--one", what, str(size)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append(json.loads(done.stdout))
            print(what, rows[-1], file=sys.stderr)
        for row in rows:
            each = 1000 * row["seconds"] / row["atoms"]
            lines.append(f"| {what} | {row['atoms']:,} | {row['seconds']:.3g} | {each:.3g} | {row['gigabytes']:.3g} |")
        atoms, seconds, memory = (np.log([row[key] for row in rows]) for key in ("atoms", "seconds", "gigabytes"))
        if what == "energy and forces":
            each, rest = np.polyfit(np.exp(atoms), np.exp(memory), 1)
            constant = f"Memory of energy and forces: {rest:.2f} GB and {1e6 * each:.0f} kB an atom (straight line)."
        if len(rows) > 1:
            slopes.append((what, np.polyfit(atoms, seconds, 1)[0], np.polyfit(atoms, memory, 1)[0]))
    lines += ["", "| slope in log-log | CPU time | memory |", "|---|---:|---:|"]
    lines += [f"| {what} | {time:.2f} | {memory:.2f} |" for what, time, memory in slopes]
    lines += ["", constant]
    facts = machine("cpu")
    versions = f"torch {version('torch')}, vesin {version('vesin')}, Python {platform.python_version()}"
    lines.append(f"\nPeriodic {system}, float32, one thread of {facts['processor']}, {versions}.\n")
    return "\n".join(lines)


def measured(what: str, system: str, n_atoms: int) -> dict[str, float]:
    """One measurement, in this process."""
    import torch
    from bsct_zoo_transformer.config import TransformerConfig
    from bsct_zoo_transformer.graph import edge_graph
    from bsct_zoo_transformer.model import EdgeTransformer
    from bsct_zoo_transformer.potential import TransformerPotential

    from bsct_zoo.atoms.batch import AtomsBatch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = TransformerConfig(elements=(1, 8, 11, 17), reference_energies=(0.0,) * 4)
    potential = TransformerPotential(EdgeTransformer(config), "cpu", "float32", "random", "MIT")
    potential.compute(batch_of("water", 24))  # what is made once
    batch = batch_of(system, n_atoms)
    assert isinstance(batch, AtomsBatch)
    before, times = peak(), []
    for _ in range(max(1, min(5, 10000 // batch.n_atoms))):  # the least of several, where one is soon over
        clock = time.process_time()
        if what == "energy and forces":
            found = potential.compute(batch)
            assert torch.isfinite(found.energy).all() and torch.isfinite(found.forces).all()
        elif what == "graph":
            edge_graph(batch, config)
        else:
            dense_edges(batch.positions, batch.cell[0].diagonal(), config, config.k + 20 if "near" in what else None)
        times.append(time.process_time() - clock)
    return {"atoms": batch.n_atoms, "seconds": min(times), "gigabytes": (peak() - before) / 1e9}


def dense_edges(positions, box, config, nearest):
    """Edges of the soft kNN graph and their coordinate, from the distances of all pairs of atoms, as in textbooks.

    One image of every atom is enough here, where the box is more than twice the cut-off wide; published
    implementations (fairchem's EScAIP) hold several, and so more. ``nearest`` ranks only so many neighbours of an atom
    among each other, after a sort.
    """
    import torch
    from bsct_zoo_transformer.graph import soft_maximum

    vectors = positions[None, :, :] - positions[:, None, :]  # [A, A, 3]
    vectors = vectors - box * torch.round(vectors / box)
    distance = vectors.norm(dim=2) + 1e6 * torch.eye(len(positions))  # [A, A]; no atom is its own neighbour
    if nearest is None:
        ranks = torch.sigmoid((distance[:, :, None] - distance[:, None, :]) / config.rank_width).sum(2)  # [A, A, A]
    else:
        near, order = distance.sort(1)
        near = near[:, :nearest]
        few = torch.sigmoid((near[:, :, None] - near[:, None, :]) / config.rank_width).sum(2)
        ranks = torch.full_like(distance, torch.inf).scatter(1, order[:, :nearest], few)
    x = soft_maximum(torch.stack([ranks / config.k, ranks.T / config.k, distance / config.r_cut]), config.softmax_width)
    edges = (x < 1).nonzero()
    return edges, x[edges[:, 0], edges[:, 1]]


def batch_of(system: str, n_atoms: int):
    """A cube of at least ``n_atoms``: water (33.4 molecules/nm³, turned at random), or rock salt shaken by 0.1 Å."""
    import torch
    from ase import Atoms
    from ase.build import bulk, molecule
    from scipy.spatial.transform import Rotation

    from bsct_zoo.atoms.batch import AtomsBatch

    random = np.random.default_rng(0)
    if system == "rocksalt":
        repeats = ceil((n_atoms / 8) ** (1 / 3))
        atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True).repeat(repeats)
        atoms.positions += random.normal(0, 0.1, atoms.positions.shape)
    else:
        side = ceil((n_atoms / 3) ** (1 / 3))
        spacing = (1000 / 33.4) ** (1 / 3)
        sites = spacing * np.stack(np.meshgrid(*3 * [np.arange(side)], indexing="ij"), -1).reshape(-1, 1, 3)
        turns = Rotation.random(len(sites), random_state=0).as_matrix()
        one = molecule("H2O").positions - molecule("H2O").positions.mean(0)
        positions = np.einsum("sij,aj->sai", turns, one) + sites + random.normal(0, 0.2, sites.shape)
        atoms = Atoms("OH2" * len(sites), positions.reshape(-1, 3), cell=3 * [side * spacing], pbc=True)
    return AtomsBatch.from_atoms(atoms, dtype=torch.float32)


def peak() -> int:
    """Largest memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
