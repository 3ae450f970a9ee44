"""What nequip's trainer is handed, and that it learns, keeps to its budget and goes on where it was cut off."""

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

if find_spec("nequip") is None:
    pytest.skip("needs nequip", allow_module_level=True)

from bsct_zoo_nequip.checkpoint import NequipConfig, build
from bsct_zoo_nequip.files import file_card
from bsct_zoo_nequip.frames import LabelledFrames, loader, mean_neighbours
from bsct_zoo_nequip.graph import graph_of
from bsct_zoo_nequip.loader import load
from bsct_zoo_nequip.loss import SharedLoss
from bsct_zoo_nequip.packages import AtomicDataDict
from bsct_zoo_nequip.training import train

from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.training.data import read_training_data
from bsct_zoo.training.errors import evaluate
from bsct_zoo.training.job import TrainingJob
from bsct_zoo.training.loss import stress_loss, training_loss

REFERENCE = {"H": -10.0, "O": -100.0}
TINY = {"num_layers": 2, "num_features": "8,4", "type_embed_num_features": 4, "radial_mlp_width": 8, "r_max": 3.0}
SETTINGS = {**TINY, "lr": 1e-2, "batch_atoms": 24}


def water(random, n):
    """Frames of a molecule with harmonic bonds, as the files of frames hold them."""
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
        "energy": energy - 125.0,
        "n_atoms": np.full(n, 3),
    }


def write(folder, periodic=False):
    random = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for name, n in {"train": 64, "valid": 9}.items():
        box = {"cell": np.tile(np.diag([2.5, 3.0, 9.0]), (n, 1, 1)), "pbc": np.full((n, 3), True)} if periodic else {}
        np.savez(folder / f"{name}.npz", **water(random, n), **box)
    (folder / "manifest.json").write_text(json.dumps({"reference_energies": REFERENCE, "method": "springs"}))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data") / "frames")


@pytest.mark.parametrize("periodic", [False, True])
def test_batches_are_the_graphs_that_the_model_sees_later(tmp_path, periodic):
    folder = write(tmp_path / "frames", periodic)
    data = read_training_data(folder)
    frames = LabelledFrames(str(folder), "valid", 3.0, ["H", "O"])
    found = next(iter(loader(frames, None, AtomicDataDict.batched_from_list, batch_atoms=1000)))
    batch, energy, forces = data.valid.batch(range(9), torch.float64)
    expected = graph_of(batch, (batch.atomic_numbers == 8).long(), 3.0)
    if not periodic:
        del expected[AtomicDataDict.CELL_KEY], expected[AtomicDataDict.EDGE_CELL_SHIFT_KEY]
    assert found.keys() == expected.keys() | {AtomicDataDict.TOTAL_ENERGY_KEY, AtomicDataDict.FORCE_KEY}
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=0, atol=0)
    torch.testing.assert_close(found[AtomicDataDict.TOTAL_ENERGY_KEY][:, 0], energy)
    torch.testing.assert_close(found[AtomicDataDict.FORCE_KEY], forces)
    n_edges = expected[AtomicDataDict.EDGE_INDEX_KEY].shape[1]
    assert mean_neighbours(data.valid, 3.0) == pytest.approx(n_edges / 27)
    assert n_edges > 54 if periodic else n_edges == 54


def test_order_changes_with_the_epoch_and_a_run_goes_on_in_another(folder):
    frames = LabelledFrames(str(folder), "train", 3.0, ["H", "O"])

    def order(batches):
        return [batch[AtomicDataDict.TOTAL_ENERGY_KEY].tolist() for batch in batches]

    batches = loader(frames, None, AtomicDataDict.batched_from_list, 24, seed=1)
    first, second = order(batches), order(batches)
    again = loader(frames, None, AtomicDataDict.batched_from_list, 24, seed=1, first_epoch=1)
    assert first != second == order(again)
    assert sum(len(energies) for energies in first) == 64


def test_frames_of_another_charge_are_left_out(tmp_path):
    folder = write(tmp_path / "frames")
    raw = dict(np.load(folder / "train.npz"))
    np.savez(folder / "train.npz", **raw, charge=(np.arange(64) % 4 == 0).astype(int))
    assert len(LabelledFrames(str(folder), "train", 3.0, ["H", "O"])) == 64
    frames = LabelledFrames(str(folder), "train", 3.0, ["H", "O"], one_state=True)
    assert [item[AtomicDataDict.TOTAL_ENERGY_KEY].item() for item in frames.items] == pytest.approx(
        [energy for k, energy in enumerate(raw["energy"]) if k % 4]
    )


def test_the_loss_is_that_of_every_family(folder):
    frames = LabelledFrames(str(folder), "valid", 3.0, ["H", "O"])
    batches = list(loader(frames, None, AtomicDataDict.batched_from_list, 12))
    assert len(batches) == 3
    metric, expected = SharedLoss([-10.0, -100.0]), []
    for wanted in batches:
        energy = (wanted[AtomicDataDict.TOTAL_ENERGY_KEY] + 0.3).requires_grad_()
        forces = (wanted[AtomicDataDict.FORCE_KEY] * 0.9).requires_grad_()
        loss = metric({AtomicDataDict.TOTAL_ENERGY_KEY: energy, AtomicDataDict.FORCE_KEY: forces}, wanted)
        n = wanted[AtomicDataDict.NUM_NODES_KEY]
        total = wanted[AtomicDataDict.TOTAL_ENERGY_KEY][:, 0]
        right, _, _ = training_loss(energy[:, 0], forces, total, wanted[AtomicDataDict.FORCE_KEY], n, -120.0)
        assert loss.item() == pytest.approx(right.item(), rel=1e-12)
        slopes = [torch.autograd.grad(value, [energy, forces], retain_graph=True) for value in (loss, right)]
        for found, expected_slope in zip(*slopes, strict=True):
            torch.testing.assert_close(found, expected_slope)
        expected.append(right.item())
    assert metric.compute().item() == pytest.approx(np.mean(expected))


