"""What the trainer does to frames. The command itself is tested in ``tests/training``."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule

if find_spec("lightning") is None:
    pytest.skip("needs lightning", allow_module_level=True)

from bsct_zoo_transformer.forces import energy_and_forces, rotated, turns
from bsct_zoo_transformer.model import EdgeTransformer, TransformerConfig

from bsct_zoo.batch import AtomsBatch


def test_rotations_turn_every_system_its_cell_and_its_forces_together():
    torch.manual_seed(0)
    crystal = bulk("NaCl", "rocksalt", a=5.6)
    crystal.rattle(0.1, seed=0)
    batch = AtomsBatch.from_atoms([molecule("CH3CH2OH"), crystal])
    turned, forces = rotated(batch, batch.positions, turns(batch.n_systems, batch))
    torch.testing.assert_close(turned.positions, forces)
    assert not torch.allclose(turned.positions, batch.positions)
    molecules, crystals = zip(batch.split(), turned.split(), strict=True)
    turn = torch.linalg.lstsq(molecules[0].positions, molecules[1].positions).solution
    torch.testing.assert_close(turn @ turn.T, torch.eye(3, dtype=torch.float64))
    assert torch.linalg.det(turn).item() == pytest.approx(1)
    fractional = [one.positions @ torch.linalg.inv(one.cell[0]) for one in crystals]
    torch.testing.assert_close(*fractional)
    metric = [one.cell[0] @ one.cell[0].T for one in crystals]
    torch.testing.assert_close(*metric)


def test_rotations_are_uniform():
    """The turned z axis is uniform over the sphere: mean zero, mean square of each component a third."""
    torch.manual_seed(0)
    n = 20000
    batch = AtomsBatch.from_arrays(np.tile([0.0, 0.0, 1.0], (n, 1)), np.ones(n), np.ones(n, int))
    turned, _ = rotated(batch, batch.positions, turns(batch.n_systems, batch))
    assert turned.positions.mean(0).abs().max() < 0.02
    assert (turned.positions**2).mean(0).tolist() == pytest.approx([1 / 3] * 3, abs=0.01)


def test_forces_of_the_direct_head_learn_too():
    torch.manual_seed(0)
    model = EdgeTransformer(TransformerConfig((1, 6, 8), (0.0, 0.0, 0.0), width=16, blocks=1, forces="direct"))
    batch = AtomsBatch.from_atoms(molecule("CH3CH2OH"), dtype=torch.float32)
    energy, forces = energy_and_forces(model, batch, train=True)
    assert energy.requires_grad and forces.requires_grad
    assert not energy_and_forces(model, batch, train=False)[1].requires_grad
