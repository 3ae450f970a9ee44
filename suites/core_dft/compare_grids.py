"""How accurate is the grid of the reference? Chloromethane on PySCF's grids 1 to 3 against grid 4, with their times.

    pip install pyscf pyscf-dispersion
    python -m suites.core_dft.compare_grids

Run from the root of the repository; two minutes of one core.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
from ase.build import molecule
from ase.units import Bohr, Hartree
from numpy.typing import NDArray
from pyscf import dft, gto

FINE, GRIDS = 4, (3, 2, 1)
MOVES = (-0.5, 0.0, 0.8)  # Å, of chlorine along the bond


def main() -> None:
    """Print a line for each grid."""
    exact = [solved(FINE, move) for move in MOVES]
    print("grid  energy meV  force meV/Å  time of grid 4")
    for grid in GRIDS:
        found = [solved(grid, move) for move in MOVES]
        energy = max(abs(one[0] - other[0]) for one, other in zip(found, exact, strict=True))
        force = max(np.abs(one[1] - other[1]).max() for one, other in zip(found, exact, strict=True))
        share = sum(one[2] for one in found) / sum(one[2] for one in exact)
        print(f"{grid:4d}  {1e3 * energy:10.3f}  {1e3 * force:11.2f}  {share:.2f}")


def solved(grid: int, move: float) -> tuple[float, NDArray[np.float64], float]:
    """Energy in eV, forces [n, 3] in eV/Å, and seconds."""
    atoms = molecule("CH3Cl")
    bond = atoms.positions[1] - atoms.positions[0]
    atoms.positions[1] += move * bond / np.linalg.norm(bond)
    started = perf_counter()
    places = list(zip(atoms.get_chemical_symbols(), atoms.positions.tolist(), strict=True))
    field = dft.RKS(gto.M(atom=places, basis="def2-tzvp", verbose=0), xc="wb97m-d3bj").density_fit()
    field.grids.level = grid
    energy = field.kernel() * Hartree
    gradient = field.nuc_grad_method()
    gradient.verbose, gradient.grid_response = 0, True
    return energy, -gradient.kernel() * Hartree / Bohr, perf_counter() - started


if __name__ == "__main__":
    main()