def test_stress_is_in_the_loss_where_frames_have_one(tmp_path):
    """Through nequip's own virial, against the stress of the model through the interface."""
    folder = write(tmp_path / "frames", periodic=True)
    random = np.random.default_rng(5)
    for name in ("train", "valid"):
        with np.load(folder / f"{name}.npz") as file:
            arrays = dict(file)
        stress = random.normal(0, 0.01, (len(arrays["n_atoms"]), 3, 3))
        np.savez(folder / f"{name}.npz", **arrays, stress=stress + stress.transpose(0, 2, 1))
    data = read_training_data(folder)
    frames = LabelledFrames(str(folder), "valid", 3.0, ["H", "O"])
    (wanted,) = loader(frames, None, AtomicDataDict.batched_from_list, batch_atoms=1000)
    shape = {"num_layers": 2, "num_features": (8, 4), "type_embed_num_features": 4, "radial_mlp_width": 8}
    config = NequipConfig((1, 8), (-10.0, -100.0), r_max=3.0, **shape)
    model = build(config, "float64")
    found = model(dict(wanted))
    metric = SharedLoss([-10.0, -100.0])
    with_stress = metric(found, wanted).item()
    without = metric(found, {key: value for key, value in wanted.items() if key != AtomicDataDict.VIRIAL_KEY}).item()
    volume = 2.5 * 3.0 * 9.0
    strain = torch.tensor(volume * data.valid.stress)
    of_stress = stress_loss(volume * found[AtomicDataDict.STRESS_KEY].detach(), strain, torch.full((9,), 3))
    assert of_stress > 0.01
    assert with_stress - without == pytest.approx(of_stress.item(), rel=1e-9)


def run(folder, out, budget_s, **more):
    lines = []
    job = TrainingJob(folder, out, "tiny", budget_s, options=SETTINGS | more)
    return train(job, lambda line, spent_s=None: lines.append((line, spent_s))), lines


def errors_of(checkpoint, folder, dtype="float32"):
    data = read_training_data(folder)
    return evaluate(load(file_card(str(checkpoint)), "cpu", dtype), data.valid, data.kinds)["all"]


def test_learns_and_goes_on(folder, tmp_path):
    first, lines = run(folder, tmp_path / "run", 4.0)
    assert 4.0 <= first.spent_s < 6.0
    rows = list(csv.DictReader((tmp_path / "run" / "validation.csv").open()))
    assert float(rows[-1]["forces_mae_mev_A"]) < 0.5 * float(rows[0]["forces_mae_mev_A"])
    assert first.steps >= int(rows[-1]["step"]) and lines[-1][1] is not None

    # What was written are the averaged weights, which nequip's own metrics have judged.
    found = errors_of(first.checkpoint, folder)
    for name in ("energy_mae_mev_atom", "forces_mae_mev_A"):
        assert found[name] == pytest.approx(float(rows[-1][name]), rel=1e-3, abs=1e-3)
    facts = json.loads(first.checkpoint.with_suffix(".json").read_text())
    assert facts["card"]["level_of_theory"] == "springs" and facts["card"]["elements"] == ["H", "O"]
    assert facts["config"]["reference_energies"] == [-10.0, -100.0]
    assert facts["config"]["avg_num_neighbors"] == 2.0

    second, _ = run(folder, tmp_path / "run", 7.0)
    assert second.steps > first.steps and 7.0 <= second.spent_s < 9.0
    assert errors_of(second.checkpoint, folder)["forces_mae_mev_A"] < 1.2 * found["forces_mae_mev_A"]
    rows = list(csv.DictReader((tmp_path / "run" / "validation.csv").open()))
    spent = [float(row["spent_s"]) for row in rows]
    assert spent == sorted(spent)


def test_the_seed_makes_the_weights(folder, tmp_path):
    """The first step is the same for the same seed; later ones follow the clock of the processor."""
    from bsct_zoo_nequip.checkpoint import NequipConfig, build

    config = NequipConfig((1, 8), (-10.0, -100.0), num_features=(8, 4))
    one, same, other = (build(config, "float32", seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(value, same[name]) for name, value in one.items())
    assert not all(torch.equal(value, other[name]) for name, value in one.items())


def test_settings_that_cannot_be(folder, tmp_path):
    with pytest.raises(UnknownNameError, match="num_layers"):
        run(folder, tmp_path, 1.0, num_layer=2)
    with pytest.raises(BadInputError, match="num_features"):
        run(folder, tmp_path, 1.0, num_features="8,4,2")
    with pytest.raises(BadInputError, match="no such folder"):
        run(Path("nowhere"), tmp_path, 1.0)
