"""Where the labels of a frame are: one source of energy, forces and stress for a whole file, never a mixture of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress

from bsct_zoo.atoms.reading import info_of
from bsct_zoo.errors import BadInputError

# Energies and forces that belong together, the first that a frame has. REF_* of MACE's tools says that it is the label;
# bare names may be another model's answer.
PAIRS = (
    *(("REF_energy", "REF_forces"), ("ref_energy", "ref_forces"), ("dft_energy", "dft_forces")),
    *(("DFT_energy", "DFT_forces"), ("qm_energy", "qm_forces"), ("energy", "forces"), ("energy", "force")),
    *(("total_energy", "forces"), ("total_energy", "force"), ("E", "F")),
)
# What a stress is called, and what a virial, which is minus the stress times the volume (MACE, GAP, ASE's readers).
_STRESSES, _VIRIALS = ("stress",), ("virial", "virials")
_SYMMETRIC = 1e-4  # of the largest component: how much a stress may differ from its transpose
_ISOLATED = ("isolatedatom", "isolated_atom")  # ``config_type`` of frames that give reference energies


@dataclass(frozen=True)
class LabelKeys:
    """The names of energy, forces and stress in the frames of a file; empty where nobody chose, or there is none."""

    energy: str = ""
    forces: str = ""
    stress: str = ""


@dataclass(frozen=True)
class Labels:
    """Labels of a frame.

    Attributes:
        energy: total, eV.
        forces: [n_atoms, 3] eV/Å.
        stress: [3, 3] eV/Å³ with ASE's sign; NaN if the frame has none.
    """

    energy: float
    forces: np.ndarray
    stress: np.ndarray = field(default_factory=lambda: np.full((3, 3), np.nan))


def is_isolated_atom(atoms: Atoms) -> bool:
    """Whether a frame is there for the reference energy of its element: one atom, ``config_type=IsolatedAtom``."""
    said = {str(key).lower(): value for key, value in info_of(atoms).items()}
    return len(atoms) == 1 and str(said.get("config_type", "")).lower() in _ISOLATED


def keys_of(frames: Sequence[Atoms], chosen: LabelKeys, where: str) -> LabelKeys:
    """The keys under which all ``frames`` have energy and forces: those ``chosen``, else the first pair that fits.

    Some of them may have a stress besides, under the key that was chosen or one that belongs to the energy's.

    Raises:
        BadInputError: none fits; names the keys that the frames have.
    """
    first = next((atoms for atoms in frames if not is_isolated_atom(atoms)), frames[0])
    energies, forces = _energies(first), _forces(first)
    pairs = _belonging(chosen)
    found = next((pair for pair in pairs if pair[0] in energies and pair[1] in forces), None)
    if found is None:
        looked = " with ".join(", ".join(dict.fromkeys(names)) for names in zip(*pairs, strict=True))
        raise BadInputError(
            f"{where} has no energy with forces that belong to it; looked for {looked}. Its numbers: "
            f"{', '.join(sorted(energies)) or 'none'}; its vectors of atoms: {', '.join(sorted(forces)) or 'none'}. "
            "Name them with --energy-key and --forces-key"
        )
    return LabelKeys(*found, _stress_key(frames, chosen.stress, found[0], where))


def _stress_key(frames: Sequence[Atoms], chosen: str, energy: str, where: str) -> str:
    """Where frames have a stress of the same source as ``energy``; empty if none has."""
    there = dict.fromkeys(name for atoms in frames for name in _stresses(atoms))
    if chosen:
        if chosen not in there:
            raise BadInputError(
                f"{where} has no stress under '{chosen}'; of six or nine numbers a frame: {', '.join(there) or 'none'}"
            )
        return chosen
    stem = energy.removesuffix("total_energy").removesuffix("energy").removesuffix("E")
    return next((name for end in (*_STRESSES, *_VIRIALS) for name in there if name == stem + end), "")


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
    return Labels(energy, forces, _stress_of(atoms, keys.stress, where))


def has_stress(atoms: Atoms) -> bool:
    """Whether a frame holds a stress or a virial under any name."""
    return any(str(name).lower().endswith((*_STRESSES, *_VIRIALS)) for name in _stresses(atoms))


def _stress_of(atoms: Atoms, key: str, where: str) -> np.ndarray:
    """[3, 3] eV/Å³; NaN where the frame has none or has no volume.

    Raises:
        BadInputError: it is not finite or not symmetric.
    """
    value = _stresses(atoms).get(key)
    if value is None or not atoms.pbc.all():
        return np.full((3, 3), np.nan)
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{where}: '{key}' must be six or nine numbers ({error})") from error
    stress = voigt_6_to_full_3x3_stress(numbers) if numbers.size == 6 else numbers.reshape(3, 3)
    if not np.isfinite(stress).all():
        raise BadInputError(f"{where}: '{key}' is not finite; leave the frame out")
    if np.abs(stress - stress.T).max() > _SYMMETRIC * np.abs(stress).max():
        raise BadInputError(f"{where}: '{key}' is not symmetric, so it is no stress; choose another --stress-key")
    if key.lower().endswith(_VIRIALS):
        stress = -stress / atoms.get_volume()
    return 0.5 * (stress + stress.T)


def _belonging(chosen: LabelKeys) -> Sequence[tuple[str, str]]:
    """Pairs with what the user named, whose other one must be of the same source; all known ones without a choice."""
    if chosen.energy and chosen.forces:
        return [(chosen.energy, chosen.forces)]
    if chosen.energy:
        stem = chosen.energy.removesuffix("energy")
        return [(chosen.energy, f"{stem}forces"), (chosen.energy, f"{stem}force")]
    if chosen.forces:
        stem = chosen.forces.removesuffix("forces").removesuffix("force")
        return [(f"{stem}energy", chosen.forces)]
    return PAIRS


def _facts(atoms: Atoms) -> dict[str, Any]:
    """What a frame says as a whole, by name; a calculator's results have ASE's names."""
    return {**(getattr(atoms.calc, "results", None) or {}), **info_of(atoms)}


def _shaped(values: Mapping[str, Any], *shapes: tuple[int, ...]) -> dict[str, Any]:
    return {str(name): value for name, value in values.items() if np.shape(value) in shapes}


def _energies(atoms: Atoms) -> dict[str, Any]:
    """Everything that is one number, by name."""
    return _shaped(_facts(atoms), ())


def _stresses(atoms: Atoms) -> dict[str, Any]:
    """Everything of six (Voigt, ASE's order) or nine numbers, by name."""
    return _shaped(_facts(atoms), (6,), (9,), (3, 3))


def _forces(atoms: Atoms) -> dict[str, Any]:
    """Everything that is three numbers for each atom, by name."""
    found = _shaped({**_facts(atoms), **atoms.arrays}, (len(atoms), 3), (3 * len(atoms),))
    return {name: value for name, value in found.items() if name not in ("positions", "momenta", "numbers")}
