import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from bsct_zoo_toy import adapter
from bsct_zoo_toy.loader import LennardJones

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, ModelError, OutOfMemoryError, UnknownElementError
from bsct_zoo.runtime.load import load_potential
from bsct_zoo.runtime.protocol import ProtocolError
from bsct_zoo.runtime.remote import RemotePotential

TOY = adapter()


def remote(mode="good", dtype="float64", timeout=60.0, threads=None):
    return RemotePotential(
        sys.executable,
        TOY,
        TOY.cards[0],
        device="cpu",
        dtype=dtype,
        options={"mode": mode},
        timeout=timeout,
        threads=threads,
    )


@pytest.fixture(scope="module")
def good():
    with remote() as potential:
        yield potential


def gone(pid, within=10.0):
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


# -- answers -----------------------------------------------------------------------------------------------


def test_the_same_numbers_as_here(good, ethanol):
    batch = ethanol(7)
    here = LennardJones(TOY.cards[0], "cpu", "float64", "good").compute(batch)
    there = good.compute(batch)
    assert torch.equal(there.energy, here.energy) and torch.equal(there.forces, here.forces)
    assert there.stress is None
    assert good.seconds > 0
    assert good.info == LennardJones(TOY.cards[0], "cpu", "float64", "good").info


def test_a_batch_larger_than_the_pipes(ethanol):
    n = 200_000
    positions = torch.rand(n, 3, dtype=torch.float64)
    batch = AtomsBatch.from_arrays(positions.numpy(), torch.ones(n).numpy(), torch.ones(n, dtype=torch.long).numpy())
    with remote("cheap") as potential:
        assert torch.equal(potential.compute(batch).forces, -2 * positions)


def test_float32_models_get_positions_in_float64(ethanol):
    with remote(dtype="float32") as potential:
        prediction = potential.compute(ethanol(2).to(dtype=torch.float32))
        assert prediction.energy.dtype == torch.float64 and prediction.forces.dtype == torch.float32


def test_an_empty_batch(good):
    prediction = good.compute(AtomsBatch.from_atoms([]))
    assert prediction.energy.shape == (0,) and prediction.forces.shape == (0, 3)


def test_from_several_threads(good, ethanol):
    batches = [ethanol(n) for n in range(1, 9)]
    found = [None] * len(batches)

    def ask(k):
        found[k] = good.compute(batches[k])

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(len(batches))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [len(p.energy) for p in found] == list(range(1, 9))


def test_started_in_a_thread_that_ended(ethanol):
    made = []
    thread = threading.Thread(target=lambda: made.append(remote()))
    thread.start()
    thread.join()
    with made[0] as potential:
        time.sleep(0.2)
        assert potential.compute(ethanol(1)).energy.shape == (1,)


def test_threads_reach_the_worker():
    with pytest.raises(ModelError, match="RuntimeError: 1 1"):
        remote("threads", threads=1)


# -- misbehaviour that the worker survives -----------------------------------------------------------------


def test_what_a_model_prints_or_reads_harms_nobody(ethanol):
    with remote("chatty") as potential:
        for n in (1, 2):
            assert potential.compute(ethanol(n)).energy.shape == (n,)
        end = time.monotonic() + 5
        while "so does its library" not in potential.log_tail and time.monotonic() < end:
            time.sleep(0.01)
        assert "so does its library" in potential.log_tail


@pytest.mark.parametrize("mode", ["memory", "cpu_memory"])
def test_out_of_memory_comes_back_as_such(mode, ethanol):
    with remote(mode) as potential:
        for _ in range(2):
            with pytest.raises(OutOfMemoryError):
                potential.compute(ethanol(1))


def test_unknown_elements_come_back_as_such(good, ethanol):
    from ase import Atoms

    with pytest.raises(UnknownElementError, match="does not know He"):
        good.compute(AtomsBatch.from_atoms(Atoms("HeH", [[0, 0, 0], [0, 0, 1]])))
    assert good.compute(ethanol(1)).energy.shape == (1,)


