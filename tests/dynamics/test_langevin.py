"""BAOAB: the right temperature and the right distribution, also at a step that other schemes would not bear."""

import numpy as np
import pytest
import torch
from ase import Atoms, units
from surfaces import Morse, Trap, cluster

from bsct_zoo.dynamics.langevin import langevin_init, langevin_step, noise
from bsct_zoo.dynamics.nve import nve_init, nve_step

KT = 300.0 * units.kB


def sampled(k, step, friction, n_steps, stride, n=400):
    """Positions and velocities [n_samples, n, 3] of hydrogen atoms, each in a trap of its own, after they settled."""
    state = langevin_init(Trap(k), [Atoms("H")] * n, 300.0, seeds=range(n))
    positions, velocities = [], []
    for count in range(n_steps):
        state = langevin_step(Trap(k), state, step, 300.0, friction)
        if count >= n_steps // 5 and count % stride == 0:
            positions.append(state.batch.positions.numpy())
            velocities.append(state.velocities.numpy())
    return np.array(positions), np.array(velocities), state.masses[0].item()


def test_harmonic_system_has_the_temperature_in_positions_and_velocities():
    k = 2.0
    period = 2 * np.pi * (1.008 / k) ** 0.5
    x, v, mass = sampled(k, period / 60, friction=4 / period, n_steps=600, stride=60)
    for found in (k * x**2 / KT, mass * v**2 / KT):  # each is chi-squared of one degree of freedom
        per_atom = found.mean(axis=(0, 2))  # atoms are independent, whatever an atom's own samples are
        error = per_atom.std(ddof=1) / len(per_atom) ** 0.5
        assert error < 0.03
        assert abs(per_atom.mean() - 1) < 4 * error


def test_distributions_are_normal():
    """Kolmogorov and Smirnov: of independent atoms at one time, at a level of 1e-4."""
    k = 2.0
    period = 2 * np.pi * (1.008 / k) ** 0.5
    x, v, mass = sampled(k, period / 60, friction=4 / period, n_steps=300, stride=1, n=1000)
    for found in (x[-1].ravel() * (k / KT) ** 0.5, v[-1].ravel() * (mass / KT) ** 0.5):
        values = np.sort(found)
        exact = 0.5 * (1 + torch.erf(torch.from_numpy(values) / 2**0.5).numpy())
        n = len(values)
        distance = max((np.arange(1, n + 1) / n - exact).max(), (exact - np.arange(n) / n).max())
        assert distance < 2.23 / n**0.5


def test_configurations_are_right_at_a_large_step_where_velocities_are_not():
    """At ω Δt = 1.2 BAOAB's <kx²> is kT exactly, its <mv²> is (1 - (ω Δt)² / 4) kT: Leimkuhler and Matthews 2013."""
    k = 2.0
    omega = (k / 1.008) ** 0.5
    x, v, mass = sampled(k, 1.2 / omega, friction=omega, n_steps=400, stride=5)
    for found, expected in ((k * x**2 / KT, 1.0), (mass * v**2 / KT, 1 - 1.2**2 / 4)):
        per_atom = found.mean(axis=(0, 2))
        error = per_atom.std(ddof=1) / len(per_atom) ** 0.5
        assert error < 0.02
        assert abs(per_atom.mean() - expected) < 4 * error


def test_noise_depends_on_seed_and_step_alone():
    systems = [cluster(2), cluster(4), cluster(3)]
    state = langevin_init(Morse(), systems, 300.0, seeds=[5, 6, 7])
    alone = langevin_init(Morse(), systems[1:2], 300.0, seeds=[6])
    for _ in range(30):
        state = langevin_step(Morse(), state, 0.5, 300.0, 0.1)
        alone = langevin_step(Morse(), alone, 0.5, 300.0, 0.1)
    mine = state.batch.system_idx == 1
    torch.testing.assert_close(state.batch.positions[mine], alone.batch.positions, atol=1e-10, rtol=0)
    assert not torch.equal(noise(state)[:2], noise(state)[2:4])
    assert not torch.equal(noise(state), noise(langevin_step(Morse(), state, 0.5, 300.0, 0.1)))


def test_without_friction_it_is_velocity_verlet():
    first = nve_init(Morse(), [cluster(4)], 300.0, seeds=[0])
    verlet, langevin = first, first
    for _ in range(50):
        verlet = nve_step(Morse(), verlet, 0.05)
        langevin = langevin_step(Morse(), langevin, 0.05, 300.0, 0.0)
    torch.testing.assert_close(verlet.batch.positions, langevin.batch.positions, atol=1e-12, rtol=0)


def test_energy_without_heat_is_conserved():
    state = langevin_init(Morse(), [cluster(4)], 300.0, seeds=[1])
    first, moved = state.conserved.item(), 0.0
    for _ in range(400):
        state = langevin_step(Morse(), state, 0.25 * units.fs, 300.0, 0.02 / units.fs)
        moved = max(moved, abs(state.thermostat_work.item()))
    assert moved > 0.05
    assert state.conserved.item() == pytest.approx(first, abs=0.01 * moved)
