import torch
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import OutOfMemoryError
from bsct_zoo.potentials.batching import Batcher, cost, fill
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction

INFO = PotentialInfo(None, 3.0, "float64", "cpu", True, "a test", "MIT")


class Trap(Potential):
    """Each atom in a harmonic trap; runs out of memory beyond a number of atoms."""

    def __init__(self, room=10**9, info=INFO):
        self.info, self.room, self.sizes = info, room, []

    def compute(self, batch):
        self.sizes.append(batch.n_atoms)
        if batch.n_atoms > self.room:
            raise OutOfMemoryError("too much")
        energy = torch.zeros(batch.n_systems, dtype=torch.float64)
        energy = energy.index_add(0, batch.system_idx, (batch.positions**2).sum(1))
        return Prediction(energy, -2 * batch.positions)


def chain(n, shift=0.0):
    return AtomsBatch.from_atoms(Atoms(f"H{n}", [[k + shift, 0, 0] for k in range(n)]))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(1, 40), st.integers(9, 40))
def test_order_and_values_do_not_depend_on_batches(sizes, limit, room):
    systems = [chain(n, 0.01 * k) for k, n in enumerate(sizes)]
    trap = Trap(room)
    found = Batcher(trap, limit).compute(systems)
    whole = Trap().compute(AtomsBatch.join(systems))
    assert torch.equal(found.energy, whole.energy)
    assert torch.equal(found.forces, whole.forces)


@given(st.lists(st.floats(0.5, 20), max_size=40), st.floats(1, 30))
def test_fill_keeps_the_limit_and_every_system(costs, limit):
    batches = fill(costs, limit)
    assert sorted(i for batch in batches for i in batch) == list(range(len(costs)))
    assert all(len(batch) == 1 or sum(costs[i] for i in batch) <= limit + 1e-9 for batch in batches)


def test_out_of_memory_halves_and_is_remembered():
    trap = Trap(room=20)
    batcher = Batcher(trap, 100)
    batcher.compute([chain(5) for _ in range(20)])
    assert batcher.limit <= 25
    trap.sizes.clear()
    batcher.compute([chain(5) for _ in range(20)])
    assert max(trap.sizes) <= 20  # the second time nothing fails


def test_one_system_that_does_not_fit_is_an_error():
    import pytest

    with pytest.raises(OutOfMemoryError):
        Batcher(Trap(room=3)).compute([chain(5)])


def test_edges_cost_more_than_atoms_where_it_is_dense():
    from dataclasses import replace

    dense = AtomsBatch.from_atoms(
        Atoms("H64", [[0.3 * i, 0.3 * j, 0.3 * k] for i in range(4) for j in range(4) for k in range(4)])
    )
    assert cost(dense, INFO) == 64
    assert cost(dense, replace(INFO, cost="edges")) > 100


def test_no_systems():
    assert Batcher(Trap()).compute([]).energy.shape == (0,)
