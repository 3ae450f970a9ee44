"""The training loop on a handful of frames: it learns, stops at its budget, and goes on where it was cut off."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
import torch

if find_spec("mace") is None or find_spec("lightning") is None:
    pytest.skip("needs mace-torch and lightning", allow_module_level=True)

from bsct_zoo_mace.checkpoint import MaceConfig, build
from bsct_zoo_mace.potential import MaceEnergy

from bsct_zoo.batch import AtomsBatch
from training.fit import FitSettings, fit, rotated, smooth_abs


def water(random, n):
    """Frames of a molecule with harmonic bonds, as the files of ``make_frames`` hold them."""
    rest = np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]])
    positions = rest + random.normal(0, 0.05, (n, 3, 3))
    energy, forces = np.zeros(n), np.zeros((n, 3, 3))
    for i, j, length in [(0, 1, 0.97), (0, 2, 0.97), (1, 2, 1.52)]:
        vector = positions[:, j] - positions[:, i]
        distance = np.linalg.norm(vector, axis=1)
        energy += 10 * (distance - length) ** 2
        pull = 20 * ((distance - length) / distance)[:, None] * vector
        forces[:, i] += pull
        forces[:, j] -= pull
    return {
        "atomic_numbers": np.tile([8, 1, 1], n),
        "positions": positions.reshape(-1, 3),
        "forces": forces.reshape(-1, 3),
        "energy": energy - 120.0,
        "n_atoms": np.full(n, 3),
        "molecule": np.zeros(n, int),
        "kind": np.arange(n, dtype=np.int8) % 3,
    }


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name, n in {"train": 64, "valid": 9, "unseen": 9}.items():
        np.savez(folder / f"{name}.npz", **water(random, n))
    facts = {"reference_energies": {"H": -10.0, "O": -100.0}, "sha256": {}}
    (folder / "manifest.json").write_text(json.dumps(facts))
    return folder


def model(seed=0):
    torch.manual_seed(seed)
    config = MaceConfig((1, 8), (-10.0, -100.0), 3.0, "4x0e", 1, 1, 1, mlp_irreps="4x0e", radial_mlp=(8,))
    return MaceEnergy(build(config).float())


def test_learns_and_goes_on(data, tmp_path):
    out = tmp_path / "run"
    first = fit(model(), data, out, FitSettings(budget_s=4, batch_atoms=24, lr=1e-2, validate_every_s=1))
    assert first["valid"]["all"]["forces_mae_mev_A"] < 1500  # 2200 for a model that says zero
    assert set(first["valid"]) == {"all", "md", "rattle", "bond"}
    kept = torch.load(out / "last.ckpt", weights_only=False)
    assert 1 < kept["spent"] < 6

    again = model(seed=1)
    constants = {name: value.clone() for name, value in again.named_buffers()}
    second = fit(again, data, out, FitSettings(budget_s=6, batch_atoms=24, lr=1e-2, validate_every_s=1))
    assert second["steps"] > kept["global_step"]
    assert second["valid"]["all"]["forces_mae_mev_A"] < first["valid"]["all"]["forces_mae_mev_A"] + 50
    for name, value in again.named_buffers():
        torch.testing.assert_close(value, constants[name], rtol=0, atol=0)


def test_rotations_keep_energy_and_turn_forces():
    batch = AtomsBatch.from_arrays(np.random.default_rng(0).normal(size=(5, 3)), np.ones(5), np.array([2, 3]))
    torch.set_default_dtype(torch.float64)
    try:
        turned, forces = rotated(batch, batch.positions)
    finally:
        torch.set_default_dtype(torch.float32)
    torch.testing.assert_close(turned.positions, forces)
    torch.testing.assert_close(torch.pdist(turned.positions[:2]), torch.pdist(batch.positions[:2]))
    assert not torch.allclose(turned.positions, batch.positions)


def test_smooth_abs_has_a_slope_at_zero():
    x = torch.zeros(3, requires_grad=True)
    smooth_abs(x**2).sum().backward()
    assert x.grad.isfinite().all()
