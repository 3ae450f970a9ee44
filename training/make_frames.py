"""Make the frames the project's own models are trained on, labelled with GFN2-xTB.

    python -m training.make_frames --out DIR [--workers 2] [--seed 0]

Run from the root of the repository. Every molecule is one part file, put in place whole, so an interrupted
run goes on where it stopped. Results depend on the seed and on `molecules.smi`, not on the workers.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import platform
import sys
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_masses, atomic_numbers, chemical_symbols, covalent_radii
from ase.units import fs, kB

from bsct_zoo.scans.geometry import fragments
from training.gfn2 import (
    METHOD,
    SETTINGS,
    Array,
    Molecule,
    acyclic_bonds,
    calculator,
    embed,
    label,
    read_smiles,
    relax,
    seed_of,
)

KINDS = ("md", "rattle", "bond", "dimer", "diatomic")
TEMPERATURES = (300.0, 600.0, 1000.0)  # K
ELEMENTS = ("H", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I")
SMILES = Path(__file__).with_name("molecules.smi")


@dataclass(frozen=True)
class Recipe:
    """How many frames of each kind, and which are kept. Part of the name of every part file."""

    seed: int = 0
    md_per_temperature: int = 5
    md_first: int = 150  # fs of Langevin dynamics before the first snapshot
    md_every: int = 60  # fs between snapshots
    rattles: int = 7
    bonds: int = 10
    bonds_per_heavy_bond: int = 5
    dimers: int = 6
    diatomics: int = 12  # a pair of elements
    max_force: float = 500.0  # eV/Å: frames with a larger force on any atom are dropped
    valid_fraction: float = 0.05


Frame = tuple[int, Array, Array, float, Array]  # kind, numbers [n], positions [n, 3], energy, forces [n, 3]


def md_snapshots(molecule: Molecule, temperature: float, recipe: Recipe, rng: np.random.Generator) -> list[Array]:
    """Well spaced snapshots of Langevin dynamics (BAOAB, 0.5 or 1 fs, 1/100 fs friction) from the minimum."""
    from ase import Atoms

    masses = atomic_masses[molecule.numbers][:, None]  # [n, 1]
    dt = 0.5 * fs if temperature > 600 else 1.0 * fs
    decay = np.exp(-0.01 / fs * dt)
    sigma = np.sqrt(kB * temperature / masses)
    atoms = Atoms(molecule.numbers, molecule.positions, calculator=calculator())
    velocity = sigma * rng.standard_normal(molecule.positions.shape)
    forces, out = atoms.get_forces(), []
    first, every = round(recipe.md_first * fs / dt), round(recipe.md_every * fs / dt)
    for step in range(1, first + every * (recipe.md_per_temperature - 1) + 1):
        velocity = velocity + 0.5 * dt * forces / masses
        x = atoms.positions + 0.5 * dt * velocity
        velocity = decay * velocity + np.sqrt(1 - decay**2) * sigma * rng.standard_normal(x.shape)
        atoms.set_positions(x + 0.5 * dt * velocity)
        forces = atoms.get_forces()
        velocity = velocity + 0.5 * dt * forces / masses
        if step >= first and (step - first) % every == 0:
            out.append(atoms.get_positions())
    return out


def pulled(molecule: Molecule, positions: Array, bond: tuple[int, int], scale: float) -> Array:
    """`positions` [n, 3] with the bond set to `scale` times its covalent length, both fragments rigid."""
    i, j = bond
    side = fragments(len(molecule.numbers), molecule.bonds, i, j)
    d = positions[j] - positions[i]
    length = float(np.linalg.norm(d))
    change = scale * (covalent_radii[molecule.numbers[i]] + covalent_radii[molecule.numbers[j]]) - length
    return positions + np.where(side == 1, 0.5, -0.5)[:, None] * (change / length * d)


def random_rotation(rng: np.random.Generator) -> Array:
    """A rotation matrix [3, 3], uniform over orientations."""
    q, r = np.linalg.qr(rng.standard_normal((3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


def dimer(a: Molecule, b: Molecule, rng: np.random.Generator) -> Array:
    """Positions [n_a + n_b, 3] of two rattled molecules at a random orientation and distance.

    Their closest atoms are 0.6 to 1.6 times a contact apart: the sum of their covalent radii plus 1 Å.
    """
    x = a.positions + rng.normal(0, 0.04, a.positions.shape)
    y = b.positions + rng.normal(0, 0.04, b.positions.shape)
    x, y = x - x.mean(0), (y - y.mean(0)) @ random_rotation(rng).T
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    contact = covalent_radii[a.numbers][:, None] + covalent_radii[b.numbers] + 1.0
    target = rng.uniform(0.6, 1.6)
    for shift in np.arange(0.0, 30.0, 0.05):
        distance = np.linalg.norm(x[:, None] - (y + shift * direction), axis=-1)
        if (distance / contact).min() >= target:
            break
    return np.concatenate([x, y + shift * direction])


def molecule_frames(smiles: str, partners: list[str], recipe: Recipe) -> tuple[list[Frame], dict[str, int]]:
    """All frames of one molecule, and counts of what was dropped."""
    rng = np.random.default_rng(seed_of(recipe.seed, smiles))
    base = relax(embed(smiles, seed_of(recipe.seed, smiles)))
    n = len(base.numbers)
    wanted: list[tuple[int, Array, Array]] = []
    if n > 1:
        for temperature in TEMPERATURES:
            snapshots = md_snapshots(base, temperature, recipe, rng)
            wanted += [(KINDS.index("md"), base.numbers, x) for x in snapshots]
    for _ in range(recipe.rattles):
        x = base.positions + rng.normal(0, rng.uniform(0.02, 0.15), (n, 3))
        wanted.append((KINDS.index("rattle"), base.numbers, x))

    bonds = acyclic_bonds(base)
    heavy = [bond for bond in bonds if min(base.numbers[list(bond)]) > 1]
    if bonds:
        picks = [bond for bond in heavy for _ in range(recipe.bonds_per_heavy_bond)]
        picks += [bonds[k] for k in rng.integers(len(bonds), size=recipe.bonds)]
        for bond in picks:
            x = base.positions + rng.normal(0, rng.uniform(0.0, 0.08), (n, 3))
            x = pulled(base, x, bond, rng.uniform(0.5, 2.0))
            wanted.append((KINDS.index("bond"), base.numbers, x))

    for smiles_b in partners:
        b = relax(embed(smiles_b, seed_of(recipe.seed, smiles_b)))
        wanted.append((KINDS.index("dimer"), np.concatenate([base.numbers, b.numbers]), dimer(base, b, rng)))
    return labelled(wanted, recipe)


def diatomic_frames(pair: str, recipe: Recipe) -> tuple[list[Frame], dict[str, int]]:
    """Frames of two atoms at random distances, 0.5 to 3 times their covalent length."""
    rng = np.random.default_rng(seed_of(recipe.seed, "diatomic", pair))
    numbers = np.array([atomic_numbers[symbol] for symbol in pair.split("-")], dtype=np.int64)
    scale = 0.5 + 2.5 * (np.arange(recipe.diatomics) + rng.uniform(0, 1, recipe.diatomics)) / recipe.diatomics
    directions = rng.standard_normal((recipe.diatomics, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ends = (scale * covalent_radii[numbers].sum())[:, None] * directions
    frames = [(KINDS.index("diatomic"), numbers, np.stack([np.zeros(3), end])) for end in ends]
    return labelled(frames, recipe)


def labelled(wanted: list[tuple[int, Array, Array]], recipe: Recipe) -> tuple[list[Frame], dict[str, int]]:
    """Label the frames; drop those that do not converge or whose force is above the recipe's cap."""
    frames: list[Frame] = []
    dropped = {"unconverged": 0, "force": 0}
    for kind, numbers, positions in wanted:
        result = label(numbers, positions)
        if result is None:
            dropped["unconverged"] += 1
        elif np.linalg.norm(result[1], axis=1).max() > recipe.max_force:
            dropped["force"] += 1
        else:
            frames.append((kind, numbers, positions, *result))
    return frames, dropped


