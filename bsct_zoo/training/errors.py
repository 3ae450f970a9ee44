"""Errors of a potential against the labels: the same code for every family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.isolation import because
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.training.data import FrameSet, SizedBatches
from bsct_zoo.training.making.displacements import random_rotation

# By kind of frame and "all": energy_mae_mev_atom, forces_mae_mev_A; where frames have a stress, stress_mae_mev_A3.
Errors = dict[str, dict[str, float]]


def evaluate(potential: Potential, frames: FrameSet, kinds: tuple[str, ...]) -> Errors:
    """Errors of ``potential`` on ``frames``.

    Raises:
        ModelError: the potential failed, or has no finite answer for a frame.
    """
    energy, forces, stress, failures = _answers(potential, frames)
    return mean_errors(energy, forces, frames, kinds, failures, stress)


def forces_of(potential: Potential, frames: FrameSet) -> np.ndarray:
    """Forces [total_atoms, 3] in eV/Å, NaN for frames without an answer.

    Raises:
        ModelError: the potential failed.
    """
    return _answers(potential, frames)[1]


def rotation_error(potential: Potential, frames: FrameSet, seed: int = 0) -> dict[str, float]:
    """How far the answers for turned frames are from the turned answers; a potential that learned rotation has some.

    Every frame is turned once, uniformly over orientations. Counted as in ``mean_errors``, and in its units.

    Raises:
        ModelError: the potential failed, or has no finite answer for a frame.
    """
    energy, forces, stress, _ = _answers(potential, frames)
    rng = np.random.default_rng(seed)
    turn = np.stack([random_rotation(rng) for _ in range(len(frames))])  # [n_frames, 3, 3]
    of_atom = np.repeat(turn, frames.n_atoms, axis=0)  # [total_atoms, 3, 3]
    turned = replace(
        frames,
        positions=np.einsum("nij,nj->ni", of_atom, frames.positions),
        cell=np.einsum("fij,fkj->fki", turn, frames.cell),
        energy=energy,
        forces=np.einsum("nij,nj->ni", of_atom, forces),
        stress=turn @ stress @ turn.transpose(0, 2, 1),
    )
    return evaluate(potential, turned, ())["all"]


def _answers(potential: Potential, frames: FrameSet) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[int, str]]:
    """Energies [n_frames] in eV, forces [total_atoms, 3] in eV/Å, stresses [n_frames, 3, 3], why a frame has none."""
    everything, _, _ = frames.batch(range(len(frames)), dtype=torch.float64)
    energy, forces = np.full(len(frames), np.nan), np.full((len(frames.forces), 3), np.nan)
    stress = np.full((len(frames), 3, 3), np.nan)
    failures: dict[int, str] = {}
    for result in Batcher(potential).stream(everything.split()):
        energy[result.indices] = result.prediction.energy.cpu().numpy()
        forces[frames.rows(result.indices)] = result.prediction.forces.double().cpu().numpy()
        if result.prediction.stress is not None:
            stress[result.indices] = result.prediction.stress.double().cpu().numpy()
        failures |= result.failures
    return energy, forces, stress, failures


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
