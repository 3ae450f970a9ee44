"""The test systems: real ones, of elements that the model declares, never at equilibrium."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule
from ase.data import atomic_numbers, chemical_symbols, covalent_radii, reference_states
from ase.geometry import get_distances

SHEAR = np.array([[1.03, 0.04, -0.02], [0.06, 0.98, 0.03], [-0.05, 0.02, 1.01]])  # breaks every symmetry
_MOLECULES = (
    "CH3CH2OH", "H2O", "HCN", "CH3SH", "CH3Cl", "NH3", "HF", "C2H6", "SiH4", "PH3", "SO2", "Si2H6", "AlF3", "BF3",
    "NaCl", "LiF", "LiH", "CO2", "N2", "O2", "H2", "Cl2", "F2", "P2", "Na2", "Li2",
)  # fmt: skip
_CRYSTALS = (
    "Si", "Cu", "Al", "C", "Fe", "W", "Ni", "Au", "Ag", "Pt", "Pd", "Na", "Li", "Mg", "Ti", "Ge", "Ar", "Ne",
    "Kr", "Xe",
)  # fmt: skip
_HALOGENS = (35, 53)  # of which ASE has no molecule
_COMMON = (6, 7, 8, 9, 15, 16, 17, 29, 35, 53, 55, 79)
_LIGHT = 20
_AT_MOST = 4  # molecules
_LATTICES = ("fcc", "bcc", "sc", "diamond", "hcp")
ANY = frozenset(atomic_numbers[symbol] for symbol in ("H", "C", "N", "O", "Cu"))  # where a model declares no elements


def molecules(elements: frozenset[int], metals: bool = False) -> tuple[Atoms, ...]:
    """Molecules of different sizes and as many elements as they can hold; a cluster of a heavy metal if wanted.

    Clusters cut from a crystal, or pairs of atoms, if no molecule matches.
    """
    systems = _varied([atoms for atoms in map(molecule, _MOLECULES) if elements.issuperset(atoms.numbers)])
    systems += [_methyl(z) for z in _HALOGENS if {1, 6, z} <= elements]
    if systems and metals:
        heavy = [symbol for symbol in crystal_symbols(elements) if atomic_numbers[symbol] > _LIGHT]
        systems += [_cluster(symbol, 4) for symbol in heavy[:1]]
    if not systems:
        systems = [_cluster(symbol, n) for symbol in crystal_symbols(elements)[:2] for n in (4, 2)]
    if not systems:
        systems = [Atoms([z, z], [[0, 0, 0], [2 * covalent_radii[z], 0, 0]]) for z in sorted(elements)[:2]]
    return tuple(_off_balance(atoms, seed) for seed, atoms in enumerate(systems))


def some_elements(elements: frozenset[int]) -> list[int]:
    """Light, organic and heavy ones: the lightest four, those that are common, and the heaviest."""
    ordered = sorted(elements)
    return sorted({*ordered[:4], *ordered[-1:], *(z for z in _COMMON if z in elements)})


def _varied(systems: list[Atoms]) -> list[Atoms]:
    """The first two, then those that add most elements; in their order."""
    chosen = list(range(min(2, len(systems))))
    while len(chosen) < min(_AT_MOST, len(systems)):
        known = {int(z) for k in chosen for z in systems[k].numbers}
        left = [k for k in range(len(systems)) if k not in chosen]
        chosen.append(max(left, key=lambda k: (len(set(systems[k].numbers.tolist()) - known), -k)))
    return [systems[k] for k in sorted(chosen)]


def _methyl(z: int) -> Atoms:
    """CH3X with another X than chlorine, at the length of its bond."""
    atoms: Atoms = molecule("CH3Cl")
    carbon, halogen = (int(np.flatnonzero(atoms.numbers == one)[0]) for one in (6, 17))
    atoms.numbers[halogen] = z
    atoms.set_distance(carbon, halogen, covalent_radii[6] + covalent_radii[z], fix=0)
    return atoms


def crystals(elements: frozenset[int], dense: bool = True) -> tuple[Atoms, ...]:
    """Small periodic systems whose cells are shorter than most cut-offs: an element's crystal, a molecule in a box.

    Without ``dense`` the box only: a Hamiltonian that samples one point of a zone has no answer for two atoms of a
    metal.
    """
    systems = [bulk(symbol) for symbol in crystal_symbols(elements)[: int(dense)]]
    systems = [atoms if len(atoms) > 1 else atoms.repeat((2, 1, 1)) for atoms in systems]
    loose = [atoms for atoms in molecules(elements) if len(atoms) > 2] or molecules(elements)
    for small in sorted(loose, key=len)[:1]:  # pairs are rare, and may be ions
        box = np.ptp(small.positions, axis=0) + np.array([2.4, 2.6, 2.8])
        systems.append(Atoms(small.numbers, small.positions, pbc=True, cell=box))
    for atoms in systems:
        atoms.set_cell(atoms.cell @ SHEAR)
    return tuple(_off_balance(atoms, seed) for seed, atoms in enumerate(systems, start=10))


def crystal_symbols(elements: frozenset[int]) -> list[str]:
    """Elements for which ASE has a simple crystal, common ones first."""
    usual = [symbol for symbol in _CRYSTALS if atomic_numbers[symbol] in elements]
    states = {z: reference_states[z] or {} for z in sorted(elements) if z < len(reference_states)}
    others = [chemical_symbols[z] for z, state in states.items() if state.get("symmetry") in _LATTICES]
    return list(dict.fromkeys([*usual, *others]))


def named(atoms: Atoms) -> str:
    """Its name in messages."""
    formula: str = atoms.get_chemical_formula()
    return f"{formula} (periodic)" if atoms.pbc.any() else formula


def _cluster(symbol: str, n: int) -> Atoms:
    """An atom of the crystal and its ``n - 1`` nearest neighbours."""
    block = bulk(symbol).repeat((3, 3, 3))
    centre = block.positions.mean(axis=0)
    first = int(np.argmin(np.linalg.norm(block.positions - centre, axis=1)))
    _, distances = get_distances(block.positions[[first]], block.positions)
    near = np.argsort(distances[0], kind="stable")[:n]
    return Atoms(block.numbers[near], block.positions[near] - block.positions[first])


def _off_balance(atoms: Atoms, seed: int) -> Atoms:
    """Every atom displaced by some hundredths of Å, always in the same way."""
    off = np.random.default_rng(seed).normal(0.0, 0.05, atoms.positions.shape)
    return Atoms(atoms.numbers, atoms.positions + off, cell=atoms.cell, pbc=atoms.pbc)