def write_npz(path: Path, arrays: dict[str, Array]) -> str:
    """Write a compressed npz whole or not at all, the same bytes for the same arrays. Returns its sha256."""
    partial = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, buffer.getvalue())
    partial.replace(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pack(frames: list[Frame], molecule: list[int]) -> dict[str, Array]:
    """Flat arrays of the frames (see `training/README.md`)."""
    kinds, numbers, positions, energies, forces = zip(*frames, strict=True)
    return {
        "atomic_numbers": np.concatenate(numbers).astype(np.int64),
        "positions": np.concatenate(positions).astype(np.float64),
        "forces": np.concatenate(forces).astype(np.float64),
        "energy": np.array(energies, dtype=np.float64),
        "n_atoms": np.array([len(z) for z in numbers], dtype=np.int64),
        "molecule": np.array(molecule, dtype=np.int64),
        "kind": np.array(kinds, dtype=np.int8),
    }


def unpack(arrays: Any) -> list[Frame]:
    """The frames that `pack` made flat."""
    cuts = np.cumsum(arrays["n_atoms"])[:-1]
    per_atom = (np.split(arrays[name], cuts) for name in ("atomic_numbers", "positions", "forces"))
    kinds, energies = arrays["kind"].tolist(), arrays["energy"].tolist()
    return [(k, z, x, e, f) for k, e, z, x, f in zip(kinds, energies, *per_atom, strict=True)]


def make_part(task: tuple[Path, str, list[str], Recipe]) -> tuple[str, str]:
    """One molecule or pair of elements to its part file. Returns its name and, where it failed, why."""
    path, name, partners, recipe = task
    if path.exists():
        return name, ""
    try:
        pair = name.removeprefix("diatomic ")
        frames, dropped = diatomic_frames(pair, recipe) if pair != name else molecule_frames(name, partners, recipe)
    except (ValueError, RuntimeError) as error:
        return name, f"{type(error).__name__}: {error}"
    arrays = pack(frames, [0] * len(frames)) if frames else {}
    write_npz(path, {**arrays, "dropped": np.array([dropped["unconverged"], dropped["force"]])})
    return name, ""


def reference_energies(frames: list[Frame]) -> dict[str, float]:
    """Energy of each element (eV) by least squares of energies on compositions, over the frames of dynamics."""
    frames = [frame for frame in frames if KINDS[frame[0]] == "md"]
    z = [atomic_numbers[symbol] for symbol in ELEMENTS]
    counts = np.array([[(frame[1] == k).sum() for k in z] for frame in frames], dtype=np.float64)
    solution = np.linalg.lstsq(counts, np.array([frame[3] for frame in frames]), rcond=None)[0]
    return {chemical_symbols[k]: float(e) for k, e in zip(z, solution, strict=True)}


def main() -> None:
    """Make what is missing of the parts, then merge them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the frames")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    recipe, started = Recipe(seed=options.seed), time.time()

    split = dict(read_smiles(SMILES))
    train = [smiles for smiles, part in split.items() if part == "train"]
    small = [smiles for smiles in train if smiles.count("(") < 2 and len(smiles) <= 5]  # cheap partners
    pairs = [f"diatomic {a}-{b}" for k, a in enumerate(ELEMENTS) for b in ELEMENTS[k:]]
    parts = options.out / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    tasks = []
    for name in [*split, *pairs]:
        rng = np.random.default_rng(seed_of(recipe.seed, "partners", name))
        partners = rng.choice(small, recipe.dimers).tolist() if split.get(name) == "train" else []
        key = hashlib.sha256(repr((METHOD, SETTINGS, recipe, name, partners)).encode()).hexdigest()[:20]
        tasks.append((parts / f"{key}.npz", name, partners, recipe))

    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    failed = {}
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        for done, (name, error) in enumerate(pool.map(make_part, tasks), 1):
            if error:
                failed[name] = error
                print(f"left out: {name}: {error}", flush=True)
            if done % 25 == 0:
                print(f"{done}/{len(tasks)} parts, {time.time() - started:.0f} s", flush=True)

    frames: dict[str, list[Frame]] = {"train": [], "valid": [], "unseen": []}
    index: dict[str, list[int]] = {part: [] for part in frames}
    dropped = np.zeros(2, dtype=np.int64)
    for number, (path, name, _, _) in enumerate(tasks):
        if name in failed:
            continue
        with np.load(path, allow_pickle=False) as arrays:
            dropped += arrays["dropped"]
            found = unpack(arrays) if "energy" in arrays else []
        valid = np.random.default_rng(seed_of(recipe.seed, "valid", name)).random(len(found))
        for frame, draw in zip(found, valid, strict=True):
            part = split.get(name, "train")
            if name in split and part == "train" and draw < recipe.valid_fraction:
                part = "valid"
            frames[part].append(frame)
            index[part].append(number)

    sha256 = {part: write_npz(options.out / f"{part}.npz", pack(frames[part], index[part])) for part in frames}
    packages = ("numpy", "ase", "rdkit", "tblite")
    manifest = {
        "command": f"python -m training.make_frames --out DIR --seed {recipe.seed}",
        "recipe": recipe.__dict__,
        "method": METHOD,
        "settings": SETTINGS,
        "charge": 0,
        "unpaired_electrons": "0 for an even number of electrons, 1 for an odd one",
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "kinds": KINDS,
        "molecules": [
            {"index": k, "name": name, "split": split.get(name, "train")}
            for k, (_, name, _, _) in enumerate(tasks)
            if name not in failed
        ],
        "left_out": failed,
        "dropped": {"unconverged": int(dropped[0]), "force": int(dropped[1])},
        "reference_energies": reference_energies(frames["train"]),
        "counts": {
            part: {
                "frames": len(found),
                "mean_atoms": float(np.mean([len(f[1]) for f in found])),
                **{kind: sum(f[0] == k for f in found) for k, kind in enumerate(KINDS)},
            }
            for part, found in frames.items()
        },
        "sha256": {f"{part}.npz": digest for part, digest in sha256.items()},
    }
    partial = options.out / "manifest.json.partial"
    partial.write_text(json.dumps(manifest, indent=1) + "\n")
    partial.replace(options.out / "manifest.json")
    print(json.dumps(manifest["counts"], indent=1), f"\n{time.time() - started:.0f} s", file=sys.stdout)


if __name__ == "__main__":
    main()
