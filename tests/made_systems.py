"""Systems for the adapters' own tests: molecules off their minimum, and crystals whose cells are oblique."""

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule

_SHEAR = ((0.02, 0.01, 0.0), (0.0, -0.01, 0.02), (0.005, 0.0, 0.01))


def rattled(*names: str, by: float) -> list[Atoms]:
    """Molecules of ASE's g2 set, every coordinate moved by a normal deviate of ``by`` Å."""
    made = [molecule(name) for name in names]
    for seed, atoms in enumerate(made):
        atoms.rattle(by, seed=seed)
    return made


def sheared(*crystals: Atoms, by: float = 0.1) -> list[Atoms]:
    """Crystals with strained cells, rattled by ``by`` Å."""
    made = [atoms.copy() for atoms in crystals]
    for seed, atoms in enumerate(made):
        atoms.set_cell(atoms.cell @ (np.eye(3) + _SHEAR), scale_atoms=True)
        atoms.rattle(by, seed=seed)
    return made


def silicon() -> Atoms:
    """Eight atoms in a sheared cell, rattled."""
    atoms = bulk("Si", cubic=True)
    atoms.set_cell(np.add(atoms.cell, [[0.1, 0.2, 0.0], [0.0, -0.1, 0.1], [0.05, 0.0, 0.0]]), scale_atoms=True)
    atoms.rattle(0.1, seed=1)
    return atoms
