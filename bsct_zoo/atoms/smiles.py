"""Molecules as graphs: SMILES to geometries, symmetry of atoms, SMARTS."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.atoms.charge_spin import lowest_spin
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.errors import BadInputError

_STEPS = 1000  # of the force field
_APART = 3.0  # Å between fragments: about the sum of two van der Waals radii


def seed_of(*words: object) -> int:
    """A seed that depends on the words only: the same on every machine and in every order of work."""
    return int.from_bytes(hashlib.sha256(repr(words).encode()).digest()[:8], "little")


def read_smiles(path: Path, seed: int) -> tuple[list[Structure], dict[str, str]]:
    """Molecules of a file with a SMILES and perhaps a name on each line; see ``from_smiles``.

    Returns:
        The molecules, and why lines hold none, by line.

    Raises:
        BadInputError: RDKit is not installed.
    """
    rdkit("SMILES")
    structures, left_out = [], {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        words = line.split(maxsplit=1)
        if words and not words[0].startswith("#"):
            try:
                structures.append(from_smiles(words[0], words[1] if len(words) > 1 else f"line{number}", seed))
            except BadInputError as error:
                left_out[f"line {number}"] = str(error)
    return structures, left_out


def from_smiles(smiles: str, name: str, seed: int) -> Structure:
    """One molecule, embedded in space: ETKDG, then MMFF94 or UFF; fragments side by side, isotopes with their masses.

    Raises:
        BadInputError: RDKit is not installed, or it is not a molecule that can be embedded.
    """
    chem = rdkit("SMILES")
    graph = chem.MolFromSmiles(smiles)
    if graph is None or graph.GetNumAtoms() == 0:
        raise BadInputError(f"'{smiles}' is not a SMILES")
    if any(atom.GetAtomicNum() == 0 for atom in graph.GetAtoms()):
        raise BadInputError(f"'{smiles}' has a dummy atom (*); replace it with an element")
    canonical = chem.MolToSmiles(graph)
    graph = _embedded(chem, canonical, seed_of(seed, canonical))
    return replace(_structure(chem, graph, name, canonical), embedded=True)


def read_sdf(path: Path) -> tuple[list[Structure], dict[str, str]]:
    """Molecules of a MOL or SD file, with its own coordinates and hydrogens.

    Returns:
        The molecules, and why entries hold none, by entry.

    Raises:
        BadInputError: RDKit is not installed.
    """
    chem = rdkit("MOL and SD files")
    structures, left_out = [], {}
    for number, graph in enumerate(chem.SDMolSupplier(str(path), removeHs=False), start=1):
        if graph is None:
            left_out[f"entry {number}"] = "not a molecule that RDKit can read"
        elif graph.GetNumConformers() == 0 or not graph.GetConformer().Is3D():
            left_out[f"entry {number}"] = "no coordinates in space; give it as SMILES"
        else:
            name = graph.GetProp("_Name").strip() if graph.HasProp("_Name") else ""
            smiles = chem.MolToSmiles(chem.RemoveHs(graph))
            structures.append(_structure(chem, graph, name or f"entry{number}", smiles))
    return structures, left_out


def smarts_matches(structure: Structure, smarts: str, size: int) -> list[tuple[int, ...]]:
    """The atoms of ``structure`` that match ``smarts``, one tuple for each match, in the order of the SMARTS.

    Raises:
        BadInputError: it is no SMARTS, does not have ``size`` atoms, or the structure has no graph.
    """
    chem = rdkit("SMARTS")
    pattern = chem.MolFromSmarts(smarts)
    if pattern is None:
        raise BadInputError(f"'{smarts}' is not a SMARTS")
    if pattern.GetNumAtoms() != size:
        raise BadInputError(f"'{smarts}' has {pattern.GetNumAtoms()} atoms; this scan is of {size}")
    if structure.graph is None:
        raise BadInputError(
            f"{structure.name} has no bond orders to match a SMARTS with; give SMILES or an SD file, or use --only"
        )
    return [tuple(match) for match in structure.graph.GetSubstructMatches(pattern, uniquify=True, maxMatches=100_000)]


def rdkit(wanted_for: str) -> Any:
    """RDKit's Chem, silent on standard error.

    Raises:
        BadInputError: it is not installed.
    """
    try:
        chem = import_module("rdkit.Chem")
    except ImportError as error:
        raise BadInputError(f"{wanted_for} need RDKit; run: pip install rdkit") from error
    import_module("rdkit.RDLogger").DisableLog("rdApp.*")
    return chem


def _embedded(chem: Any, smiles: str, seed: int) -> Any:
    """The molecule with a geometry; each fragment has its own, and they do not touch."""
    graph = chem.AddHs(chem.MolFromSmiles(smiles))
    places: list[tuple[int, ...]] = []
    fragments = chem.GetMolFrags(graph, asMols=True, fragsMolAtomMapping=places)
    positions = np.zeros((graph.GetNumAtoms(), 3))
    done: list[int] = []
    for fragment, atoms in zip(fragments, places, strict=True):
        x = _positions(fragment, smiles, seed)
        positions[list(atoms)] = x if not done else x + _beside(x, positions[done])
        done += atoms
    conformer = chem.Conformer(graph.GetNumAtoms())
    for atom, x in enumerate(positions):
        conformer.SetAtomPosition(atom, x.tolist())
    graph.AddConformer(conformer, assignId=True)
    return graph


def _positions(fragment: Any, smiles: str, seed: int) -> NDArray[np.float64]:
    """[n, 3] Å of a connected molecule."""
    fields = import_module("rdkit.Chem.AllChem")
    if fields.EmbedMolecule(fragment, randomSeed=seed % 2**31 or 1) != 0:
        raise BadInputError(f"no geometry could be made for {smiles}; give one as xyz or SD file")
    if fields.MMFFHasAllMoleculeParams(fragment):
        fields.MMFFOptimizeMolecule(fragment, maxIters=_STEPS)
    elif fields.UFFHasAllMoleculeParams(fragment):
        fields.UFFOptimizeMolecule(fragment, maxIters=_STEPS)
    return np.array(fragment.GetConformer().GetPositions(), dtype=np.float64)


def _beside(x: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """[3] Å that brings ``x`` [n, 3] to where its nearest atom is ``_APART`` from ``others`` [m, 3], along x."""
    middle = others.mean(0) - x.mean(0)
    gaps = others[None] - (x + middle)[:, None]  # [n, m, 3]
    aside = (gaps[..., 1:] ** 2).sum(-1)
    near = aside < _APART**2
    along = gaps[..., 0][near] + np.sqrt(_APART**2 - aside[near])
    shift: NDArray[np.float64] = middle + np.array([along.max(initial=0.0), 0.0, 0.0])
    return shift


def _structure(chem: Any, graph: Any, name: str, smiles: str) -> Structure:
    numbers = np.array([atom.GetAtomicNum() for atom in graph.GetAtoms()], dtype=np.int64)
    charge = chem.GetFormalCharge(graph)
    unpaired = sum(atom.GetNumRadicalElectrons() for atom in graph.GetAtoms())
    lowest = lowest_spin(numbers, charge)
    isotopes = [atom.GetIsotope() for atom in graph.GetAtoms()]
    masses = np.array([atom.GetMass() for atom in graph.GetAtoms()]) if any(isotopes) else None
    return Structure(
        name=name,
        numbers=numbers,
        positions=np.array(graph.GetConformer().GetPositions(), dtype=np.float64),
        charge=charge,
        spin=unpaired + 1 if unpaired % 2 + 1 == lowest else lowest,
        bonds=tuple((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in graph.GetBonds()),
        smiles=smiles,
        classes=tuple(chem.CanonicalRankAtoms(graph, breakTies=False)),
        graph=graph,
        masses=masses,
    )
