from dataclasses import replace

import numpy as np
import pytest
import springs
import torch

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction
from bsct_zoo.training.data import read_training_data
from bsct_zoo.training.errors import evaluate, evaluate_module, mean_errors, rotation_error

KINDS = ("water", "monoxide")


@pytest.fixture
def frames(tmp_path):
    return read_training_data(springs.write(tmp_path, n_train=5, n_valid=5)).train


class Springs(Potential):
    """The labels' own formula, with an error that differs from molecule to molecule."""

    def __init__(self, energy_error=0.0, forces_error=0.0):
        self.info = PotentialInfo(None, None, "float64", "cpu", True, "springs", "MIT")
        self.energy_error, self.forces_error = energy_error, forces_error

    def compute(self, batch: AtomsBatch) -> Prediction:
        energies, forces = [], []
        for one in batch.split():
            name = "H2O" if one.n_atoms == 3 else "CO"
            numbers, rest = springs.REST[name]
            energy, force = springs.springs(numbers, rest, one.positions.double().numpy()[None])
            factor = 1.0 if name == "H2O" else -2.0
            energies.append(energy[0] + factor * self.energy_error * one.n_atoms)
            forces.append(torch.tensor(force[0] + factor * self.forces_error))
        return Prediction(torch.tensor(energies), torch.cat(forces))


def test_the_labels_have_no_error(frames):
    found = evaluate(Springs(), frames, KINDS)
    assert max(value for errors in found.values() for value in errors.values()) < 1e-8


def test_errors_by_hand(frames):
    """5 waters with +1 meV/atom and 15 atoms, 5 monoxides with -2 meV/atom and 10 atoms."""
    found = evaluate(Springs(1e-3, 1e-3), frames, KINDS)
    assert found["water"]["energy_mae_mev_atom"] == pytest.approx(1.0)
    assert found["monoxide"]["energy_mae_mev_atom"] == pytest.approx(2.0)
    assert found["all"]["energy_mae_mev_atom"] == pytest.approx(1.5)
    assert found["all"]["forces_mae_mev_A"] == pytest.approx((15 * 1 + 10 * 2) / 25)


def test_a_module_is_judged_in_the_same_way(frames):
    wrong = Springs(1e-3, 1e-3)

    def answer(batch):
        found = wrong.compute(batch)
        return found.energy, found.forces

    by_module = evaluate_module(answer, frames, KINDS, 12, torch.float64)
    for kind, errors in evaluate(wrong, frames, KINDS).items():
        assert by_module[kind] == pytest.approx(errors)


def test_nothing_that_is_not_finite_is_averaged_away(frames):
    energy, forces = frames.energy.copy(), frames.forces.copy()
    energy[2], forces[-1, 0] = np.nan, np.inf
    with pytest.raises(ModelError, match="2 of 10 frames"):
        mean_errors(energy, forces, frames, KINDS)


def test_an_equivariant_potential_has_no_rotation_error(frames):
    assert max(rotation_error(Springs(1e-3), frames).values()) < 1e-8  # an error that turns along is none


class Field(Springs):
    """Springs in a uniform field of 1 eV/Å along z, which does not turn along."""

    def compute(self, batch: AtomsBatch) -> Prediction:
        found = super().compute(batch)
        height = torch.zeros(batch.n_systems, dtype=torch.float64).index_add(
            0, batch.system_idx, batch.positions[:, 2].double()
        )
        return Prediction(found.energy - height, found.forces + torch.tensor([0.0, 0.0, 1.0]))


def test_rotation_error_is_that_of_what_does_not_turn_along(frames):
    """A turned z differs from z by as much as a point of a sphere from its pole, by component."""
    copies = 100
    many = replace(
        frames,
        **{name: np.concatenate([getattr(frames, name)] * copies) for name in frames.__dataclass_fields__},
    )
    points = np.random.default_rng(1).normal(size=(100_000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    expected = 1e3 * np.abs(points - [0, 0, 1]).mean()
    found = rotation_error(Field(), many)
    assert found["forces_mae_mev_A"] == pytest.approx(expected, rel=0.02)
    assert found["energy_mae_mev_atom"] > 100
    assert found != rotation_error(Field(), many, seed=1)


class Pressed(Springs):
    """With a stress: the second moment of the positions, which turns along, and ``fixed`` [3, 3], which does not."""

    def __init__(self, fixed):
        super().__init__()
        self.fixed = torch.tensor(fixed)

    def compute(self, batch: AtomsBatch) -> Prediction:
        found = super().compute(batch)
        moments = [one.positions.double().T @ one.positions.double() + self.fixed for one in batch.split()]
        return Prediction(found.energy, found.forces, torch.stack(moments))


def test_a_stress_turns_on_both_sides(frames):
    assert rotation_error(Pressed(np.zeros((3, 3))), frames)["stress_mae_mev_A3"] < 1e-8
    assert rotation_error(Pressed(np.eye(3)), frames)["stress_mae_mev_A3"] < 1e-8  # a pressure has no direction
    assert rotation_error(Pressed(np.diag([0.0, 0.0, 1.0])), frames)["stress_mae_mev_A3"] > 10
