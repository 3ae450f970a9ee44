"""Curves in results: what a record's numbers were made of, small enough to travel with them.

A curve is text in JSON: float32, little-endian, base64; NaN where there is no number. ``decode`` is
``np.frombuffer(base64.b64decode(text), "<f4")``.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.metrics.fsd import log_ratio
from bsct_zoo.metrics.ranges import Floats, equilibrium
from bsct_zoo.metrics.reference_free import force_along
from bsct_zoo.suites.scan import Scan

Curves = dict[str, str]


def encode(values: NDArray[Any]) -> str:
    """[n] as text; what is too large for float32 has no number there."""
    with np.errstate(over="ignore"):
        single = np.asarray(values, dtype=np.float64).astype("<f4")
    single[~np.isfinite(single)] = np.nan
    return b64encode(single.tobytes()).decode("ascii")


def encoded(curves: Mapping[str, NDArray[Any]]) -> Curves:
    """Every curve as text."""
    return {name: encode(values) for name, values in curves.items()}


def decode(text: str) -> Floats:
    """[n], the inverse of ``encode``.

    Raises:
        ValueError: it is no curve.
    """
    return np.frombuffer(b64decode(text, validate=True), "<f4").astype(np.float64)


def reference_curves(scan: Scan) -> dict[str, Floats]:
    """``coordinate`` in Å; with a reference its ``energy`` in eV above the equilibrium and ``force`` in eV/Å."""
    curves = {"coordinate": scan.coordinate}
    if scan.energy is None or scan.forces is None or not scan.referenced.any():
        return curves
    return curves | _energy_and_force(scan, scan.energy, scan.forces)


def scan_curves(scan: Scan, energy: Floats, forces: Floats) -> dict[str, Floats]:
    """Curves of a model along ``scan``, each [n_frames].

    ``energy`` in eV above that at the equilibrium e of the reference (without a reference: above the lowest), ``force``
    -dE/dα in eV/Å along the way that the scan moves the atoms, ``log_ratio`` the D_k of the FSD.

    Args:
        scan: frames and reference.
        energy: [n_frames] of the model, eV; NaN without an answer.
        forces: [n_frames, n_atoms, 3] of the model, eV/Å.
    """
    curves = _energy_and_force(scan, energy, forces)
    kept = scan.referenced
    if scan.energy is not None and scan.forces is not None and kept.any():
        values = np.full(scan.n_frames, np.nan)
        with np.errstate(over="ignore", invalid="ignore"):
            values[kept] = log_ratio(forces[kept], scan.forces[kept], scan.energy[kept])
        curves["log_ratio"] = values
    return curves


def scan_equilibrium(scan: Scan) -> int | None:
    """Frame e of the lowest reference energy; None without a reference."""
    if scan.energy is None or not scan.referenced.any():
        return None
    kept = np.flatnonzero(scan.referenced)
    return int(kept[equilibrium(scan.energy[kept])])


def _energy_and_force(scan: Scan, energy: Floats, forces: Floats) -> dict[str, Floats]:
    e = scan_equilibrium(scan)
    zero = energy[e] if e is not None and np.isfinite(energy[e]) else _lowest(energy)
    curves: dict[str, Floats] = {"energy": energy - zero}
    if not scan.strained and scan.n_frames > 1:  # where the cell is strained stress does the work
        with np.errstate(over="ignore", invalid="ignore"):
            curves["force"] = force_along(scan.coordinate, scan.positions, forces)
    return curves


def _lowest(energy: Floats) -> float:
    finite = energy[np.isfinite(energy)]
    return float(finite.min()) if len(finite) else 0.0
