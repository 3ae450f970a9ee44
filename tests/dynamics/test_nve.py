"""Velocity Verlet: ASE's path, second order, reversible, and each system on its own."""

import numpy as np
import pytest
import torch
from ase import units
from ase.build import molecule
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet
from surfaces import INFO, Morse, Trap, cluster, dimer

from bsct_zoo.dynamics.nve import nve_init, nve_step
from bsct_zoo.dynamics.velocities import internal_dof
from bsct_zoo.potentials.bridges import CalculatorPotential, PotentialCalculator

STEP = 0.5 * units.fs


def walk(potential, state, n, step=STEP):
    for _ in range(n):
        state = nve_step(potential, state, step)
    return state


@pytest.mark.parametrize("what", ["EMT's ethanol", "a cluster of Morse's"])
def test_agrees_with_ase_step_by_step(what):
    emt = what.startswith("EMT")
    atoms = molecule("CH3CH2OH") if emt else cluster(4)
    potential = CalculatorPotential(EMT(), INFO) if emt else Morse()
    state = nve_init(potential, [atoms], 300.0, seeds=[7])
    atoms.set_velocities(state.velocities.numpy())
    atoms.calc = EMT() if emt else PotentialCalculator(Morse())
    state = walk(potential, state, 100)
    VelocityVerlet(atoms, STEP).run(100)
    assert state.count == 100
    np.testing.assert_allclose(state.batch.positions.numpy(), atoms.positions, atol=1e-8)
    np.testing.assert_allclose(state.velocities.numpy(), atoms.get_velocities(), atol=1e-8)


def test_energy_error_falls_as_the_square_of_the_step():
    errors = []
    for step in (0.8, 0.4, 0.2):
        state = nve_init(Trap(k=30.0), [dimer(0.5)], 300.0, seeds=[0])
        start, worst = state.conserved.item(), 0.0
        for _ in range(round(40 / step)):
            state = nve_step(Trap(k=30.0), state, step * units.fs)
            worst = max(worst, abs(state.conserved.item() - start))
        errors.append(worst)
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


def test_goes_back_the_way_it_came():
    systems = [cluster(4), cluster(3, seed=1)]
    first = nve_init(Morse(), systems, 600.0, seeds=[1, 2])
    there = walk(Morse(), first, 200)
    assert (there.batch.positions - first.batch.positions).abs().max() > 0.05
    back = walk(Morse(), there, 200, -STEP)
    torch.testing.assert_close(back.batch.positions, first.batch.positions, atol=1e-9, rtol=0)
    torch.testing.assert_close(back.velocities, first.velocities, atol=1e-9, rtol=0)


def test_keeps_momentum_and_angular_momentum():
    state = walk(Morse(), nve_init(Morse(), [cluster(4), cluster(3)], 500.0, seeds=[3, 4]), 200)
    momenta = state.velocities * state.masses[:, None]
    turning = torch.linalg.cross(state.batch.positions, momenta)
    sums = torch.zeros(2, 6, dtype=torch.float64).index_add(0, state.batch.system_idx, torch.cat([momenta, turning], 1))
    assert sums.abs().max() < 1e-11


def test_a_molecule_alone_moves_as_among_others():
    systems = [cluster(3, seed=5), cluster(4, seed=6), cluster(2, seed=7)]
    together = walk(Morse(), nve_init(Morse(), systems, 400.0, seeds=[0, 1, 2]), 100)
    alone = walk(Morse(), nve_init(Morse(), systems[1:2], 400.0, seeds=[1]), 100)
    mine = together.batch.system_idx == 1
    torch.testing.assert_close(together.batch.positions[mine], alone.batch.positions, atol=1e-10, rtol=0)


def test_start_has_the_temperature_and_neither_moves_nor_turns():
    systems = [molecule("C6H6")] * 40 + [molecule("CO2")] * 40
    state = nve_init(Trap(), systems, 300.0, seeds=range(80))
    momenta = state.velocities * state.masses[:, None]
    turning = torch.linalg.cross(state.batch.positions, momenta)
    sums = torch.zeros(80, 6, dtype=torch.float64).index_add(
        0, state.batch.system_idx, torch.cat([momenta, turning], 1)
    )
    assert sums.abs().max() < 1e-10
    dof = torch.tensor([internal_dof(atoms) for atoms in systems], dtype=torch.float64)
    assert set(dof[:40].tolist()) == {30.0} and set(dof[40:].tolist()) == {4.0}
    kelvin = state.temperature(dof)
    for part, n in ((kelvin[:40], 30 * 40), (kelvin[40:], 4 * 40)):  # chi-squared of n degrees of freedom
        assert abs(part.mean().item() / 300 - 1) < 4 * (2 / n) ** 0.5
