"""Training a small eSCAIP: the energy it learns is the one that is computed, and a run goes on where it stopped."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
import torch

if find_spec("fairchem") is None:
    pytest.skip("needs fairchem-core 2", allow_module_level=True)

from bsct_zoo_fairchem.assembly import assemble
from bsct_zoo_fairchem.escaip import TASK, EscaipConfig, build, inference_checkpoint, load
from bsct_zoo_fairchem.potential import FairchemPotential
from bsct_zoo_fairchem.training import EscaipEnergy, train

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.training.job import TrainingJob

REFERENCE = {"H": -10.0, "O": -100.0}
TINY = {"hidden_size": 16, "num_heads": 2, "num_layers": 1, "distance_basis": 8, "frequencies": "4,2,2", "knn_k": 4}
TINY |= {"lr": 1e-2, "ema_decay": 0.5}


def water(n, seed):
    """Frames of a molecule whose two bonds are springs."""
    rest = np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]])
    positions = rest + np.random.default_rng(seed).normal(0, 0.05, (n, 3, 3))
    energy, forces = np.full(n, -125.0), np.zeros((n, 3, 3))
    for j in (1, 2):
        vector = positions[:, j] - positions[:, 0]
        distance = np.linalg.norm(vector, axis=1)
        energy += 10 * (distance - 0.97) ** 2
        pull = 20 * ((distance - 0.97) / distance)[:, None] * vector
        forces[:, 0] += pull
        forces[:, j] -= pull
    return {
        "atomic_numbers": np.tile([8, 1, 1], n),
        "positions": positions.reshape(-1, 3),
        "forces": forces.reshape(-1, 3),
        "energy": energy,
        "n_atoms": np.full(n, 3),
    }


@pytest.fixture
def frames(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    np.savez(folder / "train.npz", **water(60, 0))
    np.savez(folder / "valid.npz", **water(10, 1))
    facts = {"level_of_theory": "springs", "reference_energies": REFERENCE}
    (folder / "manifest.json").write_text(json.dumps(facts))
    return folder


def test_what_learns_is_what_is_computed():
    torch.manual_seed(1)
    config = EscaipConfig((1, 8), (-10.0, -100.0), scale=2.0, hidden_size=32, num_heads=2)
    model = build(config)
    potential = FairchemPotential(
        assemble(inference_checkpoint(config, model.state_dict()), torch.float32), TASK, "cpu", "none", "MIT"
    )
    arrays = water(4, 2)
    batch = AtomsBatch.from_arrays(arrays["positions"], arrays["atomic_numbers"], arrays["n_atoms"])
    expected = potential.compute(batch)
    positions = batch.positions.float().requires_grad_()
    energy = EscaipEnergy(model, config.scale)(batch.to(dtype=torch.float32).with_positions(positions))
    (gradient,) = torch.autograd.grad(energy.sum(), positions, create_graph=True)
    torch.testing.assert_close(energy.double() - 120.0, expected.energy, rtol=0, atol=1e-5)
    torch.testing.assert_close(-gradient, expected.forces, rtol=1e-5, atol=1e-5)
    gradient.square().sum().backward()  # so that forces can be learned
    assert any(p.grad is not None and float(p.grad.abs().max()) > 0 for p in model.parameters())
    assert model.backbone.regress_forces and model.backbone.regress_stress


def test_a_run_learns_leaves_a_checkpoint_and_goes_on(frames, tmp_path):
    job = TrainingJob(data=frames, out=tmp_path, name="own", budget_s=4.0, options=TINY)
    told = []
    first = train(job, lambda line, spent_s=None, /: told.append(line))
    assert first.steps > 3 and first.spent_s >= 4.0 and first.checkpoint == tmp_path / "own.safetensors"
    energies = [float(line.split(":")[1].split()[0]) for line in told if line.startswith("step")]
    assert energies[-1] < 0.7 * energies[0]
    assert load(first.checkpoint).dataset_to_tasks.keys() == {TASK}
    longer = TrainingJob(data=frames, out=tmp_path, name="own", budget_s=6.0, options=TINY)
    second = train(longer, lambda line, spent_s=None, /: told.append(line))
    assert f"going on from step {first.steps}" in told and second.steps > first.steps


@pytest.mark.parametrize(
    ("options", "dtype", "what"),
    [
        ({"hidden_size": 30}, "float32", "must sum to hidden_size / num_heads, 30 / 4"),
        ({"hiden_size": 32}, "float32", "did you mean hidden_size"),
        ({}, "float64", "float32 alone"),
    ],
)
def test_bad_settings(frames, tmp_path, options, dtype, what):
    job = TrainingJob(data=frames, out=tmp_path, name="own", budget_s=1.0, dtype=dtype, options=options)
    with pytest.raises(BadInputError, match=what):
        train(job, lambda *_: None)
