"""What mace-torch's trainer is handed: graphs, loss, budget. The command itself is tested in ``tests/training``."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
import torch

if find_spec("mace") is None:
    pytest.skip("needs mace-torch", allow_module_level=True)

from bsct_zoo_mace.checkpoint import MaceConfig, build
from bsct_zoo_mace.checkpoint import load as load_checkpoint
from bsct_zoo_mace.packages import tools
from bsct_zoo_mace.potential import MaceEnergy
from bsct_zoo_mace.training import Loss, graphs_of, loader, train

from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo.training.data import SizedBatches, read_training_data
from bsct_zoo.training.errors import evaluate_module
from bsct_zoo.training.job import TrainingJob
from bsct_zoo.training.loss import atoms_energy, stress_loss, training_loss

REFERENCE = {"H": -10.0, "O": -100.0}
TINY = {
    "hidden_irreps": "4x0e",
    "max_ell": 1,
    "num_interactions": 1,
    "mlp_irreps": "4x0e",
    "radial_mlp": "8",
    "r_max": 3.0,
}
CONFIG = MaceConfig((1, 8), (-10.0, -100.0), 3.0, "4x0e", 1, 1, 1, mlp_irreps="4x0e", radial_mlp=(8,))


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


@pytest.fixture(autouse=True)
def default_dtype():
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for name, n in {"train": 64, "valid": 9}.items():
        np.savez(tmp_path / f"{name}.npz", **water(random, n))
    (tmp_path / "manifest.json").write_text(json.dumps({"reference_energies": REFERENCE}))
    return tmp_path


def test_graphs_are_the_frames(folder):
    torch.set_default_dtype(torch.float64)
    data = read_training_data(folder)
    graphs = graphs_of(data.valid, data, 1.2)  # O-H, and now and then not
    batch, energy, forces = data.valid.batch(range(9), torch.float64)
    assert [g.energy.item() for g in graphs] == pytest.approx((energy + 120).tolist())
    assert torch.equal(torch.cat([g.forces for g in graphs]), forces)
    pairs = pairs_within(batch, 1.2)
    expected = sorted(zip(pairs.source.tolist(), pairs.target.tolist(), strict=True))
    found = [(3 * k + i, 3 * k + j) for k, g in enumerate(graphs) for i, j in g.edge_index.T.tolist()]
    assert sorted(found) == expected


def test_the_loss_is_that_of_every_family(folder):
    """Through mace-torch's graphs and objects, against total energies through the interface."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    data = read_training_data(folder)
    model = build(CONFIG)
    surface = MaceEnergy(model)  # sets the model's own table of atomic energies to zero
    (found,) = loader(graphs_of(data.valid, data, 3.0), SizedBatches(data.valid.n_atoms, 128))
    output = model(found.to_dict(), training=True, compute_force=True)
    loss = Loss()(pred=output, ref=found)
    batch, energy, forces = data.valid.batch(range(9), torch.float64)
    answer = predict_by_gradient(surface, batch)
    alone = atoms_energy(data.reference_table(), batch.atomic_numbers, batch.system_idx, batch.n_systems)
    expected, _, _ = training_loss(answer.energy, answer.forces, energy, forces, batch.atoms_per_system, alone)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-9)


def test_stress_is_in_the_loss_where_frames_have_one(folder):
    """Through mace-torch's own virials, against the stress of the model through the interface."""
    torch.set_default_dtype(torch.float64)
    random = np.random.default_rng(5)
    stress = random.normal(0, 0.01, (9, 3, 3))
    stress += stress.transpose(0, 2, 1)
    stress[4] = np.nan  # one without
    box = {"cell": np.tile(np.diag([2.5, 3.0, 9.0]), (9, 1, 1)), "pbc": np.full((9, 3), True)}
    np.savez(folder / "valid.npz", **water(random, 9), **box, stress=stress)
    data = read_training_data(folder)
    torch.manual_seed(0)
    model = build(CONFIG)
    (found,) = loader(graphs_of(data.valid, data, 3.0), SizedBatches(data.valid.n_atoms, 128))
    surface = MaceEnergy(model)
    output = model(found.to_dict(), training=True, compute_force=True, compute_virials=True)
    with_stress = Loss()(pred=output, ref=found)
    without = Loss()(pred={**output, "virials": None}, ref=found)
    order = [i for batch in SizedBatches(data.valid.n_atoms, 128) for i in batch]
    batch, _, _ = data.valid.batch(order, torch.float64)
    volume = 2.5 * 3.0 * 9.0
    answer = predict_by_gradient(surface, batch).stress
    true = data.valid.strain_gradients(order, torch.float64)
    of_stress = stress_loss(volume * answer, true, batch.atoms_per_system)
    assert of_stress > 0.01
    assert (with_stress - without).item() == pytest.approx(of_stress.item(), rel=1e-9)


def test_what_is_saved_is_what_was_validated(folder, tmp_path):
    """The checkpoint as it loads has the errors that mace-torch's own evaluation found last."""
    told = []
    job = TrainingJob(folder, tmp_path / "out", "tiny", 4.0, options={**TINY, "lr": 2e-2, "ema_decay": 0.9})
    job.out.mkdir()
    trained = train(job, lambda line, spent_s=None: told.append(line))
    assert trained.steps > 5 and 4.0 <= trained.spent_s < 6.0
    assert any("meV/atom" in line for line in told)
    data = read_training_data(folder)
    surface = MaceEnergy(load_checkpoint(trained.checkpoint).double())

    def answer(batch):
        found = predict_by_gradient(surface, batch)
        return found.energy, found.forces

    found = evaluate_module(answer, data.valid, data.kinds, 128, torch.float64)["all"]
    last = (job.out / "validation.csv").read_text().splitlines()[-1].split(",")
    assert found["energy_mae_mev_atom"] == pytest.approx(float(last[2]), rel=1e-2)
    assert found["forces_mae_mev_A"] == pytest.approx(float(last[3]), rel=1e-2)
    assert trained.parameters == tools.count_parameters(surface.mace)
