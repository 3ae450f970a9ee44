"""The trainer on a handful of frames: it learns, stops at its budget, and goes on where it was cut off."""

import csv
import json
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest
import torch

from bsct_zoo.errors import BadInputError, ModelError, UnknownNameError
from bsct_zoo.training.data import SizedBatches, read_training_data
from bsct_zoo.training.job import TrainingJob

try:
    found = version("fairchem-core")
except PackageNotFoundError:
    found = "none"
if not found.startswith("1."):
    pytest.skip("needs fairchem-core 1.x", allow_module_level=True)

from bsct_zoo_equiformer.files import file_card
from bsct_zoo_equiformer.loader import load
from bsct_zoo_equiformer.trainer import Epochs
from bsct_zoo_equiformer.training import STATE, train

SMALL = {
    "max_radius": 3.0,
    "num_layers": 1,
    "sphere_channels": 8,
    "attn_hidden_channels": 8,
    "num_heads": 2,
    "ffn_hidden_channels": 8,
    "edge_channels": 8,
    "lr": 1e-2,
    "batch_atoms": 24,
    "ema_decay": 0.9,
}


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
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    random = np.random.default_rng(0)
    for name, n in {"train": 64, "valid": 9}.items():
        np.savez(folder / f"{name}.npz", **water(random, n))
    facts = {"reference_energies": {"H": -10.0, "O": -100.0}, "level_of_theory": "springs"}
    (folder / "manifest.json").write_text(json.dumps(facts))
    return folder


def job(data, out, budget_s, **options):
    out.mkdir(exist_ok=True)
    return TrainingJob(data, out, "small", budget_s, options={**SMALL, **options})


class Said(list):
    def __call__(self, line, spent_s=None, /):
        self.append((line, spent_s))


def force_error(path, data):
    """Mean absolute error of forces on the validation frames in eV/Å."""
    valid = read_training_data(data).valid
    batch, _, forces = valid.batch(range(len(valid)), torch.float64)
    return float((load(file_card(str(path)), "cpu", "float64").compute(batch).forces - forces).abs().mean())


def test_learns_and_goes_on(data, tmp_path):
    said = Said()
    first = train(job(data, tmp_path, 12), said)
    assert 12 <= first.spent_s < 20 and first.parameters > 1000
    with (tmp_path / "validation.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert float(lines[-1]["forces_mae_mev_A"]) < 0.7 * 1080  # what a model that says zero is off by
    assert float(lines[-1]["forces_mae_mev_A"]) < float(lines[0]["forces_mae_mev_A"])
    assert [int(line["step"]) for line in lines] == sorted(int(line["step"]) for line in lines)
    assert said and all(spent is not None for _, spent in said)
    error = force_error(first.checkpoint, data)
    assert error < 0.7 * 1.08

    card = file_card(str(first.checkpoint))
    assert card.level_of_theory == "springs" and card.elements == ("H", "O") and not card.executes_code
    kept = torch.load(tmp_path / STATE, weights_only=True)
    assert kept["step"] == first.steps and kept["config"]["cmd"]["spent_s"] == pytest.approx(first.spent_s, abs=2)

    said = Said()
    second = train(job(data, tmp_path, 20), said)
    assert said[0][0] == f"going on from step {first.steps}"
    assert second.steps > first.steps and 20 <= second.spent_s < 28
    assert force_error(second.checkpoint, data) < error + 0.05

    # The state is a checkpoint of fairchem's like any other; its weights are not the averaged ones.
    their = tmp_path / "their.pt"
    (tmp_path / STATE).rename(their)
    assert force_error(their, data) < 0.8 * 1.08


def test_another_run_is_not_mixed_in(data, tmp_path):
    train(job(data, tmp_path, 1), Said())
    with pytest.raises(BadInputError, match="other settings"):
        train(job(data, tmp_path, 2, sphere_channels=16), Said())
    (tmp_path / STATE).write_bytes((tmp_path / STATE).read_bytes()[:1000])
    said = Said()
    train(job(data, tmp_path, 1), said)
    assert said[0][0].startswith("dropped a damaged state, state.pt")


def test_settings_that_cannot_be(data, tmp_path):
    with pytest.raises(UnknownNameError, match="num_layers"):
        train(job(data, tmp_path, 1, n_layers=3), Said())
    with pytest.raises(BadInputError, match="lmax=1 must be from mmax=2 to 6"):
        train(job(data, tmp_path, 1, lmax=1), Said())
    with pytest.raises(BadInputError, match="num_layers=0 must be positive"):
        train(job(data, tmp_path, 1, num_layers=0), Said())
    with pytest.raises(BadInputError, match="must be a number"):
        train(job(data, tmp_path, 1, lr="high"), Said())
    with pytest.raises(ModelError, match="finite"):
        train(job(data, tmp_path, 10, lr=1e30, clip=1e30), Said())


def test_float64(data, tmp_path):
    done = train(replace(job(data, tmp_path, 1), dtype="float64"), Said())
    assert np.isfinite(force_error(done.checkpoint, data))
    assert torch.get_default_dtype() == torch.float32


def test_epochs_are_of_one_length_and_start_within():
    n_atoms = np.random.default_rng(0).integers(2, 30, 500)
    epochs = Epochs(SizedBatches(n_atoms, 64, seed=1))
    lengths = {len(list(SizedBatches(n_atoms, 64, seed=1)))}
    for epoch in range(5):
        epochs.set_epoch_and_start_iteration(epoch, 0)
        whole = list(epochs)
        lengths.add(len(whole))
        epochs.set_epoch_and_start_iteration(epoch, 7)
        assert list(epochs) == whole[7:]
        assert len({tuple(batch) for batch in whole}) > 0.95 * len(whole)
    assert lengths == {len(epochs)}
