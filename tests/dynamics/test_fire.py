"""Batched FIRE: the minimum, each system on its own, and one without an answer alone."""

import numpy as np
import pytest
import torch
from surfaces import Morse, Trap, cluster, dimer

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.dynamics.fire import relax


def test_finds_the_minimum():
    found = relax(Morse(), AtomsBatch.from_atoms([cluster(4, spread=0.15), dimer(1.9)]), max_force=1e-4)
    assert found.converged.all()
    for part in found.batch.split():
        distances = torch.pdist(part.positions)
        np.testing.assert_allclose(distances.numpy(), 1.5, atol=1e-4)
    assert found.energy.tolist() == pytest.approx([-6 * 3.0, -3.0])


def test_alone_as_among_others():
    systems = [cluster(4, seed=1, spread=0.1), dimer(1.3), dimer(2.2)]
    together = relax(Morse(), AtomsBatch.from_atoms(systems), max_force=0.01)
    alone = relax(Morse(), AtomsBatch.from_atoms(systems[2:]), max_force=0.01)
    assert together.steps[2] == alone.steps[0] > 5
    assert len(set(together.steps.tolist())) > 1
    torch.testing.assert_close(together.batch.positions[-2:], alone.batch.positions, atol=1e-10, rtol=0)


def test_one_without_an_answer_stays_and_the_others_get_there():
    surface = Morse(cliff=2.0)
    found = relax(surface, AtomsBatch.from_atoms([dimer(1.4), dimer(2.5), dimer(1.7)]))
    assert found.converged.tolist() == [True, False, True]
    assert torch.isfinite(found.batch.positions).all()


def test_gives_up_when_told_to():
    found = relax(Trap(), AtomsBatch.from_atoms(dimer(5.0)), max_steps=3)
    assert not found.converged[0] and found.steps[0] == 3


def test_computes_only_what_moves():
    surface = Morse()
    found = relax(surface, AtomsBatch.from_atoms([dimer(1.5), dimer(1.5), dimer(2.4)]))
    assert surface.computed == 3 + found.steps[2].item()
