"""What the trainer does to frames. The command itself is tested in ``tests/training``."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule

if find_spec("lightning") is None:
    pytest.skip("needs lightning", allow_module_level=True)

from bsct_zoo_transformer.config import TransformerConfig
from bsct_zoo_transformer.forces import energy_and_forces, energy_forces_and_strain, rotated, turns
from bsct_zoo_transformer.model import EdgeTransformer

from bsct_zoo.atoms.batch import AtomsBatch


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


def test_the_derivative_by_strain_is_volume_times_stress_and_turns_with_the_crystal():
    from bsct_zoo.potentials.gradients import predict_by_gradient

    torch.manual_seed(0)
    crystal = bulk("NaCl", "rocksalt", a=5.6)
    crystal.rattle(0.1, seed=0)
    batch = AtomsBatch.from_atoms([crystal])
    model = EdgeTransformer(TransformerConfig(elements=(11, 17), reference_energies=(0.0, 0.0))).double()
    energy, forces, strain = energy_forces_and_strain(model, batch)
    expected = predict_by_gradient(model, batch)
    torch.testing.assert_close(energy.detach(), expected.energy)
    torch.testing.assert_close(forces.detach(), expected.forces)
    torch.testing.assert_close(strain.detach(), expected.stress * crystal.get_volume())
    assert strain.requires_grad  # it is learned from
    turn = turns(1, batch)
    turned, _ = rotated(batch, batch.positions, turn)
    torch.testing.assert_close(energy_forces_and_strain(model, turned)[2], turn @ strain @ turn.transpose(1, 2))


def test_stress_is_learned_where_frames_have_one(tmp_path):
    from ase.calculators.emt import EMT
    from bsct_zoo_transformer.checkpoint import load
    from bsct_zoo_transformer.potential import TransformerPotential
    from bsct_zoo_transformer.training import train

    from bsct_zoo.training.data import read_training_data
    from bsct_zoo.training.errors import evaluate
    from bsct_zoo.training.job import TrainingJob

    n = 16
    crystals = []
    for k in range(n):  # one cell, compressed: nothing but the labels of stress says what strain does
        atoms = bulk("Cu", a=3.4, cubic=True)
        atoms.rattle(0.02, seed=k)
        atoms.calc = EMT()
        crystals.append(atoms)
    arrays = {
        "n_atoms": np.full(n, 4),
        "atomic_numbers": np.full(4 * n, 29),
        "positions": np.concatenate([atoms.positions for atoms in crystals]),
        "cell": np.array([np.asarray(atoms.cell) for atoms in crystals]),
        "pbc": np.ones((n, 3), bool),
        "energy": np.array([atoms.get_potential_energy() for atoms in crystals]),
        "forces": np.concatenate([atoms.get_forces() for atoms in crystals]),
        "stress": np.array([atoms.get_stress(voigt=False) for atoms in crystals]),
    }
    found = {}
    for name in ("with", "without"):
        folder = tmp_path / name
        folder.mkdir()
        kept = {key: value for key, value in arrays.items() if name == "with" or key != "stress"}
        for split in ("train", "valid"):
            np.savez(folder / f"{split}.npz", **kept)
        (folder / "manifest.json").write_text('{"reference_energies": {"Cu": 0.0}}')
        options = {"steps": 60, "lr": 1e-2, "width": 16, "hidden": 16, "atom_hidden": 16, "blocks": 1, "r_cut": 4.0}
        trained = train(TrainingJob(folder, folder / "out", "tiny", 60.0, options=options), lambda *_: None)
        potential = TransformerPotential(load(trained.checkpoint), "cpu", "float64", "EMT", "MIT")
        frames = read_training_data(tmp_path / "with").train
        found[name] = evaluate(potential, frames, ("frame",))["all"]["stress_mae_mev_A3"]
    assert found["with"] < 0.3 * found["without"], found


def test_rotations_are_uniform():
    """The turned z axis is uniform over the sphere: mean zero, mean square of each component a third."""
    torch.manual_seed(0)
    n = 20000
    batch = AtomsBatch.from_arrays(np.tile([0.0, 0.0, 1.0], (n, 1)), np.ones(n), np.ones(n, int))
    turned, _ = rotated(batch, batch.positions, turns(batch.n_systems, batch))
    assert turned.positions.mean(0).abs().max() < 0.02
    assert (turned.positions**2).mean(0).tolist() == pytest.approx([1 / 3] * 3, abs=0.01)


def test_the_average_warms_up(tmp_path):
    """After one update it is the weights, after n it is close to the mean of the last tenth, not of the first."""
    from bsct_zoo_transformer.loop import Loop, Watch

    from bsct_zoo.training.schedule import Budget
    from bsct_zoo.training.settings import Optimiser

    watch = Watch(Budget(1), Loop(), Optimiser(lr=1e-3, ema_decay=0.999), None, None, None)
    average = torch.optim.swa_utils.AveragedModel(torch.nn.Linear(1, 1), **watch._kwargs)
    source = torch.nn.Linear(1, 1)
    seen, by_hand = [], None
    for n in range(200):
        torch.nn.init.constant_(source.weight, float(n))
        average.update_parameters(source)
        share = 1 - min(0.999, (1 + n) / (10 + n))
        by_hand = float(n) if by_hand is None else by_hand + share * (n - by_hand)
        seen.append(average.module.weight.item())
    assert seen[0] == 0 and seen[-1] == pytest.approx(by_hand, rel=1e-4)
    assert seen[-1] > 150  # with 0.999 from the start it would be 18


@pytest.mark.parametrize("directions", [False, True])
def test_the_smoothness_of_a_window_is_its_soft_fsd_whatever_the_turn(directions):
    """For an invariant model the turned window has the value of the unturned one; a direct check of what is summed."""
    import dataclasses

    from bsct_zoo_transformer.loop import Loop
    from bsct_zoo_transformer.training import Fit

    from bsct_zoo.metrics.soft_fsd import soft_fsd
    from bsct_zoo.suites.library import open_suite
    from bsct_zoo.training.windows import Windows

    torch.manual_seed(0)
    config = TransformerConfig((1, 6, 8), (0.0, 0.0, 0.0), width=16, blocks=1, k=4)
    model = EdgeTransformer(config).double()
    scan = next(s for s in open_suite("core").scans if set(s.atomic_numbers) <= {1, 6, 8})
    window = Windows([scan], 5, 0, torch.float64).at(3)
    fit = Fit.__new__(Fit)
    torch.nn.Module.__init__(fit)
    fit.model, fit.loop = model, Loop()
    if directions:  # an invariant model that is told to turn
        model.config = dataclasses.replace(config, directions=True)
    found = fit.smoothness(window, torch.Generator().manual_seed(1))
    _, forces = energy_and_forces(model, window.batch, train=False)
    wanted = soft_fsd(window.coordinate, forces.unflatten(0, (5, -1)), window.forces, window.at_minimum)
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-8)
    (gradient,) = torch.autograd.grad(found, model.embed.out.weight)
    assert gradient.abs().max() > 0


def test_forces_of_the_direct_head_learn_too():
    torch.manual_seed(0)
    model = EdgeTransformer(TransformerConfig((1, 6, 8), (0.0, 0.0, 0.0), width=16, blocks=1, forces="direct"))
    batch = AtomsBatch.from_atoms(molecule("CH3CH2OH"), dtype=torch.float32)
    energy, forces = energy_and_forces(model, batch, train=True)
    assert energy.requires_grad and forces.requires_grad
    assert not energy_and_forces(model, batch, train=False)[1].requires_grad
