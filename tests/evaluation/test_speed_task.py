"""What ``bench`` asks of a model, and what it makes of the times."""

import numpy as np
import pytest
import torch
from ase.neighborlist import neighbor_list
from typer.testing import CliRunner

from bsct_zoo.cli.main import app
from bsct_zoo.errors import BadInputError, ModelError
from bsct_zoo.evaluation import speed_task
from bsct_zoo.evaluation.speed_task import SpeedTask, droplet
from bsct_zoo.plugins.tasks import Answer, Failure
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction

INFO = PotentialInfo(None, 5.0, "float64", "cpu", True, "none", "MIT", cost="edges")


class Counted(Potential):
    """Remembers the batches that it gets; refuses systems of ``refused`` atoms."""

    info = INFO

    def __init__(self, refused=0):
        self.seen, self.refused = [], refused

    def compute(self, batch):
        self.seen.append(tuple(batch.atoms_per_system.tolist()))
        if self.refused in self.seen[-1]:
            raise ModelError("too many atoms")
        return Prediction(torch.zeros(batch.n_systems, dtype=torch.float64), torch.zeros_like(batch.positions))


class Asked:
    """What the engine gives to the task."""

    model = "counted"

    def __init__(self, potential):
        self.potential, self.batcher = potential, Batcher(potential)

    def progress(self, *_):
        pass


def run(task, potential):
    return {item.id: outcome for item, outcome in task.run(Asked(potential), task.items)}


@pytest.mark.parametrize("n", [1, 8, 9, 30])
def test_a_droplet_is_molecules_at_the_density_of_the_liquid(n):
    atoms = droplet(n)
    assert len(atoms) == 9 * n and sorted(set(atoms.symbols)) == ["C", "H", "O"]
    i, j, d = neighbor_list("ijd", atoms, 2.0)
    apart = i // 9 != j // 9
    assert not apart.any() or d[apart].min() > 1.5  # no two molecules touch
    if n == 8:
        steps = np.ptp(atoms.positions.reshape(8, 9, 3)[:, 0], axis=0)
        assert np.prod(steps) == pytest.approx(97, rel=0.1)  # Å³ a molecule at 0.789 g/cm³


def test_every_batch_is_asked_whole_and_as_often_as_was_wanted(monkeypatch):
    monkeypatch.setattr(speed_task, "_AT_LEAST_S", 0.0)
    task = SpeedTask([9, 20, 200], [4], repeats=2, largest=80, seconds=100.0)
    potential = Counted()
    found = run(task, potential)
    wanted = [(9,), (9,) * 4, (18,), (18,) * 4, (198,)]  # 4 × 198 atoms are more than the largest
    assert potential.seen == [batch for batch in wanted for _ in range(3)]
    assert [len(answer.arrays["times"]) for answer in found.values()] == [2] * 5
    scores = [task.score(item, found[item.id]).metrics for item in task.items]
    once = [("first_call" in metrics, "latency" in metrics) for metrics in scores]
    assert once == [(True, True), *[(False, False)] * 4]


def test_gain_and_scaling_follow_from_the_times(monkeypatch):
    """A model that takes 2 s a call and (n / 10)^1.5 s for each system of n atoms."""

    def took(batcher, systems):
        return 2.0 + sum((system.n_atoms / 10) ** 1.5 for system in systems)

    monkeypatch.setattr(speed_task, "_time", took)
    task = SpeedTask([9, 900, 9000], [10], repeats=3, largest=100, seconds=1e9)
    found = run(task, Counted())
    by_id = {item.id: task.score(item, found[item.id]).metrics for item in task.items}
    small = 0.9**1.5
    assert by_id["1 × 9 atoms"]["latency"] == pytest.approx(1e3 * (2 + small))
    assert by_id["10 × 9 atoms"]["gain"] == pytest.approx((2 + small) * 10 / (2 + 10 * small))
    assert by_id["10 × 9 atoms"]["time"] == pytest.approx(1e3 * (2 + 10 * small) / 10)
    assert by_id["10 × 9 atoms"]["throughput"] == pytest.approx(90 / (2 + 10 * small))
    assert by_id["1 × 9000 atoms"]["scaling"] == pytest.approx(1.5, abs=0.01)


def test_what_takes_too_long_is_left_out_and_what_fails_fails_alone(monkeypatch):
    monkeypatch.setattr(speed_task, "_time", lambda batcher, systems: batcher.compute(systems) and 1.0)
    task = SpeedTask([9, 18, 90], [], repeats=1, largest=100, seconds=5.0)
    found = run(task, Counted(refused=18))
    assert isinstance(found["1 × 18 atoms"], Failure) and "too many atoms" in found["1 × 18 atoms"].reason
    left_out = found["1 × 90 atoms"]
    assert isinstance(left_out, Answer)
    assert task.score(task.items[2], left_out).notes == ("one call would take more than 5 s",)


def test_the_command(tmp_path):
    emt, figure = "ase:ase.calculators.emt.EMT", tmp_path / "a.svg"
    done = CliRunner().invoke(app, ["bench", emt, "--atoms", "9,27", "--frames", "2", "--figure", str(figure)])
    assert done.exit_code == 0, done.output
    assert "ms a system" in done.output and figure.read_text().startswith("<?xml")
    for words, said in (
        (("--atoms", "9,x"), "--atoms takes whole numbers above zero with commas between them, not '9,x'"),
        (("--frames", "0"), "--frames takes whole numbers above zero"),
        (("--figure", "a.txt"), "'a.txt' does not say what it is"),
    ):
        done = CliRunner().invoke(app, ["bench", emt, *words], standalone_mode=False)
        assert isinstance(done.exception, BadInputError) and said in str(done.exception)
