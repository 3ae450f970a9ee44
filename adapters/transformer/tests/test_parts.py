"""A large system part by part: the same numbers, and no array that grows faster than the system."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from bsct_zoo_transformer import graph, parts
from bsct_zoo_transformer.config import PAPER, TransformerConfig
from bsct_zoo_transformer.graph import edge_graph
from bsct_zoo_transformer.model import EdgeTransformer
from bsct_zoo_transformer.potential import TransformerPotential
from bsct_zoo_transformer.ranges import over_ranges
from torch.utils._python_dispatch import TorchDispatchMode

from bsct_zoo.atoms.batch import AtomsBatch

SMALL = {
    "elements": (1, 8, 11, 17),
    "reference_energies": (-1.0, -2.0, -3.0, -4.0),
    "k": 6,
    "r_cut": 4.5,
    "width": 16,
    "hidden": 24,
    "atom_hidden": 40,
    "heads": 2,
    "blocks": 2,
}


def surface_of(**changes):
    torch.manual_seed(0)
    model = EdgeTransformer(TransformerConfig(**{**SMALL, **changes}))
    return TransformerPotential(model, "cpu", "float64", "random", "MIT")


def salt(n, seed=0):
    crystal = bulk("NaCl", "rocksalt", a=5.6, cubic=True).repeat(n)
    crystal.rattle(0.15, seed=seed)
    return crystal


@pytest.fixture
def in_pieces(monkeypatch):
    """Parts of a few atoms, so that a small system has many."""
    monkeypatch.setattr(graph, "PAIRS_AT_ONCE", 0)
    monkeypatch.setattr(graph, "PAIRS_IN_A_PART", 5 * 7**2)
    monkeypatch.setattr(graph, "RANKS_AT_ONCE", 0)
    monkeypatch.setattr(parts, "_ROWS", 11)


DESIGNS = [
    {},
    {"graph": "hard_knn"},
    {"graph": "radius", "attention": "dot"},
    {"forces": "direct"},
    dict(PAPER),
    {"serial": True},
    {"atom_hidden": 0, "repulsion": "zbl"},
]


@pytest.mark.parametrize("changes", DESIGNS, ids=str)
def test_parts_give_the_same_numbers(changes, request):
    surface = surface_of(**changes)
    gas = Atoms("OH2" * 4 + "O", np.random.default_rng(0).uniform(0, 9, (13, 3)))
    batch = AtomsBatch.from_atoms([salt((2, 1, 1)), gas, Atoms("Na"), salt((1, 1, 1), 1)])
    whole = surface.compute(batch)
    request.getfixturevalue("in_pieces")
    n_parts = len(edge_graph(batch, surface.model.config).parts)
    assert n_parts > 5
    pieces = surface.compute(batch)
    assert (pieces.energy - whole.energy).abs().max() < 1e-10
    assert (pieces.forces - whole.forces).abs().max() < 1e-10
    if whole.stress is not None:
        periodic = batch.pbc.any(1)
        assert (pieces.stress - whole.stress)[periodic].abs().max() < 1e-10
        assert pieces.stress[~periodic].isnan().all()


def test_ranks_of_a_large_system_have_second_derivatives(in_pieces):
    """Training on large cells takes the plain model, whose ranks go range by range all the same."""
    model = EdgeTransformer(TransformerConfig(**{**SMALL, "blocks": 1})).double()
    batch = AtomsBatch.from_atoms(Atoms("OHHOHH", np.random.default_rng(1).uniform(0, 4, (6, 3))))
    graph.RANKS_AT_ONCE, graph.PAIRS_IN_A_PART = 0, 30  # one atom at a time
    positions = batch.positions.clone().requires_grad_()
    assert torch.autograd.gradgradcheck(
        lambda p: model(batch.with_positions(p)).sum(), positions, atol=1e-4, fast_mode=True
    )


def test_gradients_of_ranges():
    torch.manual_seed(0)
    a, b = torch.randn(7, 3, dtype=torch.float64).requires_grad_(), torch.randn(7, dtype=torch.float64).requires_grad_()

    def function(number, a, b):
        return (a**2).sin() * b[:, None] + number

    def ranged(a, b):
        return over_ranges(function, [3, 0, 3, 1], a, b)

    numbers = torch.repeat_interleave(torch.arange(4), torch.tensor([3, 0, 3, 1]))
    assert torch.equal(ranged(a, b), function(numbers[:, None], a, b))
    assert torch.autograd.gradcheck(ranged, (a, b)) and torch.autograd.gradgradcheck(ranged, (a, b))
    (alone,) = torch.autograd.grad(ranged(a, b.detach()).sum(), a)
    assert torch.allclose(alone, torch.autograd.grad(function(0, a, b).sum(), a)[0])


class Largest(TorchDispatchMode):
    """Remembers the most numbers that any array had."""

    most = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        for one in found if isinstance(found, (tuple, list)) else [found]:
            if isinstance(one, torch.Tensor):
                self.most = max(self.most, one.numel())
        return found


def test_no_array_grows_faster_than_the_system():
    """Nothing has a place for every pair of atoms, in the search, the graph, the model or the gradient."""
    surface, largest = surface_of(k=4), []
    for n in ((6, 6, 3), (6, 6, 6), (12, 6, 6)):
        with Largest() as seen:
            surface.compute(AtomsBatch.from_atoms(salt(n)))
        largest.append(seen.most)
    n_atoms = 8 * 12 * 6 * 6
    assert largest[2] < n_atoms**2 / 2
    assert largest[1] < 2.1 * largest[0] and largest[2] < 2.1 * largest[1]
