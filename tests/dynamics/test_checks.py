"""The checks: what was planted is found, with its time, and costs nobody else."""

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.io import read
from surfaces import Morse, Trap, Wind, cluster, dimer

from bsct_zoo.dynamics.nve import nve_init, nve_step
from bsct_zoo.dynamics.session import Session
from bsct_zoo.errors import ModelError
from bsct_zoo.plugins.checks import HEAT, NVE, NVT, CheckSettings
from bsct_zoo.potentials.potential import PotentialInfo

COLD = 1e-3  # K


def first_step_beyond(length, start, limit, potential, n=2000):
    """The step after which two atoms are farther apart than ``limit`` Å, by the integrator alone."""
    state = nve_init(potential, [start], COLD, seeds=[0])
    for count in range(n):
        if torch.pdist(state.batch.positions).item() > limit:
            return count
        state = nve_step(potential, state, length * units.fs)
    raise AssertionError("it never gets there")


def test_planted_explosion_is_found_at_its_time_and_the_others_run_on():
    systems = [dimer(1.45), dimer(1.25), cluster(3, spread=0.02)]
    settings = CheckSettings(temperature=COLD, time_ps=0.1, dt_fs=0.5)
    runs = NVE.run(Morse(cliff=1.7), systems, settings)
    assert [run.status for run in runs] == ["ok", "failed", "ok"]
    step = first_step_beyond(0.5, dimer(1.25), 1.7, Morse())
    assert 2 < step < 100
    assert runs[1].values["failure_time"] == pytest.approx(step * 0.5e-3)
    assert runs[1].message == f"failed at {step * 0.5e-3:.3g} ps: no finite energy"
    assert runs[1].values["drift"] is None
    for place in (0, 2):
        alone = NVE.run(Morse(cliff=1.7), [systems[place]], CheckSettings(COLD, 0.1, 0.5, seed=place))[0]
        for name, value in alone.values.items():
            assert runs[place].values[name] == (value if value is None else pytest.approx(value, rel=1e-6, abs=1e-9))


def test_a_system_that_gets_too_hot_is_stopped_before_the_model_sees_where_it_goes():
    runs = NVE.run(Wind(4e4), [Atoms("C2", [[0, 0, 0], [0, 0, 1.4]])], CheckSettings(300, 0.05))
    assert runs[0].status == "failed" and runs[0].message.startswith("failed at the start: ")


def test_planted_drift_is_measured_right():
    """A constant force without an energy adds F² t² / 2m to every atom; a line through t² has the slope T."""
    strength, time = 0.02, 0.2
    systems = [Atoms("C2", [[0, 0, 0], [0, 0, 1.4]]), Atoms("H2", [[0, 0, 0], [0, 0, 0.7]])]
    runs = NVE.run(Wind(strength), systems, CheckSettings(temperature=COLD, time_ps=time, dt_fs=0.5))
    for run, mass in zip(runs, (12.011, 1.008), strict=True):
        ps = 1000 * units.fs
        expected = strength**2 / (2 * mass) * (time * ps) * ps * 1000  # meV/atom/ps
        assert run.values["drift"] == pytest.approx(expected, rel=1e-3)
        assert run.values["drift_error"] < expected


def test_energy_of_a_sound_model_does_not_drift():
    run = NVE.run(Morse(), [cluster(4)], CheckSettings(temperature=300, time_ps=0.3, dt_fs=0.5))[0]
    assert run.status == "ok" and run.message == ""
    assert abs(run.values["drift"]) < max(4 * run.values["drift_error"], 0.5)
    assert 0 < run.values["fluctuation"] < 5
    assert 50 < run.values["temperature"] < run.values["max_temperature"]


def test_broken_bond_is_named_with_its_time():
    shallow = Morse(depth=0.3)
    runs = NVE.run(shallow, [dimer(1.5), dimer(1.1)], CheckSettings(temperature=COLD, time_ps=0.3, dt_fs=0.5))
    assert [run.status for run in runs] == ["ok", "failed"]
    step = first_step_beyond(0.5, dimer(1.1), 1.75 * 1.1, shallow)
    assert runs[1].values["bonds_broken"] == 1 and runs[0].values["bonds_broken"] == 0
    assert runs[1].values["failure_time"] == pytest.approx(step * 0.5e-3)
    assert runs[1].message == f"C0-C1 broke at {step * 0.5e-3:.3g} ps"
    assert abs(runs[1].values["drift"]) < 5  # it went on, and its energy can be judged


def test_a_bond_that_comes_back_is_not_broken():
    soft = Morse(depth=6.0, alpha=0.6)
    start = dimer(0.95)
    assert first_step_beyond(0.5, start, 1.75 * 0.95, soft) > 0
    run = NVE.run(soft, [start], CheckSettings(temperature=COLD, time_ps=0.3, dt_fs=0.5))[0]
    assert run.status == "ok" and run.values["bonds_broken"] == 0


def test_relaxed_start_is_at_the_models_own_minimum():
    far = CheckSettings(temperature=1.0, time_ps=0.05, relax=False)
    near = CheckSettings(temperature=1.0, time_ps=0.05, relax=True)
    systems = [cluster(4, spread=0.1), cluster(4, spread=0.1)]
    assert NVE.run(Morse(), systems, far)[0].values["max_temperature"] > 100
    for run in NVE.run(Morse(), systems, near):
        assert run.values["max_temperature"] < 5


