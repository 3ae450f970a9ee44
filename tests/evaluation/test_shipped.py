"""The shipped models as a user runs them: each in the environment that it needs, through the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase.build import molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.models.naming import parse_model
from bsct_zoo.runtime.load import load_potential

ZOO = [sys.executable, "-m", "bsct_zoo"]


def potential(text):
    spec = parse_model(text)
    options = dict(spec.options)
    return load_potential(spec.adapter, spec.card, device="cpu", dtype="float64", options=options)


@pytest.mark.parametrize("name", ["mace", "transformer", "xtb", "ase:ase.calculators.emt.EMT"])
def test_batch_composition_does_not_matter(name):
    frames = []
    for seed, kind in enumerate(["CH3CH2OH", "H2O", "C2H6", "CH3CH2OH"]):
        atoms = molecule(kind)
        atoms.rattle(0.05, seed=seed)
        frames.append(atoms)
    with potential(name) as surface:
        together = surface.compute(AtomsBatch.from_atoms(frames))
        start = 0
        for k, atoms in enumerate(frames):
            alone = surface.compute(AtomsBatch.from_atoms(atoms))
            assert together.energy[k].item() == pytest.approx(alone.energy.item(), abs=1e-10)
            assert (together.forces[start : start + len(atoms)] - alone.forces).abs().max() < 1e-10
            start += len(atoms)


def test_mace_in_its_environment_has_forces_that_are_the_gradient():
    atoms, h = molecule("CH3CH2OH"), 1e-4
    atoms.rattle(0.05, seed=0)
    with potential("mace") as surface:
        forces = surface.compute(AtomsBatch.from_atoms(atoms)).forces
        for a, c in [(0, 0), (3, 1), (8, 2)]:
            frames = [atoms.copy(), atoms.copy()]
            frames[0].positions[a, c] += h
            frames[1].positions[a, c] -= h
            ends = surface.compute(AtomsBatch.from_atoms(frames)).energy
            assert forces[a, c].item() == pytest.approx(-(ends[0] - ends[1]).item() / (2 * h), abs=1e-6)


FAMILIES = ("mace", "nequip", "equiformer", "transformer")


def test_shipped_models_were_trained_alike():
    """The same frames, budget, loss and averaging, the same type of machine, and nearly the same size."""
    cards = {name: parse_model(name).card for name in (*FAMILIES, "transformer:paper")}
    for name, card in cards.items():
        assert [*card.notes["data_sha256"].values()] == [*cards["mace"].notes["data_sha256"].values()]
        alike = "transformer" if name.startswith("transformer") else "mace"  # which takes no charge: no ions
        assert card.notes["frames"] == cards[alike].notes["frames"]
    assert cards["mace"].notes["frames"]["train"] < cards["transformer"].notes["frames"]["train"]
    for key in ("processor", "python"):
        assert len({card.notes["machine"][key] for card in cards.values()}) == 1, key
    for key in ("budget_s", "seed", "dtype", "loss", "energy_weight", "force_weight", "ema_decay", "clip"):
        assert len({card.notes["settings"][key] for card in cards.values()}) == 1, key
    for card in cards.values():
        assert card.notes["spent_s"] == pytest.approx(card.notes["settings"]["budget_s"], rel=0.05)
        assert Path(card.checkpoint).stat().st_size < 5e6
    counts = [card.parameters for card in cards.values()]
    assert max(counts) / min(counts) < 1.15


@pytest.mark.parametrize("name", ["transformer", "transformer:medium", "transformer:paper"])
def test_the_transformers_know_an_ion_from_a_radical(name):
    """Forces of acetate are nearer to the reference's of the ion than to those of the radical at the same place."""
    ion = molecule("CH3COOH")
    del ion[3]  # the proton
    ion.set_initial_magnetic_moments(None)
    radical = ion.copy()
    ion.info.update(charge=-1, spin=1)
    radical.info.update(charge=0, spin=2)
    with potential("xtb@electronic_temperature=3000") as reference:
        of_ion, of_radical = reference.compute(AtomsBatch.from_atoms([ion, radical])).forces.reshape(2, -1, 3)
    with potential(name) as surface:
        assert surface.info.supports_charge_spin
        forces = surface.compute(AtomsBatch.from_atoms(ion)).forces
    assert (forces - of_ion).abs().mean() < (forces - of_radical).abs().mean() / 2


def test_first_command(tmp_path):
    """What README's first screen shows, on a few scans."""
    command = [*ZOO, "compare", "mace", "transformer", "--limit", "3", "--json", "-", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["model"] for row in rows] == ["mace", "transformer"]
    mace, transformer = (row["evaluations"]["core"] for row in rows)
    assert mace["status"] == transformer["status"] == "ok"
    assert mace["values"]["fsd_full"] > 0 and transformer["values"]["fsd_full"] > 0
    assert mace["versions"]["mace-torch"].startswith("0.3")


def answers(cache):
    return sorted(path for path in cache.glob("answers/*/scans-*.npz"))


def started(cache, *arguments, at_least=1):
    """A comparison under way, with some of its answers kept."""
    environment = os.environ | {"BSCT_ZOO_CACHE": str(cache)}
    process = subprocess.Popen(
        [*ZOO, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    until = time.monotonic() + 240
    while len(answers(cache)) < at_least and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    return process


@pytest.fixture
def own_cache(tmp_path):
    """A cache of its own that shares the environments already made."""
    cache = tmp_path / "cache"
    cache.mkdir()
    environments = Path(os.environ["BSCT_ZOO_CACHE"]) / "environments"
    environments.mkdir(parents=True, exist_ok=True)
    (cache / "environments").symlink_to(environments)
    return cache


def test_killing_the_main_process_loses_nothing(own_cache, tmp_path):
    arguments = ["compare", "mace", "--limit", "9", "--dtype", "float64", "--max-batch-atoms", "200", "--quiet"]
    process = started(own_cache, *arguments)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in answers(own_cache)}
    assert 0 < len(kept) < 9
    environment = os.environ | {"BSCT_ZOO_CACHE": str(own_cache)}
    command = [*ZOO, *arguments, "--json", "-"]
    again = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    fresh = subprocess.run([*command, "--no-cache"], capture_output=True, text=True, env=environment, check=True)
    found, expected = (json.loads(done.stdout)["rows"][0]["evaluations"]["core"] for done in (again, fresh))
    ours, others = ({k: v for k, v in one["values"].items() if k != "ms_per_frame"} for one in (found, expected))
    assert ours == pytest.approx(others, rel=1e-6, abs=1e-9)
    assert [record["status"] for record in found["records"]] == ["ok"] * 9


def children(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def test_killing_a_worker_costs_its_row_alone(own_cache):
    arguments = ["compare", "mace", "transformer", "--limit", "9", "--max-batch-atoms", "200", "--quiet", "--json", "-"]
    process = started(own_cache, *arguments)
    workers = children(process.pid)
    assert workers
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    mace, transformer = (row["evaluations"]["core"] for row in json.loads(out)["rows"])
    assert mace["status"] == "partial" and "SIGKILL" in mace["message"]
    assert 0 < sum(record["status"] == "failed" for record in mace["records"]) < 9
    assert transformer["status"] == "ok"
    assert np.isfinite(mace["values"]["fsd_full"])
