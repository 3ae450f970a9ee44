"""Wrong units: factors between what an energy does along a scan and what its forces say that it does."""

from __future__ import annotations

import numpy as np
from ase.units import Bohr, Hartree, Rydberg, kcal, kJ, mol
from numpy.typing import NDArray

from bsct_zoo.atoms.structure import nearest_ratio
from bsct_zoo.suites.scan import Scan

Floats = NDArray[np.float64]
_KCAL, _KJ = kcal / mol, kJ / mol
# Energy step over work of the forces, and what that looks like; where several mixtures give a factor, the likely one.
FACTORS: tuple[tuple[float, str], ...] = (
    (-1.0, "the forces are gradients: their sign is turned"),
    (1 / Hartree, "energies in Hartree, forces in eV/Å"),
    (1 / Rydberg, "energies in Rydberg, forces in eV/Å"),
    (1 / _KCAL, "energies in kcal/mol, forces in eV/Å"),
    (1 / _KJ, "energies in kJ/mol, forces in eV/Å"),
    (1000.0, "energies in meV, forces in eV/Å"),
    (1 / Bohr, "forces per Bohr, energies and positions right"),
    (Bohr, "positions in Bohr, or forces per Å where energies are per Bohr"),
    (Hartree / Bohr, "forces in Hartree/Bohr, energies in eV"),
    (Hartree, "forces in Hartree/Å, energies in eV"),
    (_KCAL, "forces in kcal/mol/Å, energies in eV"),
    (_KJ, "forces in kJ/mol/Å, energies in eV"),
    (_KCAL / Hartree, "energies in Hartree, forces in kcal/mol/Å"),
    (Hartree / Bohr / _KCAL, "energies in kcal/mol, forces in Hartree/Bohr"),
)
_NEAR = 0.03  # how far a factor may be from one of these
_STIFF = (5.0, 200.0)  # eV/Å², what the bonds of chemistry have, from I-I to N≡N and H-F, with room


def ratio(steps: Floats, work: Floats) -> tuple[float, float]:
    """Slope of the energy steps over the work, both [n] in eV, through the origin; and their correlation."""
    square, product = float((work**2).sum()), float((steps * work).sum())
    scale = square**0.5 * float((steps**2).sum()) ** 0.5
    return product / square if square > 0 else 0.0, abs(product) / scale if scale > 0 else 0.0


def explain(factor: float) -> str:
    """What a factor between energy steps and work looks like; empty if like nothing known."""
    for sign, prefix in ((1.0, ""), (-1.0, "gradients for forces, and ")):
        for known, text in FACTORS:
            if abs(sign * factor / known - 1) < _NEAR:
                return prefix + text
    return ""


def odd_distances(scans: list[Scan]) -> str:
    """What is odd about the distances of molecules at their minima; empty if nothing is."""
    ratios = [nearest_ratio(s.atomic_numbers, s.positions[s.lowest]) for s in scans if not any(s.pbc) and s.n_atoms > 2]
    if not ratios:
        return ""
    middle = float(np.median(ratios))
    for scale, unit in ((Bohr, "Bohr"), (10.0, "nm")):
        if not 0.6 < middle < 1.5 and 0.7 < middle * scale < 1.4:
            return f"neighbours are at {middle:.2f} times their bond lengths: positions look like {unit}, Å are meant"
    odd = f"neighbours are at {middle:.2f} times their bond lengths: positions are not in Å"
    return "" if 0.5 < middle < 1.7 else odd


def odd_stiffness(scans: list[Scan]) -> str:
    """What is odd about the curvature of energy at the minimum of bonds; empty if nothing is."""
    found = [k for scan in scans if scan.kind == "bond" and (k := stiffness(scan)) is not None]
    if len(found) < 3:
        return ""
    middle = float(np.median(found))
    if _STIFF[0] <= middle <= _STIFF[1]:
        return ""
    for scale, unit in ((Hartree, "Hartree"), (_KCAL, "kcal/mol"), (_KJ, "kJ/mol")):
        if _STIFF[0] <= middle * scale <= _STIFF[1]:
            return f"bonds have a stiffness of {middle:.3g} eV/Å²: energies and forces look like {unit}"
    return f"bonds have a stiffness of {middle:.3g} eV/Å², which no bond has"


def stiffness(scan: Scan) -> float | None:
    """Second derivative of the reference energy at its minimum in eV/Å²; None where the minimum is not inside."""
    if scan.energy is None:
        return None
    e = scan.lowest
    part = slice(e - 2, e + 3)
    if e < 2 or e + 3 > scan.n_frames or not np.isfinite(scan.energy[part]).all():
        return None
    shift = scan.coordinate[part] - scan.coordinate[e]
    return float(2 * np.polyfit(shift, scan.energy[part] - scan.energy[e], 2)[0])
