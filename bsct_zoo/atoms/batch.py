"""A batch of atomic systems as flat arrays, with the names of ASE and TorchSim.

Units: Å, elementary charges; ``spin`` is the multiplicity 2S+1, as in ``atoms.info["spin"]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from bsct_zoo.atoms.charge_spin import charge_spin
from bsct_zoo.errors import BadInputError
from bsct_zoo.late import Late

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Late("torch")


@dataclass(frozen=True)
class AtomsBatch:
    """Systems of different sizes, joined along the atoms.

    Attributes:
        positions: [n_atoms, 3] Å, floating point.
        atomic_numbers: [n_atoms] int64.
        system_idx: [n_atoms] int64, ascending: the system that each atom belongs to.
        cell: [n_systems, 3, 3] Å, rows are lattice vectors; zero where not periodic.
        pbc: [n_systems, 3] bool.
        charge: [n_systems] total charge in e, int64.
        spin: [n_systems] multiplicity 2S+1, int64.
    """

    positions: Tensor
    atomic_numbers: Tensor
    system_idx: Tensor
    cell: Tensor
    pbc: Tensor
    charge: Tensor
    spin: Tensor

    def __post_init__(self) -> None:
        n_atoms, n_systems = len(self.positions), len(self.cell)
        shapes = {
            "positions": (n_atoms, 3),
            "atomic_numbers": (n_atoms,),
            "system_idx": (n_atoms,),
            "cell": (n_systems, 3, 3),
            "pbc": (n_systems, 3),
            "charge": (n_systems,),
            "spin": (n_systems,),
        }
        for name, shape in shapes.items():
            actual = tuple(getattr(self, name).shape)
            if actual != shape:
                raise BadInputError(f"batch field '{name}' has shape {list(actual)}, expected {list(shape)}")

    # -- properties ------------------------------------------------------------------------------------------

    @property
    def n_atoms(self) -> int:
        """Atoms in all systems together."""
        return len(self.positions)

    @property
    def n_systems(self) -> int:
        """Number of systems."""
        return len(self.cell)

    @property
    def device(self) -> torch.device:
        """Device of the tensors."""
        return self.positions.device

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of positions and cell."""
        return self.positions.dtype

    @property
    def atoms_per_system(self) -> Tensor:
        """[n_systems] int64."""
        return torch.bincount(self.system_idx, minlength=self.n_systems)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> AtomsBatch:
        """The same batch on another device; ``dtype`` applies to positions and cell only."""
        moved = {f.name: getattr(self, f.name).to(device=device) for f in fields(self)}
        if dtype is not None:
            moved["positions"] = moved["positions"].to(dtype)
            moved["cell"] = moved["cell"].to(dtype)
        return AtomsBatch(**moved)

    def select(self, systems: Tensor) -> AtomsBatch:
        """The ``systems`` [n_systems] (bool), in their order."""
        atoms = systems[self.system_idx]
        place = torch.cumsum(systems.long(), 0) - 1
        return AtomsBatch(
            positions=self.positions[atoms],
            atomic_numbers=self.atomic_numbers[atoms],
            system_idx=place[self.system_idx[atoms]],
            cell=self.cell[systems],
            pbc=self.pbc[systems],
            charge=self.charge[systems],
            spin=self.spin[systems],
        )

    def with_positions(self, positions: Tensor) -> AtomsBatch:
        """The same systems at other positions [n_atoms, 3]."""
        return replace(self, positions=positions)

    # -- joining and splitting-----------------------------------------------------------------------------

    @staticmethod
    def join(batches: Sequence[AtomsBatch]) -> AtomsBatch:
        """One batch from several, systems in the order given."""
        if not batches:
            raise BadInputError("cannot join an empty list of batches; give at least one")
        first = np.cumsum([0, *(b.n_systems for b in batches[:-1])]).tolist()
        joined = {f.name: torch.cat([getattr(b, f.name) for b in batches]) for f in fields(AtomsBatch)}
        joined["system_idx"] = torch.cat([b.system_idx + n for b, n in zip(batches, first, strict=True)])
        return AtomsBatch(**joined)

    def split(self) -> list[AtomsBatch]:
        """One batch for each system, in order."""
        ends = np.cumsum(self.atoms_per_system.tolist()).tolist()
        starts = [0, *ends][: len(ends)]  # none where there is no system
        return [
            AtomsBatch(
                self.positions[a:b],
                self.atomic_numbers[a:b],
                torch.zeros_like(self.system_idx[a:b]),
                self.cell[n : n + 1],
                self.pbc[n : n + 1],
                self.charge[n : n + 1],
                self.spin[n : n + 1],
            )
            for n, (a, b) in enumerate(zip(starts, ends, strict=True))
        ]

    # -- to and from ASE -----------------------------------------------------------------------------------

    @staticmethod
    def from_atoms(
        atoms: Atoms | Sequence[Atoms],
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> AtomsBatch:
        """From ``ase.Atoms``; charge and multiplicity as ``charge_spin`` reads them; float64 without ``dtype``.

        Raises:
            BadInputError: what an atoms object says of its charge or multiplicity disagrees, or is no whole number.
        """
        systems = [atoms] if isinstance(atoms, Atoms) else list(atoms)
        counts = [len(a) for a in systems]
        said = [charge_spin(a, possible=False) for a in systems]
        return AtomsBatch.from_arrays(
            positions=np.concatenate([a.get_positions() for a in systems]) if systems else np.zeros((0, 3)),
            atomic_numbers=np.concatenate([a.get_atomic_numbers() for a in systems]) if systems else np.zeros(0),
            n_atoms=np.array(counts, dtype=np.int64),
            cell=np.array([np.asarray(a.cell) for a in systems]).reshape(-1, 3, 3),
            pbc=np.array([a.pbc for a in systems], dtype=bool).reshape(-1, 3),
            charge=np.array([one.charge for one in said]),
            spin=np.array([one.spin for one in said]),
            device=device,
            dtype=dtype,
        )

    @staticmethod
    def from_arrays(
        positions: np.ndarray,
        atomic_numbers: np.ndarray,
        n_atoms: np.ndarray,
        cell: np.ndarray | None = None,
        pbc: np.ndarray | None = None,
        charge: np.ndarray | None = None,
        spin: np.ndarray | None = None,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> AtomsBatch:
        """From numpy arrays; ``n_atoms`` [n_systems] says how many atoms each system has; float64 without ``dtype``."""
        n, dtype = len(n_atoms), dtype or torch.float64

        def integers(values: np.ndarray | None, default: int) -> Tensor:
            filled = np.full(n, default) if values is None else np.asarray(values)
            return torch.as_tensor(filled.astype(np.int64), device=device)

        return AtomsBatch(
            positions=torch.tensor(np.asarray(positions), dtype=dtype, device=device),
            atomic_numbers=torch.tensor(np.asarray(atomic_numbers).astype(np.int64), device=device),
            system_idx=torch.as_tensor(np.repeat(np.arange(n), n_atoms).astype(np.int64), device=device),
            cell=torch.tensor(np.zeros((n, 3, 3)) if cell is None else np.asarray(cell), dtype=dtype, device=device),
            pbc=torch.tensor(np.zeros((n, 3), bool) if pbc is None else np.asarray(pbc), device=device),
            charge=integers(charge, 0),
            spin=integers(spin, 1),
        )

    def to_atoms(self) -> list[Atoms]:
        """One ``ase.Atoms`` for each system, charge and spin in ``info``."""
        systems = []
        for one in self.split():
            atoms = Atoms(
                numbers=one.atomic_numbers.cpu().numpy(),
                positions=one.positions.detach().cpu().double().numpy(),
                cell=one.cell[0].detach().cpu().double().numpy(),
                pbc=one.pbc[0].cpu().numpy(),
            )
            atoms.info["charge"], atoms.info["spin"] = int(one.charge[0]), int(one.spin[0])
            systems.append(atoms)
        return systems
