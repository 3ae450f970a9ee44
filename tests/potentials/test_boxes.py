"""Boxes: no pair is added, positions stay, a system's box is its own; a guarded potential is handed nothing else."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from hypothesis import given, settings
from hypothesis import strategies as st

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.potentials.boxes import MARGIN, boxed, vacuum
from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo.potentials.potential import Potential, PotentialInfo
from bsct_zoo.runtime.guard import GuardedPotential

CUTOFF = 4.0


def chain():
    """Periodic along one direction that is none of the axes, with a cell that is of no use along the others."""
    atoms = Atoms("CO", positions=[[0.0, 0.0, 0.0], [0.3, 1.1, 0.2]], pbc=[False, True, False])
    atoms.cell[1] = [1.0, 3.0, 0.5]
    atoms.cell[2] = [0.0, 0.0, 1.0]
    return atoms


def slab():
    atoms = fcc111("Al", (2, 2, 2))
    atoms.positions[0] += 0.1
    return atoms


SYSTEMS = {
    "molecule": molecule("CH3CH2OH"),
    "far from the origin": Atoms("CO", positions=[[1e3, -50.0, 7.0], [1e3 + 1.1, -50.0, 7.0]]),
    "one atom": Atoms("H", positions=[[3.0, 2.0, 1.0]]),
    "with a cell of no use": Atoms("N2", positions=[[0, 0, 0], [0, 0, 1.1]], cell=[1.0, 1.0, 1.0]),
    "chain": chain(),
    "slab": slab(),
    "crystal": bulk("Si"),
}


def pairs(batch):
    """Every directed pair as atoms and distance, in an order of its own."""
    found = pairs_within(batch, CUTOFF)
    lengths = found.vectors.norm(dim=1).numpy().round(9)
    return sorted(zip(found.source.tolist(), found.target.tolist(), lengths.tolist(), strict=True))


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_box_adds_no_pair_and_moves_no_atom(name):
    batch = AtomsBatch.from_atoms(SYSTEMS[name])
    inside, molecules = boxed(batch, CUTOFF)
    assert molecules.tolist() == [name != "crystal"]
    assert bool(inside.pbc.all())
    torch.testing.assert_close(inside.positions, batch.positions, rtol=0, atol=0)
    assert pairs(inside) == pairs(batch)
    periodic = batch.pbc[0]
    torch.testing.assert_close(inside.cell[0][periodic], batch.cell[0][periodic], rtol=0, atol=0)


@pytest.mark.parametrize("name", [name for name in SYSTEMS if name != "crystal"])
def test_images_are_as_far_away_as_is_said(name):
    """Along the directions that were open, the nearest image of any atom is at ``vacuum`` or beyond."""
    batch = AtomsBatch.from_atoms(SYSTEMS[name])
    cell = boxed(batch, CUTOFF)[0].cell[0]
    for direction in (~batch.pbc[0]).nonzero().flatten().tolist():
        others = [k for k in range(3) if k != direction]
        normal = torch.linalg.cross(cell[others[0]], cell[others[1]])
        normal = normal / normal.norm()
        along = batch.positions @ normal
        height = (cell[direction] @ normal).abs()
        assert float(height - (along.max() - along.min())) == pytest.approx(CUTOFF + MARGIN, abs=1e-9)
    assert vacuum(CUTOFF) == CUTOFF + MARGIN and vacuum(None) > 10


def test_a_box_does_not_depend_on_the_batch():
    systems = list(SYSTEMS.values())
    together, molecules = boxed(AtomsBatch.from_atoms(systems), CUTOFF)
    for k, atoms in enumerate(systems):
        alone, alone_molecules = boxed(AtomsBatch.from_atoms(atoms), CUTOFF)
        torch.testing.assert_close(together.cell[k], alone.cell[0], rtol=0, atol=0)
        assert bool(molecules[k]) == bool(alone_molecules[0])


def test_crystals_alone_are_left_as_they_are():
    batch = AtomsBatch.from_atoms([bulk("Si"), bulk("Cu")])
    inside, molecules = boxed(batch, CUTOFF)
    assert inside is batch and not bool(molecules.any())


def test_nothing_is_boxed_without_trouble():
    empty = boxed(AtomsBatch.from_atoms([]), CUTOFF)[0]
    assert empty.n_systems == 0
    no_atoms = boxed(AtomsBatch.from_atoms(Atoms()), CUTOFF)[0]
    assert bool(torch.linalg.det(no_atoms.cell[0]) > 0)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(0, 10_000), st.booleans(), st.booleans(), st.booleans())
def test_any_system_in_any_cell(n_atoms, seed, a, b, c):
    random = np.random.default_rng(seed)
    cell = 5 * np.eye(3) + random.normal(0, 1, (3, 3))
    atoms = Atoms(["C"] * n_atoms, positions=random.normal(0, 6, (n_atoms, 3)), cell=cell, pbc=[a, b, c])
    batch = AtomsBatch.from_atoms(atoms)
    assert pairs(boxed(batch, CUTOFF)[0]) == pairs(batch)


# -- a potential that takes periodic systems alone ----------------------------------------------------------------


class Springs(Potential):
    """Gaussian wells between all pairs within the cut-off; refuses what is not periodic if told to."""

    def __init__(self, periodic_only):
        self.strict = periodic_only
        self.info = PotentialInfo(
            None,
            CUTOFF,
            "float64",
            "cpu",
            "gradient",
            "wells",
            "MIT",
            has_stress=True,
            periodic_only=periodic_only,
        )

    def compute(self, batch):
        if self.strict:
            assert bool(batch.pbc.all()) and bool((torch.linalg.det(batch.cell).abs() > 0).all())

        def energy(moved):
            found = pairs_within(moved, CUTOFF)
            wells = -0.5 * torch.exp(-(found.vectors**2).sum(1))
            return torch.zeros(moved.n_systems, dtype=wells.dtype).index_add(0, moved.system_idx[found.source], wells)

        return predict_by_gradient(energy, batch)


def test_guarded_it_says_the_same_as_one_that_takes_molecules():
    batch = AtomsBatch.from_atoms(list(SYSTEMS.values()))
    strict, free = GuardedPotential(Springs(True)).compute(batch), Springs(False).compute(batch)
    torch.testing.assert_close(strict.energy, free.energy, rtol=0, atol=1e-12)
    torch.testing.assert_close(strict.forces, free.forces, rtol=0, atol=1e-12)
    assert strict.energy.abs().min() == 0 and strict.energy.abs().max() > 1  # a lone atom has none, others do


def test_a_box_has_no_stress():
    potential = GuardedPotential(Springs(True))
    mixed = potential.compute(AtomsBatch.from_atoms([molecule("H2O"), bulk("Si"), slab()]))
    assert mixed.stress.isnan().all(dim=(1, 2)).tolist() == [True, False, True]
    assert not mixed.stress[1].isnan().any()
    assert potential.compute(AtomsBatch.from_atoms([molecule("H2O"), molecule("CO")])).stress is None
    crystal = potential.compute(AtomsBatch.from_atoms(bulk("Si")))
    torch.testing.assert_close(crystal.stress[0], mixed.stress[1], rtol=0, atol=1e-14)


def test_other_potentials_get_molecules_as_they_are():
    seen = []

    class Watching(Springs):
        def compute(self, batch):
            seen.append(bool(batch.pbc.any()))
            return super().compute(batch)

    GuardedPotential(Watching(False)).compute(AtomsBatch.from_atoms(molecule("H2O")))
    assert seen == [False]
