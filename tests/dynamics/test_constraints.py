"""Coordinates that a constraint holds: they stay, and degrees of freedom, momenta and temperature follow."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch
from ase import units
from ase.build import molecule
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms, FixCartesian
from ase.md.verlet import VelocityVerlet
from surfaces import INFO

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.molecules import named
from bsct_zoo.dynamics.checks import check_nve, check_nvt
from bsct_zoo.dynamics.fire import relax
from bsct_zoo.dynamics.langevin import langevin_init, langevin_step
from bsct_zoo.dynamics.nve import free_of, nve_init, nve_step
from bsct_zoo.dynamics.session import Session
from bsct_zoo.dynamics.velocities import bath_dof, internal_dof, thermal_velocities
from bsct_zoo.plugins.checks import CheckSettings
from bsct_zoo.potentials.bridges import CalculatorPotential

INPUTS = Path(__file__).parents[1] / "atoms" / "inputs"


@pytest.fixture
def slab():
    return named(str(INPUTS / "slab_fix.traj"))


@pytest.fixture
def emt():
    return CalculatorPotential(EMT(), INFO)


def test_velocity_verlet_is_that_of_ase(slab, emt):
    state = nve_init(emt, [slab], 300.0, seeds=[3])
    assert not state.velocities[:4].any() and not state.forces[:4].any()
    other = slab.copy()
    other.calc = EMT()
    other.set_velocities(state.velocities.numpy())
    for _ in range(40):
        state = nve_step(emt, state, 2 * units.fs)
    VelocityVerlet(other, 2 * units.fs).run(40)
    np.testing.assert_allclose(state.batch.positions.numpy(), other.positions, atol=1e-9)
    assert np.array_equal(state.batch.positions[:4].numpy(), slab.positions[:4])


def test_relaxation_leaves_what_is_fixed(slab, emt):
    free_slab = slab.copy()
    free_slab.set_constraint()
    found = relax(emt, AtomsBatch.from_atoms([slab, free_slab]), free_of([slab, free_slab]), max_force=0.01)
    held, loose = found.batch.split()
    assert found.converged.all() and torch.equal(held.positions[:4], torch.tensor(slab.positions[:4]))
    assert float((loose.positions[:4] - torch.tensor(slab.positions[:4])).abs().max()) > 0.05
    check = slab.copy()
    check.positions, check.calc = held.positions.numpy(), EMT()
    assert np.linalg.norm(check.get_forces(), axis=1).max() <= 0.01  # ASE's forces, without those on what is fixed


def test_degrees_of_freedom(slab):
    assert internal_dof(slab) == bath_dof(slab) == 24
    ethanol = molecule("CH3CH2OH")
    for fixed, left in ((0, 6), (1, 3), (2, 1), (3, 0)):  # rigid motions that leave so many atoms in place
        ethanol.set_constraint(FixAtoms(range(fixed)) if fixed else None)
        assert internal_dof(ethanol) == 3 * (9 - fixed) - left
        assert bath_dof(ethanol) == 3 * (9 - fixed)
    ethanol.set_constraint([FixCartesian([atom], mask=(False, False, True)) for atom in range(9)])
    assert internal_dof(ethanol) == 18 - 3  # two translations and one rotation in the plane
    slab.set_constraint([FixCartesian([atom], mask=(False, False, True)) for atom in range(12)])
    assert internal_dof(slab) == 24 - 2


@pytest.mark.parametrize("fixed", [1, 2, 4])
def test_velocities_have_the_temperature_and_no_rigid_motion(fixed):
    atoms = molecule("CH3CH2OH")
    atoms.set_constraint(FixAtoms(range(fixed)))
    temperatures = []
    for seed in range(400):
        velocities = thermal_velocities(atoms, 300.0, seed)
        assert not velocities[:fixed].any()
        kinetic = 0.5 * (atoms.get_masses()[:, None] * velocities**2).sum()
        temperatures.append(2 * kinetic / (internal_dof(atoms) * units.kB))
        about = atoms.positions - atoms.positions[0]
        turning = (atoms.get_masses()[:, None] * np.cross(about, velocities)).sum(0)
        if fixed == 1:
            np.testing.assert_allclose(turning, 0, atol=1e-10)
        if fixed == 2:
            axis = about[1] / np.linalg.norm(about[1])
            assert turning @ axis == pytest.approx(0, abs=1e-10)
    error = np.std(temperatures) / np.sqrt(len(temperatures))
    assert np.mean(temperatures) == pytest.approx(300.0, abs=4 * error)


def test_a_bath_keeps_its_temperature_in_what_is_free(slab, emt):
    state = langevin_init(emt, [slab], 300.0, seeds=[1])
    temperatures = []
    for step in range(1500):
        state = langevin_step(emt, state, 5 * units.fs, 300.0, 0.1 / units.fs)
        if step > 200:
            temperatures.append(float(state.temperature(torch.tensor([24.0]))[0]))
    assert np.mean(temperatures) == pytest.approx(300.0, rel=0.08)
    assert np.array_equal(state.batch.positions[:4].numpy(), slab.positions[:4])


def test_trajectories_keep_constraints_and_ase_knows_them_by_their_name(emt, tmp_path):
    atoms = named(str(INPUTS / "POSCAR_fix"))
    session = Session(folder=tmp_path, stride=5, dt_fs=2.0)
    settings = CheckSettings(time_ps=0.04, dt_fs=2.0, relax=True)
    for check in (check_nve, check_nvt):
        (run,) = check(emt, [atoms], settings, session)
        assert run.status == "ok"
        (file,) = tmp_path.iterdir()
        frames = ase.io.read(file, ":")
        assert len(frames) == 5 and all(frame.constraints[0].get_indices().tolist() == [0, 1, 2, 3] for frame in frames)
        assert np.abs(frames[-1].positions[:4] - atoms.positions[:4]).max() < 1e-7
        assert np.abs(frames[-1].positions[4:] - frames[0].positions[4:]).max() > 1e-3
