"""Phonons of crystals by phonopy, the forces on all displaced supercells as one batch.

Source: Togo, Chaput, Tadano, Tanaka, J. Phys.: Condens. Matter 35, 353001 (2023). Long-range dipoles (the splitting of
longitudinal and transverse optical modes of ionic crystals) are not added: no potential here gives Born charges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.isolation import because, isolated_answers
from bsct_zoo.properties.measured import Draft


def require_phonopy() -> None:
    """Raise where phonopy is not installed.

    Raises:
        BadInputError: with the mend.
    """
    if find_spec("phonopy") is None:
        raise BadInputError("phonons need phonopy; run: pip install phonopy")


def measure_phonons(
    minima: Mapping[int, Atoms],
    multiples: Mapping[int, tuple[int, int, int]],
    drafts: Sequence[Draft],
    step: float,
    batcher: Batcher,
) -> None:
    """Frequencies of each crystal of ``minima`` at the wave vectors that its supercell holds, where they are exact.

    Args:
        minima: crystals at rest.
        multiples: how often each cell is repeated along its vectors.
        drafts: take the results, [n_q, 3 n_atoms] THz, an imaginary one negative.
        step: Å of displacement.
        batcher: of the potential.
    """
    require_phonopy()
    work = {n: _displaced(atoms, multiples[n], step) for n, atoms in minima.items()}
    flat = [AtomsBatch.from_atoms(cell) for _, cells in work.values() for cell in cells]
    found = isolated_answers(batcher, flat)
    place = 0
    for n, (phonons, cells) in work.items():
        places, place = range(place, place + len(cells)), place + len(cells)
        forces = [found.forces[k] for k in places]
        if not all(np.isfinite(force).all() for force in forces):
            drafts[n].problems["phonons"] = (
                f"the model has no answer for a displaced supercell{because(found.failures, places)}"
            )
            continue
        drafts[n].keep(phonons=_frequencies(phonons, forces, multiples[n]))


def _displaced(atoms: Atoms, multiple: tuple[int, int, int], step: float) -> tuple[Any, list[Atoms]]:
    """The object of phonopy for a crystal, and the supercells whose forces it wants."""
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    cell = PhonopyAtoms(
        symbols=atoms.get_chemical_symbols(),
        cell=atoms.cell.array,
        scaled_positions=atoms.get_scaled_positions(),
        masses=atoms.get_masses(),
    )
    phonons = Phonopy(cell, supercell_matrix=np.diag(multiple), primitive_matrix=np.eye(3), log_level=0)
    phonons.generate_displacements(distance=step, is_plusminus=True)
    cells = [
        Atoms(s.symbols, scaled_positions=s.scaled_positions, cell=s.cell, pbc=True, info=dict(atoms.info))
        for s in phonons.supercells_with_displacements or ()
    ]
    return phonons, cells


def _frequencies(
    phonons: Any, forces: list[NDArray[np.float64]], multiple: tuple[int, int, int]
) -> NDArray[np.float64]:
    phonons.forces = np.array(forces)
    phonons.produce_force_constants()
    phonons.symmetrize_force_constants()
    phonons.run_mesh(list(multiple), is_mesh_symmetry=False, is_gamma_center=True)
    found = np.asarray(phonons.mesh.frequencies, dtype=np.float64)
    return np.asarray(np.sort(found, axis=1))
