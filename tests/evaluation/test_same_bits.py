"""The same command gives the same bits, whatever is kept from another command or from one that was killed."""

import os
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.jump_task import JumpTask
from bsct_zoo.evaluation.md_task import MDTask
from bsct_zoo.evaluation.property_task import PropertyTask
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.evaluation.store import Store
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.cards import Adapter, ModelCard
from bsct_zoo.plugins.checks import NVE, CheckSettings
from bsct_zoo.properties.measured import PropertySettings
from bsct_zoo.properties.systems import System
from bsct_zoo.runtime.guard import GuardedPotential
from bsct_zoo.suites.geometry import bond_scan
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite

sys.path.append(str(Path(__file__).parents[1] / "dynamics"))
from surfaces import Morse, cluster, dimer


class Crowd(Morse):
    """Its last digits depend on how many atoms are in the batch, as those of matrix products do.

    The energy has a step where a pair comes nearer than 2 Å, to be found.
    """

    def compute(self, batch):
        answer = super().compute(batch)
        pairs = pairs_within(batch, 2.0)
        step = torch.zeros_like(answer.energy).index_add(
            0, batch.system_idx[pairs.source], torch.full_like(pairs.vectors[:, 0], 0.05)
        )
        crowded = 1 + 1e-12 * batch.n_atoms
        return replace(answer, energy=(answer.energy + step) * crowded, forces=answer.forces * crowded)


def load(card, device, dtype):
    return Crowd(depth=0.5, r0=1.1)


CARD = ModelCard("crowd", "crowd", "Morse", "MIT", "a test")
MODEL = ModelSpec("crowd", Adapter("crowd", "for tests", f"{__name__}:load", (CARD,)), CARD, {})


class Gathering(Morse):
    """Forces are the gradient of rows taken by an index, as message passing takes its senders."""

    def compute(self, batch):
        rows = batch.positions.float().repeat(1, 40).requires_grad_()
        index = torch.arange(20_000) * 7919 % len(rows)
        weights = torch.sin(torch.arange(len(index) * 120.0)).reshape(-1, 120)
        (forces,) = torch.autograd.grad((rows[index] * weights).sum(), rows)
        return replace(super().compute(batch), forces=forces[:, :3].double())


def dynamics(n):
    found = [cluster(4), dimer(1.25), cluster(3)]
    for number, atoms in enumerate(found):
        atoms.info |= {"name": f"{atoms.get_chemical_formula()}", "seed": number}
    return MDTask(NVE, found[:n], CheckSettings(temperature=100, time_ps=0.05, relax=False))


def properties(n):
    systems = [System(name, "molecule", molecule(name)) for name in ("H2O", "NH3", "CH4")]
    return PropertyTask(systems[:n], PropertySettings(what=("relax", "frequencies"), max_steps=400))


def scans(n):
    made = []
    for name in ("C2H2", "C2H6", "C2H4"):
        atoms = molecule(name)
        owners = np.linalg.norm(atoms.positions[:, None] - atoms.positions[:2], axis=-1).argmin(axis=1)
        coordinate, positions = bond_scan(atoms.positions, atoms.numbers, 0, 1, owners, 12)
        cell = np.zeros((3, 3))
        made.append(Scan(name, "bond", "C-C", atoms.numbers, coordinate, positions, indices=(0, 1), cell=cell))
    return Suite("few", "", None, None, "", tuple(made[:n]))


TASKS = {
    "scans": lambda n: ScanTask(scans(n)),
    "jumps": lambda n: JumpTask(scans(n)),
    "md": dynamics,
    "properties": properties,
}


def answers(task, folder, **settings):
    """Every number that is kept of ``task`` in ``folder`` after it ran there, by item."""
    settings = Settings(device="cpu", folder=folder, **settings)
    evaluation = evaluate([MODEL], [task], settings).rows[0].evaluations[task.name]
    store = Store(folder)
    return {
        record.id: {name: array.tobytes() for name, array in store.at(record.answer).arrays.items()}
        for record in evaluation.records
    }


@pytest.mark.parametrize("kind", TASKS)
def test_bits_do_not_depend_on_what_is_kept(kind, tmp_path):
    alone = answers(TASKS[kind](3), tmp_path / "alone")
    assert len(alone) == 3 and all(alone.values())
    answers(TASKS[kind](2), tmp_path / "after")  # another command, which knew two of the three
    assert answers(TASKS[kind](3), tmp_path / "after") == alone
    kept = sorted((tmp_path / "alone").rglob(f"{kind}-*.npz"))
    assert len(kept) == 3
    kept[1].unlink()  # as after a kill between two answers
    assert answers(TASKS[kind](3), tmp_path / "alone") == alone


@pytest.mark.parametrize("kind", ["scans", "md"])
def test_bits_do_not_depend_on_processes(kind, tmp_path, monkeypatch):
    """Scans are shared among them, runs of dynamics are one batch and stay together."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    one = answers(TASKS[kind](3), tmp_path / "one")
    assert answers(TASKS[kind](3), tmp_path / "two", processes=2) == one


def test_a_batch_is_felt(tmp_path):
    """Else nothing above could fail: a run of dynamics among two has other bits than among three."""
    few, all_of_them = answers(dynamics(2), tmp_path / "few"), answers(dynamics(3), tmp_path / "all")
    assert all(few[name] != all_of_them[name] for name in few)


def test_what_goes_to_a_node_does_not_grow_with_the_suite():
    few, many = (len(pickle.dumps(ScanTask(scans(n)).bare())) for n in (1, 3))
    assert few == many < len(pickle.dumps(ScanTask(scans(1)))) - scans(1).scans[0].positions.nbytes


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
def test_threads_sum_gradients_in_one_order():
    batch = AtomsBatch.from_atoms([molecule("C6H6")] * 8)
    threads, potential = torch.get_num_threads(), GuardedPotential(Gathering(depth=0.5, r0=1.1))
    torch.set_num_threads(2)
    try:
        first, *others = (potential.compute(batch).forces for _ in range(12))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(first, other) for other in others)
    assert not torch.are_deterministic_algorithms_enabled()
