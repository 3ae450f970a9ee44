"""GFN2-xTB labels and starting geometries of the core suite, as `make_core.py` made them.

Everything computed here uses one electronic setting, `SETTINGS`. The electronic temperature keeps the
self-consistent charges convergent and the curve of energies smooth while a bond is pulled apart; energies
are electronic free energies, whose gradient is the force (Bannwarth, Ehlert, Grimme, GFN2-xTB,
doi:10.1021/acs.jctc.8b01176; code: tblite).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.data import covalent_radii
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import AllChem

Array = NDArray[Any]

METHOD = "GFN2-xTB"
SETTINGS: dict[str, float | int] = {"electronic_temperature": 3000.0, "accuracy": 0.1, "max_iterations": 250}
"""Keywords of `tblite.ase.TBLite`; kelvin for the temperature. Charge 0; spin the lowest the electrons allow."""


@dataclass(frozen=True)
class Molecule:
    """A molecule with explicit hydrogens: canonical `smiles`, `numbers` [n], `positions` [n, 3] in Å, `bonds`."""

    smiles: str
    numbers: Array
    positions: Array
    bonds: tuple[tuple[int, int], ...]


def read_smiles(path: Path) -> list[list[str]]:
    """Lines of a `.smi` file as words, the SMILES made canonical; blank lines and `#` comments dropped."""
    lines = (line.split() for line in path.read_text().splitlines() if not line.startswith("#"))
    return [[Chem.CanonSmiles(words[0]), *words[1:]] for words in lines if words]


def seed_of(*words: object) -> int:
    """A seed that depends on the words alone: the same on every machine and in every order of work."""
    return int.from_bytes(hashlib.sha256(repr(words).encode()).digest()[:8], "little")


def embed(smiles: str, seed: int = 0) -> Molecule:
    """A conformer by ETKDG and MMFF94 (UFF where MMFF lacks a parameter)."""
    smiles = Chem.CanonSmiles(smiles)
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    if AllChem.EmbedMolecule(mol, randomSeed=(seed % 2**31) or 1) != 0:
        raise ValueError(f"no conformer could be embedded for {smiles}")
    if AllChem.MMFFHasAllMoleculeParams(mol):
        AllChem.MMFFOptimizeMolecule(mol, maxIters=1000)
    elif AllChem.UFFHasAllMoleculeParams(mol):
        AllChem.UFFOptimizeMolecule(mol, maxIters=1000)
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()], dtype=np.int64)
    bonds = tuple((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds())
    return Molecule(smiles, numbers, np.array(mol.GetConformer().GetPositions()), bonds)


def acyclic_bonds(molecule: Molecule) -> list[tuple[int, int]]:
    """The bonds of the molecule that a scan can cut (those outside rings)."""
    mol = Chem.AddHs(Chem.MolFromSmiles(molecule.smiles))
    if tuple(atom.GetAtomicNum() for atom in mol.GetAtoms()) != tuple(molecule.numbers.tolist()):
        raise ValueError(f"{molecule.smiles} was not embedded from its canonical SMILES")
    return [bond for bond in molecule.bonds if not mol.GetBondBetweenAtoms(*bond).IsInRing()]


def calculator() -> Any:
    """An ASE calculator with `SETTINGS`, for relaxations and dynamics."""
    from tblite.ase import TBLite

    return TBLite(method=METHOD, verbosity=0, **SETTINGS)


def label(numbers: Array, positions: Array) -> tuple[float, Array] | None:
    """Energy (eV) and forces [n, 3] (eV/Å) from a fresh guess, or None where the charges do not converge."""
    from tblite.interface import Calculator

    calc = Calculator(METHOD, numbers, positions / units.Bohr, uhf=int(numbers.sum() % 2))
    calc.set("verbosity", 0)
    calc.set("temperature", SETTINGS["electronic_temperature"] * units.kB / units.Hartree)
    calc.set("accuracy", SETTINGS["accuracy"])
    calc.set("max-iter", SETTINGS["max_iterations"])
    try:
        result = calc.singlepoint()
    except RuntimeError:
        return None
    energy = float(result.get("energy")) * units.Hartree
    forces = -np.asarray(result.get("gradient"), dtype=np.float64) * (units.Hartree / units.Bohr)
    return (energy, forces) if np.isfinite(energy) and np.isfinite(forces).all() else None


def relax(molecule: Molecule, fmax: float = 0.01, steps: int = 500) -> Molecule:
    """The molecule at a GFN2-xTB minimum. Raises `ValueError` where it does not arrive or a bond has broken."""
    from ase.optimize import BFGS

    atoms = Atoms(molecule.numbers, molecule.positions, calculator=calculator())
    if len(atoms) > 1 and not BFGS(atoms, logfile=None).run(fmax=fmax, steps=steps):
        raise ValueError(f"{molecule.smiles} did not relax to {fmax} eV/Å within {steps} steps")
    positions = atoms.get_positions()
    for a, b in molecule.bonds:
        limit = 1.35 * (covalent_radii[molecule.numbers[a]] + covalent_radii[molecule.numbers[b]])
        if np.linalg.norm(positions[a] - positions[b]) > limit:
            raise ValueError(f"{molecule.smiles} broke its bond ({a}, {b}) while relaxing")
    return Molecule(molecule.smiles, molecule.numbers, positions, molecule.bonds)
