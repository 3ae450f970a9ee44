"""Errors of a potential against the labels: the same code for every family."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.isolation import because
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.training.data import FrameSet, SizedBatches

# By kind of frame and "all": energy_mae_mev_atom, forces_mae_mev_A; where frames have a stress, stress_mae_mev_A3.
Errors = dict[str, dict[str, float]]


def evaluate(
    potential: Potential, frames: FrameSet, kinds: tuple[str, ...], on_progress: Callable[[int], None] | None = None
) -> Errors:
    """Errors of ``potential`` on ``frames``; ``on_progress`` gets the number of finished frames.

    Raises:
        ModelError: the potential failed, or has no finite answer for a frame.
    """
    everything, _, _ = frames.batch(range(len(frames)), dtype=torch.float64)
    energy, forces = np.full(len(frames), np.nan), np.full((len(frames.forces), 3), np.nan)
    stress = np.full((len(frames), 3, 3), np.nan)
    done, failures = 0, dict[int, str]()
    for result in Batcher(potential).stream(everything.split()):
        energy[result.indices] = result.prediction.energy.cpu().numpy()
        forces[frames.rows(result.indices)] = result.prediction.forces.double().cpu().numpy()
        if result.prediction.stress is not None:
            stress[result.indices] = result.prediction.stress.double().cpu().numpy()
        failures |= result.failures
        done += len(result.indices)
        if on_progress:
            on_progress(done)
    return mean_errors(energy, forces, frames, kinds, failures, stress)


def evaluate_module(
    answer: Callable[[AtomsBatch], tuple[Tensor, Tensor]],
    frames: FrameSet,
    kinds: tuple[str, ...],
    batch_atoms: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Errors:
    """The same for a model in training: ``answer(batch)`` returns total energies in eV and forces in eV/Å."""
    energy, forces = np.full(len(frames), np.nan), np.full((len(frames.forces), 3), np.nan)
    for indices in SizedBatches(frames.n_atoms, batch_atoms):
        batch, _, _ = frames.batch(indices, dtype, device)
        found_energy, found_forces = answer(batch)
        energy[indices] = found_energy.detach().double().cpu().numpy()
        forces[frames.rows(indices)] = found_forces.detach().double().cpu().numpy()
    return mean_errors(energy, forces, frames, kinds)


def mean_errors(
    energy: np.ndarray,
    forces: np.ndarray,
    frames: FrameSet,
    kinds: tuple[str, ...],
    failures: Mapping[int, str] | None = None,
    stress: np.ndarray | None = None,
) -> Errors:
    """Mean absolute errors over all frames and over each kind of frames.

    ``energy`` [n_frames] total, in eV; ``forces`` [total_atoms, 3] in eV/Å. Energies count per atom, a frame once;
    forces count per component, an atom once. ``failures`` say why, by frame. Returned in meV/atom and meV/Å. ``stress``
    [n_frames, 3, 3] in eV/Å³ counts per component where both it and the label are known; in meV/Å³.

    Raises:
        ModelError: a frame has no finite answer, which must not be averaged away.
    """
    of_energy = 1e3 * np.abs(energy - frames.energy) / frames.n_atoms  # [n_frames]
    of_atom = 1e3 * np.abs(forces - frames.forces).mean(axis=1)  # [total_atoms]
    frame_of_atom = np.repeat(np.arange(len(frames)), frames.n_atoms)
    lost = ~np.isfinite(of_energy) | (np.bincount(frame_of_atom, ~np.isfinite(of_atom), len(frames)) > 0)
    if lost.any():
        raise ModelError(
            f"the model has no finite answer for {lost.sum()} of {len(frames)} frames"
            f"{because(failures or {}, np.flatnonzero(lost).tolist())}; if it was trained just now, "
            "train it again in another --out with a smaller lr"
        )
    result: Errors = {}
    for name, chosen in [("all", np.full(len(frames), True)), *((n, frames.kind == k) for k, n in enumerate(kinds))]:
        if chosen.any():
            result[name] = {
                "energy_mae_mev_atom": float(of_energy[chosen].mean()),
                "forces_mae_mev_A": float(of_atom[chosen[frame_of_atom]].mean()),
            }
            of_stress = np.abs((np.nan if stress is None else stress) - frames.stress)[chosen]
            known = np.isfinite(of_stress)
            if known.any():
                result[name]["stress_mae_mev_A3"] = float(1e3 * of_stress[known].mean())
    return result
