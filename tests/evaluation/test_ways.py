"""How a model shares the cores: the decision itself, and a second command that goes the same way without measuring."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bsct_zoo.cli.main import app
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation import asking, model, trial
from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.events import Beat, Message
from bsct_zoo.evaluation.records import numerics_note
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings, processes_of
from bsct_zoo.evaluation.store import Store
from bsct_zoo.evaluation.throughput import shared_cores
from bsct_zoo.evaluation.ways import ADVANTAGE, SIZES, Numerics, Way, best_size, bounded, fastest, fits, pays_off, ways
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.cards import Adapter, ModelCard
from bsct_zoo.potentials.batching import default_atoms
from bsct_zoo.runtime import memory
from bsct_zoo.suites.library import open_suite

sys.path.append(str(Path(__file__).parents[1] / "dynamics"))
from surfaces import Morse

NAP_S = 0.4  # of a model for each batch, so much that a busy machine does not decide what is fastest


# -- the decision ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cores", "most", "expected"),
    [
        (1, 9, [Way(1, 1)]),
        (2, 9, [Way(1, 2), Way(2, 1)]),
        (3, 9, [Way(1, 3), Way(3, 1)]),
        (4, 9, [Way(1, 4), Way(2, 2), Way(4, 1)]),
        (8, 9, [Way(1, 8), Way(4, 2), Way(8, 1)]),
        (8, 6, [Way(1, 8), Way(4, 2), Way(6, 1)]),
        (8, 3, [Way(1, 8), Way(3, 2)]),
        (8, 1, [Way(1, 8)]),
        (8, 0, [Way(1, 8)]),
    ],
)
def test_ways_to_share_cores(cores, most, expected):
    assert ways(cores, most) == expected


@settings(deadline=None)  # of a busy machine
@given(st.integers(1, 256), st.integers(0, 300))
def test_no_way_takes_more_than_there_is(cores, most):
    one, *others = ways(cores, most)
    assert one == Way(1, cores)
    assert all(2 <= way.processes <= most and way.threads * way.processes <= cores for way in others)
    assert len({way.threads for way in (one, *others)}) == len(others) + 1 or cores == 1


@settings(deadline=None)
@given(st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=3))
def test_the_fastest_way_is_taken_if_it_is_faster_by_more_than_chance(rates):
    one, *others = ways(4, 4)
    way, gain = fastest(dict(zip((one, *others), rates, strict=True)), one)
    if max(rates) < ADVANTAGE * rates[0]:
        assert (way, gain) == (one, 1.0)
    else:
        assert rates[[one, *others].index(way)] == max(rates)
        assert gain == max(rates) / rates[0]


def test_a_way_that_failed_is_not_taken():
    assert fastest({Way(1, 2): 1e-9}, Way(1, 2)) == (Way(1, 2), 1.0)


def test_measuring_pays_off_where_a_fifth_of_what_is_left_is_more_than_its_cost():
    others = [Way(2, 1)]  # 10 s to load, 3 s of the trial that may become 6 s on one thread
    assert not pays_off(79, 10, 3, others, 2)
    assert pays_off(80, 10, 3, others, 2)
    assert not pays_off(80, 10, 3, [*others, Way(1, 2)], 2)


@pytest.mark.parametrize(
    ("available", "each", "expected"), [(None, 1.0, None), (1000.0, None, None), (1000.0, 300.0, 2), (100.0, 300.0, 0)]
)
def test_processes_that_fit_into_memory(available, each, expected):
    assert fits(available, each) == expected


def test_bounds_keep_the_threads():
    assert bounded(Way(8, 1), 3, None) == Way(3, 1)
    assert bounded(Way(8, 1), 9, 4) == Way(5, 1)
    assert bounded(Way(4, 2), 9, 0) == Way(1, 2)


def test_memory_that_the_cgroups_leave(tmp_path):
    for folder, limit, used, dropped in (("", "max", 5, 0), ("a", "9000000", 4000000, 1000000), ("a/b", "max", 1, 0)):
        place = tmp_path / "root" / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / "memory.max").write_text(limit)
        (place / "memory.current").write_text(str(used))
        (place / "memory.stat").write_text(f"anon 1\ninactive_file {dropped}\n")
    (tmp_path / "own").write_text("0::/a/b\n")
    assert list(memory._left_mb(tmp_path / "root", tmp_path / "own")) == [float("inf"), 6.0]
    (tmp_path / "old" / "memory" / "a").mkdir(parents=True)
    (tmp_path / "old" / "memory" / "a" / "memory.limit_in_bytes").write_text("7000000")
    (tmp_path / "old" / "memory" / "a" / "memory.usage_in_bytes").write_text("3000000")
    (tmp_path / "old" / "memory" / "a" / "memory.stat").write_text("cache 1\n")
    (tmp_path / "own").write_text("5:cpu,cpuacct:/a\n4:memory:/a\n")
    assert list(memory._left_mb(tmp_path / "old", tmp_path / "own")) == [float("inf"), 4.0]


def test_memory_of_this_machine():
    if not sys.platform.startswith("linux"):
        pytest.skip("nobody says")
    assert 0 < memory.available_mb() < 1e8


@pytest.mark.parametrize("text", ["-1", "two", "1.5", "", "AUTO", "²"])
def test_what_processes_may_not_be(text):
    with pytest.raises(BadInputError, match="a number of processes, or auto, not"):
        processes_of(text)
    assert [processes_of(word) for word in ("0", "3", 2, "auto")] == [0, 3, 2, "auto"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--processes", "two"], "--processes takes a number of processes, or auto, not 'two'"),
        (["--processes", "auto", "--ray", "local"], "--ray has processes of its own"),
    ],
)
def test_on_the_command_line(words, message):
    done = CliRunner().invoke(app, ["compare", "transformer", *words], standalone_mode=False)
    assert isinstance(done.exception, BadInputError) and message in str(done.exception)


def test_what_is_said_of_threads_and_batches():
    one, two, small = Numerics(1, 512), Numerics(2, 512), Numerics(1, 256)
    assert list(numerics_note([one, one, Numerics()], "scan")) == ["computed on 1 thread each (--processes auto)"]
    assert list(numerics_note([Numerics()], "scan")) == []
    (note,) = numerics_note([two, one, two], "scan")
    assert note.startswith("computed 1 scan on 1 thread each, 2 scans on 2 threads each: ")
    (note,) = numerics_note([small], "scan")
    assert note == "computed on 1 thread each in batches of 256 atoms (--processes auto)"


@settings(deadline=None)
@given(st.integers(0, 12), st.sampled_from([100, 512, 3000]))
def test_the_size_of_batches_that_is_fastest_is_found(best, start):
    """Where the rate has one maximum, at ``start`` doubled or halved some times, or at a bound."""
    asked = []

    def rate_of(size):
        asked.append(size)
        return 0.5 ** abs(np.log2(size / start) - (best - 6))

    found = best_size(rate_of, start)
    steps = [k for k in range(-6, 7) if k == 0 or SIZES[0] <= int(start * 2.0**k) <= SIZES[1]]
    assert found == int(start * 2.0 ** min(steps, key=lambda k: abs(k - (best - 6))))
    assert len(asked) == len(set(asked)) <= 3 + abs(best - 6)


def test_a_size_that_is_hardly_faster_or_fails_is_not_taken():
    assert best_size({512: 1.0, 256: 1.09, 128: 1.05, 1024: 1.05}.__getitem__, 512) == 512
    assert best_size({512: 1.0, 256: 0.0, 1024: 0.0}.__getitem__, 512) == 512


# -- a model under it --------------------------------------------------------------------------------------------


class Threads(Morse):
    """Its last digits depend on threads and on the batch, and so does its time: slow where ``mode`` says."""

    mode = ""

    def compute(self, batch):
        n = torch.get_num_threads()
        if self.mode == "dies" and n == 1:
            os._exit(1)
        if n == {"many": 2, "few": 1}.get(self.mode):
            time.sleep(NAP_S)
        if self.mode == "small":  # batches of 256 atoms are fastest
            time.sleep(NAP_S / 3 * abs(np.log2(batch.n_atoms / 256)))
        answer = super().compute(batch)
        return replace(answer, energy=answer.energy * (1 + 1e-12 * n + 1e-11 * batch.n_systems))


def load(card, device, dtype):
    model = Threads(depth=0.5, r0=1.1)
    model.mode = card.name
    return model


def model_of(mode):
    card = ModelCard(mode, mode, "Morse", "MIT", "a test")
    return ModelSpec(f"threads:{mode}", Adapter("threads", "for tests", f"{__name__}:load", (card,)), card, {})


@pytest.fixture(scope="module")
def suite():
    whole = open_suite("core").select(limit=4)
    return replace(whole, scans=tuple(sorted(whole.scans, key=lambda scan: scan.n_atoms)))


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    """Whatever this machine has; four scans stand for the hundreds that make measuring pay."""
    monkeypatch.setattr(trial, "pays_off", lambda *words: True)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr(model, "cores", lambda: 2)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def run(suite, folder, mode="many", n=4, listen=None, **settings):
    """The evaluation, the bits of every energy, and what was said."""
    events = []

    def hear(event):
        events.append(event)
        if listen is not None:
            listen(event)

    given = {"device": "cpu", "processes": "auto", "private": True, "folder": folder}
    if mode != "small":  # where the size of batches is not to be measured, on a machine that may be busy
        given["max_batch_atoms"] = default_atoms("cpu")
    settings = Settings(**{**given, **settings})
    part = replace(suite, scans=suite.scans[:n])
    (row,) = evaluate([model_of(mode)], [ScanTask(part)], settings, listen=hear).rows
    store, evaluation = Store(folder), row.evaluations[suite.name]
    bits = {record.id: store.at(record.answer).arrays["energy"].tobytes() for record in evaluation.records}
    return evaluation, bits, [event.text for event in events if isinstance(event, Message) and event.text != "loading"]


def test_the_second_command_goes_the_same_way_without_measuring(suite, tmp_path, monkeypatch):
    first, bits, said = run(suite, tmp_path / "auto")
    (text,) = said
    assert text.startswith("2 processes of one thread each, ")
    assert text.endswith(" times faster than one process of 2 threads (measured once, remembered)")
    assert first.threads == (1,) and first.notes[-1] == "computed on 1 thread each (--processes auto)"
    (kept,) = shared_cores(tmp_path / "auto", "threads:many")
    assert kept.text() == f"2 cores: {text.replace(' (measured once, remembered)', ' (float64, cpu)')}"
    two, expected, _ = run(suite, tmp_path / "two", processes=2)
    assert bits == expected and two.notes == first.notes[:-1]
    assert two.threads == (1,)
    monkeypatch.setattr(asking, "tried", lambda *words, **more: pytest.fail("it was measured already"))
    kept = sorted((tmp_path / "auto").rglob("scans-*.npz"))
    for path in kept[1:]:  # as after a kill
        path.unlink()
    again, same, said = run(suite, tmp_path / "auto")
    assert said == [text.replace("measured once, remembered", "remembered")]
    assert same == bits and again.notes == first.notes
    forced, other, _ = run(suite, tmp_path / "forced", again={("threads:many", suite.name): Numerics(2)}, n=2)
    assert forced.threads == (2,)  # as in results that are made again
    assert all(other[name] != bits[name] for name in other)  # so bits tell ways apart


def test_batches_of_the_size_that_is_fastest(suite, tmp_path, monkeypatch):
    first, bits, (text,) = run(suite, tmp_path / "auto", "small")
    assert text.endswith(", in batches of 256 atoms (measured once, remembered)")
    assert first.batch_atoms == (256,) and "in batches of 256 atoms" in first.notes[-1]
    monkeypatch.setattr(asking, "tried", lambda *words, **more: pytest.fail("it was measured already"))
    (tmp_path / "auto").joinpath(first.records[1].answer).unlink()  # as after a kill
    again, same, _ = run(suite, tmp_path / "auto", "small")
    assert same == bits and again.batch_atoms == (256,)
    place = ("threads:small", suite.name)
    forced, made, _ = run(suite, tmp_path / "a", "small", again={place: Numerics(first.threads[0], 256)})
    assert made == bits and forced.batch_atoms == (256,)  # as in results that are made again
    asked, made, _ = run(suite, tmp_path / "b", "small", processes=0, max_batch_atoms=256)
    assert asked.batch_atoms == (256,) and asked.threads == (2,)
    other, made, _ = run(suite, tmp_path / "c", "small", processes=0)
    assert other.batch_atoms == (512,) and all(made[name] != bits[name] for name in made)


@pytest.mark.parametrize("mode", ["few", "dies"])
def test_one_process_where_others_are_slower_or_die(suite, tmp_path, mode):
    evaluation, _, said = run(suite, tmp_path, mode)
    assert said == ["one process of 2 threads is as fast as several (measured once, remembered)"]
    assert evaluation.status == "ok" and evaluation.threads == (2,)
    ((cores, chosen),) = [(one.cores, one.chosen) for one in shared_cores(tmp_path, f"threads:{mode}")]
    assert (cores, chosen.threads, chosen.processes) == (2, 2, 1)


def test_little_work_is_not_measured(suite, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "pays_off", pays_off)
    monkeypatch.setattr(trial.Pool, "open", lambda *words: pytest.fail("a second process"))
    evaluation, _, (text,) = run(suite, tmp_path, "quick")
    assert "too little to measure other ways on" in text
    assert evaluation.status == "ok" and evaluation.threads == (2,) and not shared_cores(tmp_path, "threads:quick")


def test_no_memory_for_a_second_process(suite, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "available_mb", lambda: 1.0)
    evaluation, _, (text,) = run(suite, tmp_path)
    assert text.startswith("one process of 2 threads: there is no memory for more, ")
    assert evaluation.status == "ok" and not shared_cores(tmp_path, "threads:many")


def test_a_measurement_that_is_interrupted_is_made_again(suite, tmp_path):
    def stop(event):
        if isinstance(event, Beat):  # comes while processes are awaited
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(suite, tmp_path, listen=stop)
    assert not shared_cores(tmp_path, "threads:many") and not list(tmp_path.rglob("scans-*.npz"))


def test_without_a_store_it_is_measured_each_time(suite, tmp_path, monkeypatch):
    texts = []
    monkeypatch.setattr(asking, "tried", lambda *words, **more: texts.append(words) or trial.Trial(Way(1, 2)))
    settings = Settings(device="cpu", processes="auto", use_store=False)
    for _ in range(2):
        evaluate([model_of("quick")], [ScanTask(suite)], settings)
    assert len(texts) == 2
