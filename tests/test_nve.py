import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import molecule
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet

from bsct_zoo.bridges import CalculatorPotential
from bsct_zoo.checks import NVE, CheckSettings
from bsct_zoo.checks.nve import nve_init, nve_step
from bsct_zoo.potential import Potential, PotentialInfo, Prediction

INFO = PotentialInfo(None, None, "float64", "cpu", "gradient", "a test", "MIT")


class Spring(Potential):
    """Two atoms on a spring of stiffness k, at rest at r0."""

    info = INFO

    def __init__(self, k=30.0, r0=0.75, cliff=None):
        self.k, self.r0, self.cliff = k, r0, cliff

    def compute(self, batch):
        r = batch.positions[1::2] - batch.positions[::2]
        length = r.norm(dim=1)
        pull = self.k * (length - self.r0)
        if self.cliff is not None:
            pull = torch.where(length > self.cliff, pull * float("nan"), pull)
        forces = torch.zeros_like(batch.positions)
        forces[::2] = pull[:, None] * r / length[:, None]
        forces[1::2] = -forces[::2]
        return Prediction(0.5 * self.k * (length - self.r0) ** 2, forces)


def dimers(*lengths):
    return [Atoms("H2", [[0, 0, 0], [0, 0, length]]) for length in lengths]


def test_agrees_with_ase_step_by_step():
    atoms = molecule("CH3CH2OH")
    potential = CalculatorPotential(EMT(), INFO)
    state = nve_init(potential, [atoms], 300.0, seed=7)
    atoms.set_velocities(state.velocities.numpy())
    atoms.calc = EMT()
    for _ in range(100):
        state = nve_step(potential, state, 0.5 * units.fs)
    VelocityVerlet(atoms, 0.5 * units.fs).run(100)
    np.testing.assert_allclose(state.batch.positions.numpy(), atoms.positions, atol=1e-8)


def test_energy_error_falls_as_the_square_of_the_step():
    errors = []
    for step in (0.4, 0.2, 0.1):
        state = nve_init(Spring(), dimers(0.85), 1e-6, seed=0)
        start, worst = (state.energy + state.kinetic).item(), 0.0
        for _ in range(round(40 / step)):
            state = nve_step(Spring(), state, step * units.fs)
            worst = max(worst, abs((state.energy + state.kinetic).item() - start))
        errors.append(worst)
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


def test_one_that_fails_says_when_and_the_others_run_on():
    runs = NVE.run(Spring(cliff=1.2), dimers(0.75, 0.2, 0.78), CheckSettings(temperature=10, time_ps=0.05))
    assert [run.status for run in runs] == ["ok", "failed", "ok"]
    assert runs[1].message.startswith("failed at 0.0") and runs[1].message.endswith(" ps")
    assert all(value is None for value in runs[1].values.values())
    assert abs(runs[0].values["drift"]) < 1


def test_batch_of_runs_is_the_runs():
    systems = dimers(0.7, 0.8)
    together = NVE.run(Spring(), systems, CheckSettings(time_ps=0.02, seed=3))
    alone = NVE.run(Spring(), systems[1:], CheckSettings(time_ps=0.02, seed=4))
    assert together[1].values == pytest.approx(alone[0].values)


def test_start_has_the_temperature_and_no_momentum():
    state = nve_init(CalculatorPotential(EMT(), INFO), [molecule("C6H6")] * 40, 300.0, seed=0)
    momentum = torch.zeros(40, 3, dtype=torch.float64).index_add(
        0, state.batch.system_idx, state.velocities * state.masses[:, None]
    )
    assert momentum.abs().max() < 1e-10
    turning = torch.zeros(40, 3, dtype=torch.float64).index_add(
        0,
        state.batch.system_idx,
        torch.linalg.cross(state.batch.positions, state.velocities * state.masses[:, None]),
    )
    assert turning.abs().max() < 1e-10
    freedom = 3 * 12 - 6
    assert 2 * state.kinetic.mean().item() / (freedom * units.kB) == pytest.approx(300, rel=0.15)
