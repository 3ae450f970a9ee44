"""Labelled frames, written as ``data`` reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from bsct_zoo.errors import BadInputError
from bsct_zoo.files import atomic_write, npz_bytes, sha256
from bsct_zoo.kept import sealed_json


def flat_arrays(
    systems: Sequence[Atoms],
    energies: Sequence[float],
    forces: Sequence[np.ndarray],
    stresses: Sequence[np.ndarray] | None = None,
) -> dict[str, Any]:
    """Labelled systems as the arrays of a ``FrameSet``, without their kinds.

    Args:
        systems: charge and spin in ``info``.
        energies: eV of each.
        forces: [n_atoms, 3] eV/Å of each.
        stresses: [3, 3] eV/Å³ of each, NaN where there is none.
    """
    return {
        **({} if stresses is None else {"stress": np.array(stresses, dtype=np.float64)}),
        "n_atoms": np.array([len(atoms) for atoms in systems], dtype=np.int64),
        "atomic_numbers": np.concatenate([atoms.numbers for atoms in systems]).astype(np.int64),
        "positions": np.concatenate([atoms.positions for atoms in systems]).astype(np.float64),
        "energy": np.array(energies, dtype=np.float64),
        "forces": np.concatenate(forces).astype(np.float64),
        "cell": np.array([np.asarray(atoms.cell) for atoms in systems], dtype=np.float64),
        "pbc": np.array([atoms.pbc for atoms in systems], dtype=bool),
        "charge": np.array([int(atoms.info.get("charge", 0)) for atoms in systems], dtype=np.int64),
        "spin": np.array([int(atoms.info.get("spin", 1)) for atoms in systems], dtype=np.int64),
    }


def write_training_data(
    folder: Path, splits: Mapping[str, Mapping[str, np.ndarray]], facts: Mapping[str, Any], mend: str
) -> dict[str, Any]:
    """Write the arrays of each split that has frames and, last, the manifest, which is returned.

    Args:
        folder: that ``read_training_data`` reads.
        splits: arrays of a ``FrameSet`` by name, perhaps with further ones; "test" may be missing.
        facts: of the manifest, "reference_energies" among them; hashes are added.
        mend: ends the message where an element is unknown.

    Raises:
        BadInputError: a split has elements without a reference energy.
    """
    for split, arrays in splits.items():
        symbols = {chemical_symbols[number] for number in arrays["atomic_numbers"]}
        if foreign := sorted(symbols - facts["reference_energies"].keys()):
            raise BadInputError(f"{', '.join(foreign)}: only in frames of '{split}'{mend}")
    files = {f"{split}.npz": npz_bytes(arrays) for split, arrays in splits.items()}
    for name, content in files.items():
        atomic_write(folder / name, content)
    if "test" not in splits:
        (folder / "test.npz").unlink(missing_ok=True)
    manifest = {**facts, "sha256": {name: sha256(content) for name, content in files.items()}}
    atomic_write(folder / "manifest.json", sealed_json(manifest))
    return manifest
