"""One scan: frames of one system along a coordinate, with reference energies and forces if available."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from ase.data.colors import jmol_colors
from numpy.typing import NDArray

from bsct_zoo import notebook
from bsct_zoo.atoms.bonds import bonded_pairs
from bsct_zoo.errors import BadInputError
from bsct_zoo.tabular import data_frame

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Scan:
    """Frames of one system along a coordinate.

    Attributes:
        id: unique within its suite, "group/name", e.g. "C-C/12195".
        kind: what moves: "bond", "angle", ...
        group: what scans are grouped by: the bond type, e.g. "C-C".
        atomic_numbers: [n_atoms].
        coordinate: [n_frames], ascending, Å: the scan's own length measure (docs/suites.md).
        positions: [n_frames, n_atoms, 3] Å.
        energy: [n_frames] reference energy in eV, NaN where the reference failed; None without a reference.
        forces: [n_frames, n_atoms, 3] reference forces in eV/Å, NaN likewise; None without a reference.
        indices: the atoms that define the coordinate; two for a bond.
        labels: [n_atoms] rigid fragment of each atom; None if the frames are not made of rigid fragments.
        charge: total charge in e.
        spin: multiplicity 2S+1.
        cell: [3, 3] Å, zero where not periodic; [n_frames, 3, 3] where the scan strains it.
        pbc: [3].
        notes: further facts as JSON: "smiles", "flags" (problems of its reference), "fallback_frames" (those whose
            reference converged with fallback settings alone), ...
    """

    id: str
    kind: str
    group: str
    atomic_numbers: Ints
    coordinate: Floats
    positions: Floats
    energy: Floats | None = None
    forces: Floats | None = None
    indices: tuple[int, ...] = ()
    labels: Ints | None = None
    charge: int = 0
    spin: int = 1
    cell: Floats = field(default_factory=lambda: np.zeros((3, 3)))
    pbc: tuple[bool, bool, bool] = (False, False, False)
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_frames, n_atoms = len(self.coordinate), len(self.atomic_numbers)
        expected = {
            "positions": (n_frames, n_atoms, 3),
            "energy": (n_frames,),
            "forces": (n_frames, n_atoms, 3),
            "labels": (n_atoms,),
        }
        for name, shape in expected.items():
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise BadInputError(f"scan {self.id}: {name} has shape {value.shape}, expected {shape}")
        if self.cell.shape not in ((3, 3), (n_frames, 3, 3)):
            raise BadInputError(f"scan {self.id}: cell has shape {self.cell.shape}, expected (3, 3) or one a frame")
        if (self.energy is None) != (self.forces is None):
            raise BadInputError(f"scan {self.id}: a reference needs both energies and forces, or neither")
        if not np.isfinite(self.positions).all():
            frame = int(np.argwhere(~np.isfinite(self.positions))[0, 0])
            raise BadInputError(f"scan {self.id}: frame {frame} has a position that is not finite; remove the scan")
        if not np.isfinite(self.coordinate).all() or (np.diff(self.coordinate) <= 0).any():
            raise BadInputError(f"scan {self.id}: the coordinate must be finite and strictly ascending")

    @property
    def n_atoms(self) -> int:
        """Atoms in each frame."""
        return len(self.atomic_numbers)

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.coordinate)

    @property
    def strained(self) -> bool:
        """Whether each frame has its own cell, so that stress does work along the scan."""
        return self.cell.ndim == 3

    @property
    def referenced(self) -> NDArray[np.bool_]:
        """[n_frames] whether a frame has a reference energy and forces."""
        if self.energy is None or self.forces is None:
            return np.zeros(self.n_frames, dtype=bool)
        return np.isfinite(self.energy) & np.isfinite(self.forces).all(axis=(1, 2))

    @property
    def lowest(self) -> int:
        """The frame of the lowest reference energy; the middle one without a reference."""
        if self.energy is None or not np.isfinite(self.energy).any():
            return self.n_frames // 2
        return int(np.nanargmin(self.energy))

    def only(self, mask: NDArray[np.bool_]) -> Scan:
        """The scan with some of its frames, [n_frames]."""
        return replace(
            self,
            coordinate=self.coordinate[mask],
            positions=self.positions[mask],
            energy=None if self.energy is None else self.energy[mask],
            forces=None if self.forces is None else self.forces[mask],
            cell=self.cell[mask] if self.strained else self.cell,
        )

    def __repr__(self) -> str:
        return f"Scan({self.id!r}: {self.kind}, {self.n_atoms} atoms, {self.n_frames} frames)"

    def _repr_html_(self) -> str:
        formula = Atoms(self.atomic_numbers).get_chemical_formula()
        about = notebook.facts(
            f"scan {self.id}",
            [
                ("kind", self.kind),
                ("system", f"{formula}, {self.n_atoms} atoms, charge {self.charge}, multiplicity {self.spin}"),
                ("frames", f"{self.n_frames}, {self.coordinate[0]:.3g} to {self.coordinate[-1]:.3g} Å"),
                ("flagged", "; ".join(self.notes.get("flags", ()))),
            ],
        )
        about += self._picture()
        if self.energy is None or not self.referenced.any():
            return about
        rise = self.energy - np.nanmin(self.energy)
        return about + notebook.curve(self.coordinate.tolist(), rise.tolist(), "reference energy above its minimum, eV")

    def _picture(self) -> str:
        """The molecule in its frame of lowest energy; the scanned atoms have a ring."""
        frame = self.lowest
        places = self.positions[frame] - self.positions[frame].mean(0)
        _, _, axes = np.linalg.svd(places, full_matrices=False)  # the widest side is seen
        places = places @ axes.T if len(places) > 2 else places
        radii = covalent_radii[self.atomic_numbers]
        bonds = bonded_pairs(Atoms(self.atomic_numbers, places))
        colors = ["#" + "".join(f"{round(255 * part):02x}" for part in jmol_colors[z]) for z in self.atomic_numbers]
        return notebook.molecule(
            [f"{chemical_symbols[z]} {n}" for n, z in enumerate(self.atomic_numbers)],
            places.tolist(),
            (0.45 * radii).tolist(),
            colors,
            list(zip(bonds.first.tolist(), bonds.second.tolist(), strict=True)),
            self.indices,
            f"frame {frame}, {self.coordinate[frame]:.3g} Å",
        )

    def to_pandas(self) -> pd.DataFrame:
        """A data frame with a row for each frame: coordinate in Å, reference energy in eV, its largest force in eV/Å.

        Raises:
            BadInputError: pandas is not installed.
        """
        columns: dict[str, Any] = {"coordinate": self.coordinate}
        if self.energy is not None and self.forces is not None:
            columns |= {"energy": self.energy, "max_force": np.linalg.norm(self.forces, axis=2).max(1)}
        return data_frame(columns)

    def frames_sha256(self) -> str:
        """Hash of what a model sees: elements, positions, cell, charge and spin of every frame."""
        digest = hashlib.sha256()
        for array in (self.atomic_numbers, self.positions, self.cell):
            digest.update(str((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array + 0).tobytes())  # -0 and 0 are one place
        digest.update(repr((self.charge, self.spin, tuple(bool(p) for p in self.pbc))).encode())
        return digest.hexdigest()
