"""Make the core suite: GFN2-xTB bond scans of small molecules, four for each of nine bond types.

    python -m suites.core.make_core

Run from the root of the repository. Writes `bsct_zoo_core/core.npz` beside this script; the same versions of
the packages write the same bytes. No molecule is among those of the training or validation frames.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np
from ase.data import chemical_symbols

from bsct_zoo.files import atomic_write
from bsct_zoo.suites.geometry import bond_scan, fragments
from bsct_zoo.training.making.parts import npz_bytes
from suites.core.gfn2 import METHOD, SETTINGS, Array, embed, label, read_smiles, relax, seed_of

HERE = Path(__file__).parent
TRAINING_SMILES = HERE.parents[1] / "training" / "molecules.smi"
SEED = 0
N_FRAMES = 100


@dataclass(frozen=True)
class Entry:
    """A line of `molecules.smi`: the bond (i, j) of a molecule, counted in its canonical SMILES."""

    smiles: str
    group: str
    name: str
    i: int
    j: int


@dataclass(frozen=True)
class Made:
    """A scan with its reference; NaN in `energy` [n_frames] and `forces` where it did not converge."""

    entry: Entry
    numbers: Array
    labels: Array
    coordinate: Array
    positions: Array
    energy: Array
    forces: Array


def read_entries(path: Path) -> list[Entry]:
    """The molecules of the suite, checked: canonical, of the bond type they say, and not trained on."""
    trained = {smiles for smiles, _ in read_smiles(TRAINING_SMILES)}  # the test molecules among them
    entries = []
    for line in path.read_text().splitlines():
        if not line.startswith("#") and line.strip():
            smiles, group, name, i, j = line.split()
            entries.append(Entry(smiles, group, name, int(i), int(j)))
    for entry, (canonical, *_) in zip(entries, read_smiles(path), strict=True):
        if canonical != entry.smiles:
            raise ValueError(f"{entry.smiles} is not canonical: write {canonical}")
        if canonical in trained:
            raise ValueError(f"{canonical} is a training molecule: the suite must not contain it")
    return entries


def make(entry: Entry) -> Made:
    """Relax the molecule, pull its bond, label every frame."""
    molecule = relax(embed(entry.smiles, seed_of(SEED, entry.smiles)), fmax=0.002)
    kinds = sorted(chemical_symbols[molecule.numbers[k]] for k in (entry.i, entry.j))
    if "-".join(kinds) != entry.group:
        raise ValueError(f"{entry.smiles}: bond ({entry.i}, {entry.j}) is {'-'.join(kinds)}, not {entry.group}")
    labels = fragments(len(molecule.numbers), molecule.bonds, entry.i, entry.j)
    coordinate, frames = bond_scan(
        molecule.positions - molecule.positions.mean(0), molecule.numbers, entry.i, entry.j, labels, N_FRAMES
    )
    frames = np.round(frames, 8)
    energy = np.full(len(frames), np.nan)
    forces = np.full(frames.shape, np.nan)
    for k, positions in enumerate(frames):
        result = label(molecule.numbers, positions)
        if result is not None:
            energy[k], forces[k] = result
    return Made(entry, molecule.numbers, labels, coordinate, frames, energy, forces)


def describe(scan: Made) -> str:
    """One line on a scan's reference: what is missing, how large its forces are, and how smooth it is.

    `gap` is the largest difference between a step of the energy and the trapezoidal work of the forces over
    it, for stretched frames: a switch between two self-consistent states shows as a gap. `kink` is the largest
    change of the second derivative of the energy from one frame to the next, in eV/Å².
    """
    step = np.diff(scan.positions, axis=0)  # [n_frames - 1, n, 3]
    work = -(0.5 * (scan.forces[1:] + scan.forces[:-1]) * step).sum((1, 2))
    e = int(np.nanargmin(scan.energy))
    gap = np.nanmax(np.abs(np.diff(scan.energy) - work)[e:])
    curvature = np.diff(scan.energy, 2) / np.diff(scan.coordinate)[:-1] ** 2
    kink = np.nanmax(np.abs(np.diff(curvature))[e:])
    depth = scan.energy[[0, -1]] - scan.energy[e]
    return (
        f"{scan.entry.group:4s} {scan.entry.name:32s} {len(scan.numbers):3d} atoms, missing "
        f"{int(np.isnan(scan.energy).sum())}, minimum {scan.coordinate[e]:.2f} Å, ends {depth[0]:6.1f} "
        f"{depth[1]:5.2f} eV, max |F| {np.nanmax(np.linalg.norm(scan.forces, axis=-1)):5.0f} eV/Å, "
        f"gap {1000 * gap:.2f} meV, kink {kink:.2f}"
    )


def main() -> None:
    """Make every scan, print what its reference is like, write the suite."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "bsct_zoo_core" / "core.npz")
    parser.add_argument("--molecules", type=Path, default=HERE / "molecules.smi")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()

    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        scans = []
        for scan in pool.map(make, read_entries(options.molecules)):
            scans.append(scan)
            print(describe(scan), flush=True)

    manifest: dict[str, Any] = {
        "format": "bsct-zoo-suite",
        "version": 1,
        "name": "core",
        "title": "Bond scans of small molecules, four for each of nine bond types",
        "level_of_theory": f"{METHOD} (Te={SETTINGS['electronic_temperature']:.0f} K)",
        "licence": "MIT",
        "citation": "Reference: Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 2019, "
        "doi:10.1021/acs.jctc.8b01176. Test: Liu, Qu, Kreiman, Blau, Krishnapriyan, arXiv:2602.04861.",
        "made_by": {
            "command": "python -m suites.core.make_core",
            "seed": SEED,
            "settings": SETTINGS,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("numpy", "ase", "rdkit", "tblite")},
            },
        },
        "scans": [
            {
                "id": f"{scan.entry.group}/{scan.entry.name}",
                "kind": "bond",
                "group": scan.entry.group,
                "indices": [scan.entry.i, scan.entry.j],
                "labels": scan.labels.tolist(),
                "n_atoms": len(scan.numbers),
                "n_frames": len(scan.coordinate),
                "charge": 0,
                "spin": 1,
                "smiles": scan.entry.smiles,
            }
            for scan in scans
        ],
    }
    ids = [scan["id"] for scan in manifest["scans"]]
    if len(set(ids)) != len(ids):
        raise ValueError("two scans have the same id")
    content = npz_bytes(
        {
            "manifest": np.frombuffer(json.dumps(manifest).encode(), dtype=np.uint8),
            "atomic_numbers": np.concatenate([scan.numbers for scan in scans]),
            "coordinate": np.concatenate([scan.coordinate for scan in scans]),
            "positions": np.concatenate([scan.positions.reshape(-1, 3) for scan in scans]),
            "energy": np.concatenate([scan.energy for scan in scans]),
            "forces": np.concatenate([scan.forces.reshape(-1, 3) for scan in scans]),
        }
    )
    atomic_write(options.out, content)
    digest = hashlib.sha256(content).hexdigest()
    missing = sum(int(np.isnan(scan.energy).sum()) for scan in scans)
    size = options.out.stat().st_size / 2**20
    print(f"{len(scans)} scans, {missing} frames without a reference, {size:.1f} MiB, sha256 {digest}")


if __name__ == "__main__":
    main()