def test_a_bug_is_one_line_with_its_traceback_kept(ethanol):
    with remote("raise") as potential:
        with pytest.raises(ModelError) as caught:
            potential.compute(ethanol(1))
        assert "\n" not in str(caught.value) and str(caught.value).startswith("KeyError")
        assert "misbehave" in caught.value.log_tail


def test_wrong_shapes_are_refused(ethanol):
    with remote("badshape") as potential, pytest.raises(ModelError, match=r"forces has shape \[1, 3\], expected \[9"):
        potential.compute(ethanol(1))


def test_a_refused_option_is_bad_input():
    with pytest.raises(BadInputError, match="no such mode"):
        remote("refuse")


# -- misbehaviour that costs the worker --------------------------------------------------------------------


def test_a_killed_worker(ethanol):
    with remote("die") as potential:
        with pytest.raises(ModelError, match=r"killed by signal SIGKILL \(out of memory\?\)") as caught:
            potential.compute(ethanol(1))
        assert "last words" in caught.value.log_tail
        with pytest.raises(ModelError, match="SIGKILL"):
            potential.compute(ethanol(1))


def test_a_worker_that_exits(ethanol):
    with remote("exit") as potential, pytest.raises(ModelError, match="exit code 3"):
        potential.compute(ethanol(1))


@pytest.mark.parametrize("mode", ["hang", "spin"])
def test_a_hanging_worker_is_stopped(mode, ethanol):
    with remote(mode) as potential:
        potential._timeout, started = 1.0, time.monotonic()
        with pytest.raises(ModelError, match="no answer in 1 s, stopped"):
            potential.compute(ethanol(1))
        assert time.monotonic() - started < 5
        assert gone(potential.pid)


def test_garbage_for_an_answer(ethanol):
    with remote("garbage") as potential, pytest.raises(ProtocolError, match="invalid data"):
        potential.compute(ethanol(1))


def test_an_interpreter_that_is_not_there():
    with pytest.raises(ModelError, match="cannot start"):
        RemotePotential("/nowhere/python", TOY, TOY.cards[0], device="cpu", dtype="float64", options={})


def test_an_interpreter_without_torch(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    with pytest.raises(ModelError, match="exit code 1") as caught:
        RemotePotential(
            tmp_path / "bare" / "bin" / "python", TOY, TOY.cards[0], device="cpu", dtype="float64", options={}
        )
    assert "ModuleNotFoundError" in caught.value.log_tail


def test_closing_ends_the_worker():
    potential = remote()
    potential.close()
    potential.close()
    assert gone(potential.pid)
    with pytest.raises(ModelError, match="closed"):
        potential.compute(AtomsBatch.from_atoms([]))


@pytest.mark.parametrize("mode", ["good", "hang"])
def test_a_worker_does_not_outlive_its_host(mode):
    script = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent / "plugins")!r})
from ase.build import molecule
from bsct_zoo_toy import adapter
from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.runtime.remote import RemotePotential
toy = adapter()
potential = RemotePotential(sys.executable, toy, toy.cards[0], device="cpu", dtype="float64",
                            options={{"mode": {mode!r}}})
print(potential.pid, flush=True)
while True:
    potential.compute(AtomsBatch.from_atoms(molecule("H2O")))
"""
    root = Path(__file__).parents[2]
    host = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root)
    pid = int(host.stdout.readline())
    time.sleep(0.5)
    host.send_signal(signal.SIGKILL)
    host.wait()
    host.stdout.close()
    assert gone(pid)


# -- in this interpreter, by the same rules ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "kind"), [("memory", OutOfMemoryError), ("cpu_memory", OutOfMemoryError), ("raise", ModelError)]
)
def test_errors_of_a_local_model_are_ours_too(mode, kind, ethanol):
    with load_potential(TOY, TOY.cards[0], device="cpu", options={"mode": mode}) as potential:
        with pytest.raises(kind) as caught:
            potential.compute(ethanol(1))
        assert "misbehave" in caught.value.log_tail and "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="RuntimeError"):
        load_potential(TOY, TOY.cards[0], device="cpu", options={"mode": "sees"})
