"""What makes two molecules the same: the canonical SMILES of their atoms and bonds, hydrogens among them.

Bond orders, charges and stereo are left out, as a geometry does not tell them; with every hydrogen named, the bonds of
a molecule leave next to nothing open. So a geometry compares with a SMILES, and a stereoisomer is no new molecule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import NDArray

from bsct_zoo.atoms.bonds import bonded_pairs
from bsct_zoo.atoms.smiles import rdkit
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.suites.scan import Scan

_WANTED_FOR = "graphs of molecules"


def graph_of(structure: Structure) -> str:
    """The graph of a molecule; of a crystal its composition."""
    if structure.periodic:
        return _crystal(structure.numbers)
    bonds = _near(structure.to_atoms()) if structure.graph is None else structure.bonds
    return ".".join(sorted(_parts(structure.numbers, bonds)))


def graph_of_pair(a: int, b: int) -> str:
    """The graph of two atoms by their atomic numbers, taken as bonded."""
    return _parts([a, b], [(0, 1)]).pop()


def graphs_of_smiles(smiles: str) -> set[str]:
    """The graph of every molecule of a SMILES; none if it is not one.

    Raises:
        BadInputError: RDKit is not here.
    """
    chem = rdkit(_WANTED_FOR)
    graph = chem.MolFromSmiles(smiles)
    if graph is None:
        return set()
    graph = chem.AddHs(graph)
    numbers = [atom.GetAtomicNum() for atom in graph.GetAtoms()]
    return _parts(numbers, [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in graph.GetBonds()])


def graphs_of_scan(scan: Scan) -> set[str]:
    """The graphs of the molecules of a scan: by its SMILES, or by the distances in its frame of lowest energy.

    Raises:
        BadInputError: RDKit is not here.
    """
    if any(scan.pbc):
        return {_crystal(scan.atomic_numbers)}
    if scan.n_atoms == 2:
        return {graph_of_pair(*scan.atomic_numbers.tolist())}
    said = graphs_of_smiles(str(scan.notes["smiles"])) if scan.notes.get("smiles") else set()
    return said or _parts(scan.atomic_numbers, _near(Atoms(scan.atomic_numbers, scan.positions[scan.lowest])))


def canonical(smiles: str) -> str:
    """``smiles`` as RDKit writes it; itself where RDKit cannot read it.

    Raises:
        BadInputError: RDKit is not here.
    """
    chem = rdkit(_WANTED_FOR)
    graph = chem.MolFromSmiles(smiles)
    return smiles if graph is None else str(chem.MolToSmiles(graph))


def _near(atoms: Atoms) -> list[tuple[int, int]]:
    """Bonds by distance."""
    found = bonded_pairs(atoms)
    return list(zip(found.first.tolist(), found.second.tolist(), strict=True))


def _parts(numbers: Sequence[int] | NDArray[np.int64], bonds: Iterable[tuple[int, int]]) -> set[str]:
    """Canonical SMILES of each connected part, every atom written out and every bond single."""
    chem = rdkit(_WANTED_FOR)
    graph = chem.RWMol()
    for number in numbers:
        atom = chem.Atom(chemical_symbols[number])
        atom.SetNoImplicit(True)
        graph.AddAtom(atom)
    for i, j in bonds:
        graph.AddBond(int(i), int(j), chem.BondType.SINGLE)
    return set(chem.MolToSmiles(graph).split("."))


def _crystal(numbers: NDArray[np.int64]) -> str:
    return f"{Atoms(numbers).get_chemical_formula(empirical=True)} crystal"
