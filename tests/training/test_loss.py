"""The loss, against the formulas of its docstring written out in plain numpy, one atom at a time."""

import math

import numpy as np
import pytest
import torch

from bsct_zoo.training.loss import atoms_energy, energy_loss, force_loss, smooth_abs, stress_loss, training_loss

N_ATOMS = [3, 1, 5]


def smooth(x):
    return math.sqrt(x * x + 0.01 * 0.01) - 0.01


@pytest.fixture
def labels():
    random = np.random.default_rng(0)
    n = sum(N_ATOMS)
    scale = 10.0 ** random.uniform(-2, 3, (n, 1))  # from thermal motion to bonds at half their length
    return {
        "energy": random.normal(-300, 20, 3),
        "true_energy": random.normal(-300, 20, 3),
        "atoms": random.normal(-290, 10, 3),
        "forces": random.normal(size=(n, 3)) * scale,
        "true_forces": random.normal(size=(n, 3)) * scale,
    }


def written_out(labels):
    of_energy = []
    for k, n in enumerate(N_ATOMS):
        binding = abs(labels["true_energy"][k] - labels["atoms"][k])
        error = abs(labels["energy"][k] - labels["true_energy"][k]) / n
        of_energy.append(smooth(error / (1 + binding / (n * 1.0))))
    of_forces = []
    for found, true in zip(labels["forces"], labels["true_forces"], strict=True):
        error = math.sqrt(sum((a - b) ** 2 for a, b in zip(found, true, strict=True)))
        size = math.sqrt(sum(b * b for b in true))
        of_forces.append(smooth(error / (1 + size / 80.0)))
    return sum(of_energy) / len(of_energy), sum(of_forces) / len(of_forces)


def tensors(labels):
    order = ("energy", "forces", "true_energy", "true_forces")
    return [*(torch.tensor(labels[key]) for key in order), torch.tensor(N_ATOMS), torch.tensor(labels["atoms"])]


def test_it_is_the_formula(labels):
    of_energy, of_forces = written_out(labels)
    total, found_energy, found_forces = training_loss(*tensors(labels))
    assert found_energy.item() == pytest.approx(of_energy, rel=1e-12)
    assert found_forces.item() == pytest.approx(of_forces, rel=1e-12)
    assert total.item() == pytest.approx(5 * of_energy + of_forces, rel=1e-12)


@pytest.mark.parametrize("scale", [0.5, 20.0])
def test_the_scale_of_forces_is_f0(labels, scale):
    _, forces, _, true_forces, *_ = tensors(labels)
    error, size = (forces - true_forces).norm(dim=1), true_forces.norm(dim=1)
    expected = (((error / (1 + size / scale)) ** 2 + 1e-4).sqrt() - 1e-2).mean()
    assert force_loss(forces, true_forces, scale).item() == pytest.approx(expected.item(), rel=1e-12)


def test_energies_may_come_without_those_of_the_atoms(labels):
    energy, forces, true_energy, true_forces, n_atoms, atoms = tensors(labels)
    with_atoms = training_loss(energy, forces, true_energy, true_forces, n_atoms, atoms)[0]
    without = training_loss(energy - atoms, forces, true_energy - atoms, true_forces, n_atoms)[0]
    assert without.item() == pytest.approx(with_atoms.item(), rel=1e-12)


def test_its_gradient(labels):
    energy, forces, *rest = tensors(labels)
    leaves = (energy.requires_grad_(), forces.requires_grad_())
    assert torch.autograd.gradcheck(lambda e, f: training_loss(e, f, *rest)[0], leaves)


def test_the_term_of_stress_is_its_formula_over_the_systems_that_have_one():
    random = np.random.default_rng(1)
    found, true = torch.tensor(random.normal(size=(3, 3, 3))), torch.tensor(random.normal(size=(3, 3, 3)))
    true[1] = torch.nan
    n_atoms = torch.tensor([2, 5, 4])
    expected = []
    for k in (0, 2):
        n, error = int(n_atoms[k]), math.sqrt(float(((found[k] - true[k]) ** 2).sum()))
        expected.append(smooth(error / n / (1 + math.sqrt(float((true[k] ** 2).sum())) / (n * 1.0))))
    assert stress_loss(found, true, n_atoms).item() == pytest.approx(sum(expected) / 2, rel=1e-12)
    found.requires_grad_()
    assert torch.autograd.gradcheck(lambda w: stress_loss(w, true, n_atoms), (found,))
    none = stress_loss(found, torch.full_like(true, torch.nan), n_atoms)
    (slope,) = torch.autograd.grad(none, found)
    assert none.item() == 0 and not slope.any()


def test_no_atom_pulls_harder_than_one(labels):
    """The slope of the mean with respect to one atom's force is at most 1/N, whatever the error."""
    _, forces, _, true_forces, *_ = tensors(labels)
    for size in (1e-3, 1.0, 1e6):
        found = (true_forces + size * torch.randn_like(forces)).requires_grad_()
        force_loss(found, true_forces).backward()
        assert (found.grad.norm(dim=1) <= (1 + 1e-9) / len(found)).all()


def test_it_is_smooth_where_there_is_no_error(labels):
    energy, forces, *_ = tensors(labels)
    found, pushed = energy.clone().requires_grad_(), forces.clone().requires_grad_()
    loss = training_loss(found, pushed, energy, forces, torch.tensor(N_ATOMS))[0]
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert found.grad.abs().max() == 0 and pushed.grad.abs().max() == 0


def test_force_loss_does_not_depend_on_how_things_are_turned(labels):
    _, forces, _, true_forces, *_ = tensors(labels)
    turn, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))
    assert force_loss(forces @ turn, true_forces @ turn).item() == pytest.approx(
        force_loss(forces, true_forces).item(), rel=1e-10
    )


def test_energy_loss_of_two_copies_as_one_system_is_that_of_one():
    """Errors per atom, relative to what binds per atom: the size of a system does not matter."""
    one = energy_loss(torch.tensor([-9.0]), torch.tensor([-10.0]), torch.tensor([4]), torch.tensor([-4.0]))
    two = energy_loss(torch.tensor([-18.0]), torch.tensor([-20.0]), torch.tensor([8]), torch.tensor([-8.0]))
    assert one.item() == pytest.approx(two.item())


def test_smooth_abs_is_a_parabola_and_then_a_line():
    x = torch.tensor([1e-4, 100.0], dtype=torch.float64)
    small, large = smooth_abs(x**2).tolist()
    assert small == pytest.approx(1e-8 / 0.02, rel=1e-3) and large == pytest.approx(100 - 0.01, rel=1e-6)


def test_atoms_energy():
    table = torch.zeros(119, dtype=torch.float64)
    table[[1, 8]] = torch.tensor([-1.0, -10.0], dtype=torch.float64)
    found = atoms_energy(table, torch.tensor([8, 1, 1, 1]), torch.tensor([0, 0, 0, 1]), 3)
    assert found.tolist() == [-12.0, -1.0, 0.0]
