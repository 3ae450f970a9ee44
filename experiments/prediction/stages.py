"""What a model of the experiment goes through, and what is kept of it.

A stage is one command that a user has. What it found of a model lies in ``results/STAGE/LABEL.json.gz``.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ase import Atoms

from bsct_zoo.atoms.smiles import read_smiles
from bsct_zoo.evaluation.results import ModelResult, json_text, read_results, without_curves
from bsct_zoo.files import atomic_write

HERE = Path(__file__).parent
NVE = ("md", "--check", "nve", "--time", "1", "--dt", "0.5", "--dtype", "float32")
# In the order of their worth: an interrupted run leaves the first of them whole.
STAGES: dict[str, tuple[str, ...]] = {
    "nve-600": (*NVE, "--temperature", "600"),
    "scores": ("compare", "--suite", "core,druglike", "--task", "jacobian"),
    "jumps": ("compare", "--suite", "core", "--limit", "14", "--refine"),
    "nve-300": (*NVE, "--temperature", "300"),
    "bsct-spice": ("compare", "--suite", "bsct-spice", "--limit", "90"),
}


def read_models(path: Path) -> list[tuple[str, str]]:
    """Label and name of each model of the list; one whose checkpoint was not trained yet is left out."""
    lines = [line.partition("#")[0].split() for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = [(label, name) for label, name in filter(None, lines)]
    return [(label, name) for label, name in pairs if "/" not in name or Path(name.partition(":")[2]).exists()]


def measure(stage: str, label: str, model: str, out: Path) -> None:
    """Run ``stage`` of ``model`` unless its file is there."""
    kept = out / stage / f"{label}.json.gz"
    if kept.exists():
        return
    verb, *words = STAGES[stage]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        options = [*words, *(molecules(folder) if verb == "md" else ())]
        command = [sys.executable, "-m", "bsct_zoo", verb, f"{label}={model}", *options, "--json", str(result), "-q"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not result.exists():
            print(f"{stage} {label}: {(done.stderr.strip().splitlines() or ['no output'])[-1]}", flush=True)
            return
        kept.parent.mkdir(parents=True, exist_ok=True)
        small = json_text(without_curves(read_results(result)))
        atomic_write(kept, gzip.compress(small.encode(), mtime=0))
    print(f"{stage} {label}: {time.perf_counter() - started:.0f} s, exit code {done.returncode}", flush=True)


def unpacked(path: Path) -> Sequence[ModelResult]:
    """The rows of a file that ``measure`` kept."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "result.json"
        plain.write_bytes(gzip.decompress(path.read_bytes()))
        return read_results(plain).rows


def molecules(folder: str) -> list[str]:
    """Options that name the molecules of the dynamics, embedded into files of ``folder``."""
    options = []
    for structure in read_smiles(HERE / "molecules.smi", seed=0)[0]:
        file = Path(folder) / f"{structure.name}.extxyz"
        Atoms(structure.numbers, structure.positions).write(file)
        options += ["--molecule", str(file)]
    return options
