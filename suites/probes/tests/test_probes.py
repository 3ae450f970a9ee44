"""Probes of potentials whose answers are known by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from bsct_zoo_probes.jacobian import Jacobian
from bsct_zoo_probes.pairs import FRAMES, Pairs, distances, read_curve
from bsct_zoo_probes.translation import Translation

import bsct_zoo as bz
from bsct_zoo.errors import BadInputError
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction


class ByHand(Potential):
    """Energy and forces [n_atoms, 3] of each system by a function of its positions [n_atoms, 3]."""

    def __init__(self, function, elements=None):
        self.function = function
        self.info = PotentialInfo(
            elements=elements,
            cutoff=None,
            dtype="float64",
            device="cpu",
            conservative=False,
            level_of_theory="by hand",
            licence="MIT",
        )

    def compute(self, batch):
        answers = [self.function(system.positions.double().numpy()) for system in batch.split()]
        energy, forces = zip(*answers, strict=True)
        return Prediction(torch.tensor(energy, dtype=torch.float64), torch.from_numpy(np.concatenate(forces)))


def scores(task, function, **info):
    potential = ByHand(function, **info)
    context = SimpleNamespace(potential=potential, batcher=Batcher(potential), progress=lambda *_: None)
    items = [item for item in task.items if not task.skips(item, potential.info)]
    return {item.id: task.score(item, answer).metrics for item, answer in task.run(context, items)}


def spring(x):
    """Every atom drawn to the centre of its molecule: E = 1/2 Σ |x - x̄|²."""
    away = x - x.mean(0)
    return 0.5 * float((away**2).sum()), -away


@pytest.mark.parametrize("turn", [0.0, 0.25, 3.0])
def test_the_asymmetry_is_that_of_a_turning_force(turn):
    """F = -A x with A = 1 + turn Z, Z the quarter turn about z: ‖J - Jᵀ‖ / ‖J + Jᵀ‖ = turn sqrt(2/3) for each atom."""

    def force(x):
        return 0.0, -x - turn * np.stack([-x[:, 1], x[:, 0], 0 * x[:, 0]], axis=1)

    found = scores(Jacobian(), force)
    assert len(found) == 18
    for values in found.values():
        assert values["asymmetry"] == pytest.approx(turn * np.sqrt(2 / 3), abs=1e-8)


def test_a_grid_in_space_is_seen_and_a_spring_is_not():
    still = scores(Translation(), lambda x: spring(x - 0))
    free = {name: values for name, values in still.items() if "space" in name}
    assert len(free) == 6
    assert max(values["energy"] for values in free.values()) < 1e-10

    def on_a_grid(x):
        return 0.01 * float(np.sin(2 * np.pi * x[0, 0])), np.zeros_like(x)

    for name, values in scores(Translation(step=0.05), on_a_grid).items():
        assert values["energy"] == pytest.approx(0.02, rel=0.05), name
        assert values["force"] == 0


def test_a_molecule_torn_by_the_boundary_is_seen():
    """The spring knows no images: as soon as an atom is wrapped, its energy is another."""
    found = scores(Translation(), spring)
    assert all(values["energy"] > 1 for name, values in found.items() if "cell" in name)


def test_a_wall_that_ends_is_a_hole_where_it_ends():
    def pair(x):
        r = float(np.linalg.norm(x[0] - x[1]))
        return 10.0 * np.exp(-((r - 0.5) ** 2) / 0.02) - np.exp(-((r - 1.6) ** 2)), np.zeros_like(x)

    found = scores(Pairs("C+H"), pair)
    assert set(found) == {"C-C", "H-C", "H-H"}
    step = np.diff(distances(6, 6))[0]
    assert found["C-C"] == {"holes": 1.0, "hole_at": pytest.approx(0.5, abs=step), "minima": 0.0}
    smooth = scores(Pairs("C"), lambda x: (1 / float(np.linalg.norm(x[0] - x[1])) ** 12, np.zeros_like(x)))
    assert smooth["C-C"] == {"holes": 0.0, "hole_at": 0.0, "minima": 0.0}


def test_minima_and_tops_of_a_curve_are_counted():
    x = np.linspace(0, 1, FRAMES)
    assert read_curve(5 - 5 * x) == (None, 0)
    assert read_curve((x - 0.5) ** 2 * 10) == (None, 1)
    assert read_curve(np.cos(6 * np.pi * x) + 4 * (1 - x)) == (None, 3)
    assert read_curve(np.minimum(20 * x, 4) + 4 * (x - 1) ** 2)[0] is not None


def test_pairs_that_a_model_does_not_claim_are_left_out():
    assert set(scores(Pairs("H+C+O"), spring, elements=(1, 6))) == {"H-H", "H-C", "C-C"}
    with pytest.raises(BadInputError, match="'Q' is no element"):
        Pairs("H+Q")


def test_our_models_pass_where_they_must():
    report = bz.compare(["transformer"], "core", limit=1, tasks=["translation", "jacobian"], use_store=False)
    values = report.results.rows[0].evaluations
    assert values["translation"].values["energy"] < 1e-9
    assert values["jacobian"].values["asymmetry_worst"] < 1e-4
