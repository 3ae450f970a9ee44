import numpy as np
import pytest
import torch
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError


@st.composite
def systems(draw):
    made = []
    for _ in range(draw(st.integers(1, 5))):
        n = draw(st.integers(0, 6))
        seed = draw(st.integers(0, 2**16))
        random = np.random.default_rng(seed)
        atoms = Atoms(random.integers(1, 54, n), random.normal(size=(n, 3)))
        if draw(st.booleans()):
            atoms.set_cell(np.diag(random.uniform(3, 9, 3)))
            atoms.pbc = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
        atoms.info["charge"], atoms.info["spin"] = draw(st.integers(-3, 3)), draw(st.integers(1, 4))
        made.append(atoms)
    return made


def same(a, b):
    return all(
        torch.equal(getattr(a, name), getattr(b, name))
        for name in ("positions", "atomic_numbers", "system_idx", "cell", "pbc", "charge", "spin")
    )


@given(systems())
def test_join_undoes_split(frames):
    batch = AtomsBatch.from_atoms(frames)
    assert same(AtomsBatch.join(batch.split()), batch)
    assert batch.atoms_per_system.tolist() == [len(atoms) for atoms in frames]


@given(systems())
def test_ase_round_trip(frames):
    back = AtomsBatch.from_atoms(frames).to_atoms()
    for before, after in zip(frames, back, strict=True):
        assert np.array_equal(before.positions, after.positions)
        assert np.array_equal(before.numbers, after.numbers)
        assert np.array_equal(before.cell, after.cell)
        assert np.array_equal(before.pbc, after.pbc)
        assert {k: before.info[k] for k in ("charge", "spin")} == after.info


def test_dtype_applies_to_geometry_only():
    batch = AtomsBatch.from_atoms(Atoms("H2", [[0, 0, 0], [0, 0, 0.7]])).to(dtype=torch.float32)
    assert batch.positions.dtype == batch.cell.dtype == torch.float32
    assert batch.atomic_numbers.dtype == torch.int64


def test_disagreeing_shapes_are_refused():
    good = AtomsBatch.from_atoms(Atoms("H2", [[0, 0, 0], [0, 0, 0.7]]))
    with pytest.raises(BadInputError, match=r"'atomic_numbers' has shape \[2\]"):
        good.with_positions(torch.zeros(3, 3))


def test_joining_nothing_is_refused():
    with pytest.raises(BadInputError, match="empty"):
        AtomsBatch.join([])


def test_a_batch_of_nothing():
    empty = AtomsBatch.from_atoms([])
    assert empty.n_systems == empty.n_atoms == 0
    assert empty.split() == [] and empty.to_atoms() == []
