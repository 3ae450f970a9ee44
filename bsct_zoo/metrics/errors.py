"""Mean absolute errors over the three ranges of a scan (arXiv:2602.04861)."""

from __future__ import annotations

import numpy as np

from bsct_zoo.metrics.ranges import Floats, equilibrium, ranges


def energy_mae(energy: Floats, reference_energy: Floats) -> dict[str, float | None]:
    """Mean |E - E*| in eV over the frames of each range, of total energies; both [n_frames]."""
    deviation = np.abs(energy - reference_energy)
    return {name: _mean(deviation[part]) for name, part in ranges(reference_energy).items()}


def energy_mae_aligned(energy: Floats, reference_energy: Floats) -> dict[str, float | None]:
    """The same after both curves are set to zero at the minimum of the reference.

    Use it to compare models of different levels of theory, whose energy zeros differ.
    """
    e = equilibrium(reference_energy)
    deviation = np.abs((energy - energy[e]) - (reference_energy - reference_energy[e]))
    return {name: _mean(deviation[part]) for name, part in ranges(reference_energy).items()}


def forces_mae(forces: Floats, reference_forces: Floats, reference_energy: Floats) -> dict[str, float | None]:
    """Mean |F - F*| in eV/Å over frames, atoms and components of each range; both [n_frames, n_atoms, 3]."""
    deviation = np.abs(forces - reference_forces)
    return {name: _mean(deviation[part]) for name, part in ranges(reference_energy).items()}


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None
