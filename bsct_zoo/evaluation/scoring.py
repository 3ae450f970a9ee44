"""The score of a scan: every metric that its frames and its reference allow."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bsct_zoo.errors import ModelError
from bsct_zoo.metrics.catalogue import METRICS
from bsct_zoo.metrics.conservation import nonconservativity
from bsct_zoo.metrics.errors import energy_mae, energy_mae_aligned, forces_mae
from bsct_zoo.metrics.fsd import fsd
from bsct_zoo.metrics.minima import extra_minima
from bsct_zoo.metrics.ranges import Floats
from bsct_zoo.metrics.reference_free import energy_jump, force_flips, tortuosity
from bsct_zoo.metrics.roughness import force_roughness
from bsct_zoo.suites.scan import Scan


class BadPredictionError(ModelError):
    """A prediction holds something that is not a number."""


def score_scan(
    scan: Scan, energy: Floats, forces: Floats, failures: Mapping[int, str] | None = None
) -> dict[str, float | None]:
    """Every metric of one scan; None where the scan does not allow it, never NaN.

    Frames without a reference are dropped before differences are taken.

    Args:
        scan: frames and reference.
        energy: [n_frames] of the model, eV.
        forces: [n_frames, n_atoms, 3] of the model, eV/Å.
        failures: why frames have no answer, by frame.

    Raises:
        BadPredictionError: the prediction has another shape, is not finite in some frame, or is too large to score.
    """
    energy, forces = np.asarray(energy, dtype=np.float64), np.asarray(forces, dtype=np.float64)
    _refuse_shapes(scan, energy, forces)
    _refuse_unfinite(scan, energy, forces, failures or {})
    with np.errstate(over="ignore", invalid="ignore"):
        scores = _scores(scan, energy, forces)
    spoiled = [name for name, value in scores.items() if value is not None and not np.isfinite(value)]
    if spoiled:
        largest = float(max(np.abs(energy).max(), np.abs(forces).max()))
        raise BadPredictionError(f"numbers as large as {largest:.1e} in the prediction overflow {', '.join(spoiled)}")
    return scores


def _scores(scan: Scan, energy: Floats, forces: Floats) -> dict[str, float | None]:
    kept = scan.referenced
    known = None if scan.energy is None or not kept.any() else scan.energy[kept]
    n_extra, deepest = extra_minima(energy, known)
    scores: dict[str, float | None] = dict.fromkeys(METRICS)
    scores |= {
        "tortuosity": tortuosity(energy),
        "energy_jump": energy_jump(energy),
        "extra_minima": n_extra,
        "extra_minima_depth": deepest,
    }
    if not scan.strained:  # where the cell is strained stress does the work, and forces alone tell nothing of it
        mean_gap, largest_gap = nonconservativity(scan.positions, energy, forces)
        scores |= {
            "nonconservativity": mean_gap,
            "nonconservativity_max": largest_gap,
            "force_flips": force_flips(scan.coordinate, scan.positions, forces),
            "force_roughness": force_roughness(scan.coordinate, scan.positions, forces),
        }
    if scan.energy is not None and scan.forces is not None and kept.any():
        e, f = scan.energy[kept], scan.forces[kept]
        by_range = {
            "fsd": fsd(scan.coordinate[kept], forces[kept], f, e),
            "energy_mae": energy_mae(energy[kept], e),
            "energy_mae_aligned": energy_mae_aligned(energy[kept], e),
            "forces_mae": forces_mae(forces[kept], f, e),
        }
        scores |= {f"{name}_{part}": value for name, parts in by_range.items() for part, value in parts.items()}
    return scores


def _refuse_shapes(scan: Scan, energy: Floats, forces: Floats) -> None:
    """Arrays of another shape would broadcast to a wrong number."""
    expected = {"energy": (scan.n_frames,), "forces": (scan.n_frames, scan.n_atoms, 3)}
    for (name, shape), found in zip(expected.items(), (energy, forces), strict=True):
        if found.shape != shape:
            raise BadPredictionError(f"predicted {name} has shape {found.shape}, the scan asks for {shape}")


def _refuse_unfinite(scan: Scan, energy: Floats, forces: Floats, failures: Mapping[int, str]) -> None:
    bad = ~(np.isfinite(energy) & np.isfinite(forces).all(axis=(1, 2)))
    if bad.any():
        first = int(np.argmax(bad))
        why = f": {failures[first]}" if first in failures else ""
        raise BadPredictionError(
            f"no answer for {int(bad.sum())} of {scan.n_frames} frames, "
            f"first at {scan.coordinate[first]:.3g} Å (frame {first}){why}"
        )


def why_missing(scan: Scan, metric: str) -> str:
    """Why a scan that was scored has no value of ``metric``."""
    if METRICS[metric].needs_reference and not scan.referenced.any():
        return "no reference"
    if scan.strained and not METRICS[metric].needs_reference:
        return "not defined where the cell is strained"
    return "the scan does not have this range"
