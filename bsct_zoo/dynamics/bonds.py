"""The bonds of a system and their lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray
from torch import Tensor

from bsct_zoo.atoms.bonds import bonded_pairs


@dataclass(frozen=True)
class Bonds:
    """The bonds of many systems.

    Attributes:
        first, second: [n_bonds] atoms, counted through all systems.
        shift: [n_bonds, 3] Å from the second atom to its bonded image; zero in a molecule.
        length: [n_bonds] Å.
        owner: [n_bonds] the system of each.
        names: such as "C0-H3", atoms counted within their system.
    """

    first: Tensor
    second: Tensor
    shift: Tensor
    length: Tensor
    owner: NDArray[np.int64]
    names: tuple[str, ...]

    def lengths(self, positions: Tensor) -> NDArray[np.float64]:
        """[n_bonds] Å at ``positions`` [n_atoms, 3] of all systems, which must not be wrapped."""
        vectors = positions[self.second] + self.shift - positions[self.first]
        lengths: NDArray[np.float64] = vectors.norm(dim=1).numpy()
        return lengths


def bonds_of(systems: Sequence[Atoms]) -> Bonds:
    """The bonds of ``systems``, by distance."""
    firsts, seconds, shifts, lengths, owners, names = [], [], [], [], [], []
    start = 0
    for owner, atoms in enumerate(systems):
        i, j, s, d = bonded_pairs(atoms)
        firsts.append(i + start)
        seconds.append(j + start)
        shifts.append(s @ np.asarray(atoms.cell))
        lengths.append(d)
        owners.append(np.full(len(i), owner))
        names += [f"{atoms.symbols[a]}{a}-{atoms.symbols[b]}{b}" for a, b in zip(i, j, strict=True)]
        start += len(atoms)
    return Bonds(
        first=torch.from_numpy(np.concatenate(firsts).astype(np.int64)),
        second=torch.from_numpy(np.concatenate(seconds).astype(np.int64)),
        shift=torch.from_numpy(np.concatenate(shifts).astype(np.float64).reshape(-1, 3)),
        length=torch.from_numpy(np.concatenate(lengths).astype(np.float64)),
        owner=np.concatenate(owners).astype(np.int64),
        names=tuple(names),
    )