def test_bath_has_its_temperature():
    systems = [Atoms("H4", np.zeros((4, 3)) + 0.05 * np.arange(4)[:, None]) for _ in range(30)]
    runs = NVT.run(Trap(), systems, CheckSettings(temperature=300, time_ps=0.5, dt_fs=1.0, friction=40))
    found = np.array([run.values["temperature"] for run in runs])
    errors = np.array([run.values["temperature_error"] for run in runs])
    assert abs(found.mean() - 300) < 4 * found.std(ddof=1) / len(found) ** 0.5 + 6  # K of the start that are left
    assert 0.5 < np.median(errors) / found.std(ddof=1) < 2


def test_heating_says_at_which_temperature_a_bond_breaks():
    settings = CheckSettings(temperature=100, final_temperature=6000, time_ps=0.6, dt_fs=1.0, friction=40)
    weak, strong = (HEAT.run(Morse(depth=depth), [dimer(1.5)] * 4, settings) for depth in (0.2, 6.0))
    for run in weak:
        assert run.status == "ok" and "C0-C1 broke at" in run.message
        time = run.values["failure_time"]
        assert run.values["failure_temperature"] == pytest.approx(100 + 5900 * time / 0.6)
    assert [run.values["failure_temperature"] for run in strong] == [None] * 4
    assert len({run.values["failure_time"] for run in weak}) > 1


class Picky(Morse):
    """Raises where a system holds nitrogen, and for everything after ``calls``."""

    info = PotentialInfo(frozenset({6, 7}), None, "float64", "cpu", True, "a test", "MIT")

    def __init__(self, calls=10**9):
        super().__init__()
        self.calls = calls

    def compute(self, batch):
        self.calls -= 1
        if self.calls < 0:
            raise ModelError("the worker died")
        if bool((batch.atomic_numbers == 7).any()):
            raise ModelError("cannot do nitrogen")
        return super().compute(batch)


def test_a_system_that_the_model_refuses_costs_itself():
    systems = [dimer(1.5), dimer(1.1, "N2"), dimer(1.4), dimer(1.2, "CO")]
    runs = NVE.run(Picky(), systems, CheckSettings(COLD, 0.01))
    assert [run.status for run in runs] == ["ok", "failed", "ok", "failed"]
    assert runs[1].message == "failed at the start: cannot do nitrogen"
    assert runs[3].message == "the model does not know O"


def test_a_model_that_dies_is_no_explosion():
    with pytest.raises(ModelError, match="the worker died"):
        NVE.run(Picky(calls=30), [dimer(1.5), dimer(1.4)], CheckSettings(COLD, 0.1))


class Kept(Session):
    """Keeps its state in memory, and asks to stop after some steps."""

    def __init__(self, kept, folder, stop_after=None, **more):
        def on_step(done, total):
            if stop_after is not None and done >= stop_after:
                raise KeyboardInterrupt

        copied = kept.update
        super().__init__(on_step, lambda: dict(kept) or None, copied, folder=folder, stride=10, **more)


@pytest.mark.parametrize("check", [NVE, NVT, HEAT], ids=lambda check: check.name)
def test_a_run_that_was_stopped_goes_on_to_the_same_figures_and_frames(check, tmp_path):
    systems = [cluster(4), dimer(1.15), cluster(3)]  # the second has no answer soon
    settings = CheckSettings(temperature=300, time_ps=0.06, dt_fs=0.5)
    whole = check.run(Morse(cliff=1.9), systems, settings, Kept({}, tmp_path / "whole"))
    assert whole[1].status == "failed"
    kept = {}
    with pytest.raises(KeyboardInterrupt):
        check.run(Morse(cliff=1.9), systems, settings, Kept(kept, tmp_path / "parts", stop_after=50))
    assert int(kept["count"]) == 50
    for file in (tmp_path / "parts").iterdir():
        file.write_text(file.read_text() + "3\nwhat a killed run wrote after its state\n")
    surface = Morse(cliff=1.9)
    assert check.run(surface, systems, settings, Kept(kept, tmp_path / "parts")) == whole
    assert surface.computed < 3 * 80
    for file in (tmp_path / "whole").iterdir():
        assert file.read_text() == (tmp_path / "parts" / file.name).read_text()
    frames = read(tmp_path / "parts" / "C4-0.extxyz", index=":")
    assert [frame.info["step"] for frame in frames] == list(range(0, 121, 10))
    assert frames[3].get_velocities().any() and frames[3].get_forces().shape == (4, 3)


def test_a_state_that_does_not_fit_is_no_state(tmp_path):
    systems, settings = [cluster(3)], CheckSettings(temperature=300, time_ps=0.01)
    whole = NVE.run(Morse(), systems, settings)
    other = {}
    NVE.run(Morse(), [cluster(4), dimer(1.2)], settings, Kept(other, None, stop_after=None))
    surface = Morse()
    assert NVE.run(surface, systems, settings, Kept(other, None)) == whole
    assert surface.computed == 21
