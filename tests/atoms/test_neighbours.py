import numpy as np
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.neighbours import pairs_within


def as_set(i, j, vectors):
    return sorted((int(a), int(b), *np.round(v, 6).tolist()) for a, b, v in zip(i, j, vectors, strict=True))


def check(frames, cutoff):
    batch = AtomsBatch.from_atoms(frames)
    pairs = pairs_within(batch, cutoff)
    expected, first = [], 0
    for atoms in frames:
        i, j, vectors = neighbor_list("ijD", atoms, cutoff)
        expected += as_set(i + first, j + first, vectors)
        first += len(atoms)
    assert as_set(pairs.source, pairs.target, pairs.vectors.numpy()) == sorted(expected)
    assert bool((torch.diff(pairs.source) >= 0).all())
    assert torch.equal(pairs.source[pairs.reverse], pairs.target)
    assert torch.equal(pairs.target[pairs.reverse], pairs.source)
    assert torch.allclose(pairs.vectors[pairs.reverse], -pairs.vectors)


def test_molecules():
    check([molecule("C6H6"), molecule("H2O"), Atoms("He")], 2.2)


def test_crystals_and_molecules_in_one_batch():
    check([bulk("Si", cubic=True), molecule("CH3CH2OH"), bulk("NaCl", "rocksalt", a=5.6)], 5.0)


def test_cell_smaller_than_the_cutoff():
    check([bulk("Cu")], 6.0)


def test_large_molecule():
    random = np.random.default_rng(0)
    check([Atoms("H300", random.uniform(0, 20, (300, 3)))], 3.0)
