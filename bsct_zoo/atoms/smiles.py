"""Molecules as graphs: SMILES to geometries, symmetry of atoms, SMARTS."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from bsct_zoo.atoms.structure import Structure, lowest_spin
from bsct_zoo.errors import BadInputError

_STEPS = 1000  # of the force field


def seed_of(*words: object) -> int:
    """A seed that depends on the words only: the same on every machine and in every order of work."""
    return int.from_bytes(hashlib.sha256(repr(words).encode()).digest()[:8], "little")


def read_smiles(path: Path, seed: int) -> list[Structure]:
    """Molecules of a file with a SMILES and perhaps a name on each line, embedded in space (ETKDG, then MMFF94 or UFF).

    Raises:
        BadInputError: RDKit is not installed, or a line is not a molecule that can be embedded.
    """
    chem = rdkit("SMILES")
    structures = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        words = line.split(maxsplit=1)
        if words and not words[0].startswith("#"):
            graph = chem.MolFromSmiles(words[0])
            if graph is None or graph.GetNumAtoms() == 0:
                raise BadInputError(f"{path} line {number}: '{words[0]}' is not a SMILES")
            name = words[1] if len(words) > 1 else f"line{number}"
            smiles = chem.MolToSmiles(graph)
            graph = _embedded(chem, smiles, seed_of(seed, smiles), f"{path} line {number}")
            structures.append(replace(_structure(chem, graph, name, smiles), embedded=True))
    return structures


def read_sdf(path: Path) -> list[Structure]:
    """Molecules of a MOL or SD file, with its own coordinates and hydrogens.

    Raises:
        BadInputError: RDKit is not installed, or an entry is unusable.
    """
    chem = rdkit("MOL and SD files")
    structures = []
    for number, graph in enumerate(chem.SDMolSupplier(str(path), removeHs=False), start=1):
        if graph is None:
            raise BadInputError(f"{path}: entry {number} is not a molecule that RDKit can read")
        if graph.GetNumConformers() == 0 or not graph.GetConformer().Is3D():
            raise BadInputError(f"{path}: entry {number} has no coordinates in space; give it as SMILES")
        name = graph.GetProp("_Name").strip() if graph.HasProp("_Name") else ""
        smiles = chem.MolToSmiles(chem.RemoveHs(graph))
        structures.append(_structure(chem, graph, name or f"entry{number}", smiles))
    return structures


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


def _embedded(chem: Any, smiles: str, seed: int, where: str) -> Any:
    fields = import_module("rdkit.Chem.AllChem")
    graph = chem.AddHs(chem.MolFromSmiles(smiles))
    if fields.EmbedMolecule(graph, randomSeed=seed % 2**31 or 1) != 0:
        raise BadInputError(f"{where}: no geometry could be made for {smiles}; give one as xyz or SD file")
    if fields.MMFFHasAllMoleculeParams(graph):
        fields.MMFFOptimizeMolecule(graph, maxIters=_STEPS)
    elif fields.UFFHasAllMoleculeParams(graph):
        fields.UFFOptimizeMolecule(graph, maxIters=_STEPS)
    return graph


def _structure(chem: Any, graph: Any, name: str, smiles: str) -> Structure:
    numbers = np.array([atom.GetAtomicNum() for atom in graph.GetAtoms()], dtype=np.int64)
    charge = chem.GetFormalCharge(graph)
    unpaired = sum(atom.GetNumRadicalElectrons() for atom in graph.GetAtoms())
    lowest = lowest_spin(numbers, charge)
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
    )
