"""Where the labels of a frame are: one source of energy and forces for a whole file, never a mixture of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from bsct_zoo.atoms.reading import info_of
from bsct_zoo.errors import BadInputError

# Energies and forces that belong together, the first that a frame has. REF_* of MACE's tools says that it is the label;
# bare names may be another model's answer.
PAIRS = (
    *(("REF_energy", "REF_forces"), ("ref_energy", "ref_forces"), ("dft_energy", "dft_forces")),
    *(("DFT_energy", "DFT_forces"), ("qm_energy", "qm_forces"), ("energy", "forces"), ("energy", "force")),
    *(("total_energy", "forces"), ("total_energy", "force"), ("E", "F")),
)
_ISOLATED = ("isolatedatom", "isolated_atom")  # ``config_type`` of frames that give reference energies


@dataclass(frozen=True)
class LabelKeys:
    """The names of energy and forces in the frames of a file; empty where nobody chose."""

    energy: str = ""
    forces: str = ""


@dataclass(frozen=True)
class Labels:
    """Labels of a frame.

    Attributes:
        energy: total, eV.
        forces: [n_atoms, 3] eV/Å.
    """

    energy: float
    forces: np.ndarray


def is_isolated_atom(atoms: Atoms) -> bool:
    """Whether a frame is there for the reference energy of its element: one atom, ``config_type=IsolatedAtom``."""
    said = {str(key).lower(): value for key, value in info_of(atoms).items()}
    return len(atoms) == 1 and str(said.get("config_type", "")).lower() in _ISOLATED


def keys_of(frames: Sequence[Atoms], chosen: LabelKeys, where: str) -> LabelKeys:
    """The keys under which all ``frames`` have energy and forces: those ``chosen``, else the first pair that fits.

    Raises:
        BadInputError: none fits; names the keys that the frames have.
    """
    first = next((atoms for atoms in frames if not is_isolated_atom(atoms)), frames[0])
    energies, forces = _energies(first), _forces(first)
    if chosen.energy or chosen.forces:
        pairs: Sequence[tuple[str, str]] = [
            (chosen.energy or pair[0], chosen.forces or pair[1]) for pair in _belonging(chosen)
        ]
    else:
        pairs = PAIRS
    found = next((pair for pair in pairs if pair[0] in energies and pair[1] in forces), None)
    if found is None:
        looked = (
            ", ".join(dict.fromkeys(pair[0] for pair in pairs))
            + " with "
            + ", ".join(dict.fromkeys(pair[1] for pair in pairs))
        )
        raise BadInputError(
            f"{where} has no energy with forces that belong to it; looked for {looked}. Its numbers: "
            f"{', '.join(sorted(energies)) or 'none'}; its vectors of atoms: {', '.join(sorted(forces)) or 'none'}. "
            "Name them with --energy-key and --forces-key"
        )
    return LabelKeys(*found)


def labels_of(atoms: Atoms, keys: LabelKeys, where: str) -> Labels:
    """Energy and forces under ``keys``; a single atom may do without forces, which are zero.

    Raises:
        BadInputError: a label is missing, has another shape, or is not finite.
    """
    values: dict[str, Any] = {"energy": _energies(atoms).get(keys.energy), "forces": _forces(atoms).get(keys.forces)}
    if values["forces"] is None and is_isolated_atom(atoms):
        values["forces"] = np.zeros((1, 3))
    for what, value in values.items():
        if value is None:
            raise BadInputError(f"{where} has no {what} under '{getattr(keys, what)}', as the frames before it have")
    try:
        energy, forces = float(values["energy"]), np.asarray(values["forces"], dtype=np.float64).reshape(len(atoms), 3)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{where}: energy must be one number, forces three for each atom ({error})") from error
    for what, label in (("energy", energy), ("forces", forces)):
        if not np.isfinite(label).all():
            raise BadInputError(f"{where}: its {what} is not finite; leave the frame out")
    return Labels(energy, forces)


def has_stress(atoms: Atoms) -> bool:
    """Whether a frame has a label that no trainer learns."""
    names = {str(key).lower() for key in (*info_of(atoms), *_results(atoms))}
    return any(name.endswith(("stress", "virial", "virials")) for name in names)


def _belonging(chosen: LabelKeys) -> Sequence[tuple[str, str]]:
    """Pairs with what the user named; the other one must be of the same source."""
    if chosen.energy and chosen.forces:
        return [(chosen.energy, chosen.forces)]
    if chosen.energy:
        stem = chosen.energy.removesuffix("energy")
        return [(chosen.energy, f"{stem}forces"), (chosen.energy, f"{stem}force")]
    stem = chosen.forces.removesuffix("forces").removesuffix("force")
    return [(f"{stem}energy", chosen.forces)]


def _results(atoms: Atoms) -> Mapping[str, Any]:
    return dict(getattr(atoms.calc, "results", None) or {})


def _energies(atoms: Atoms) -> dict[str, Any]:
    """Everything that is one number, by name; a calculator's results have ASE's names."""
    values = {**_results(atoms), **info_of(atoms)}
    return {str(name): value for name, value in values.items() if np.isscalar(value) or np.ndim(value) == 0}


def _forces(atoms: Atoms) -> dict[str, Any]:
    """Everything that is three numbers for each atom, by name."""
    values = {**_results(atoms), **info_of(atoms), **atoms.arrays}
    own = ("positions", "momenta", "numbers")
    return {
        str(name): value
        for name, value in values.items()
        if name not in own and np.shape(value) in ((len(atoms), 3), (3 * len(atoms),))
    }
