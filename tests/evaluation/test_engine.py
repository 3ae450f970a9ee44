"""The engine: failures cost their own items and rows, kept answers load no model."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from jsonschema import validate

from bsct_zoo.errors import BadInputError, ModelError, OutOfMemoryError
from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.events import Done, Faults, Message, Progress, both
from bsct_zoo.evaluation.results import json_schema, json_text
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.evaluation.store import Shelf
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.cards import Adapter, ModelCard
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction
from bsct_zoo.suites.library import open_suite

LOADED: list[str] = []


class Springs(Potential):
    """Every atom bound to the mean of its system; misbehaves on demand."""

    def __init__(self, mode):
        self.mode, self.largest = mode, 0
        elements = frozenset({1, 6, 8}) if mode == "few elements" else None
        self.info = PotentialInfo(
            elements,
            5.0 if mode == "crystals" else None,
            "float64",
            "cpu",
            mode != "direct",
            "springs",
            "MIT",
            periodic_only=mode == "crystals",
            supports_charge_spin=mode == "charges",
            equivariant=mode != "turns",
        )

    def compute(self, batch):
        self.largest = max(self.largest, batch.n_atoms)
        sulfur = bool((batch.atomic_numbers == 16).any())
        if self.mode == "memory" and batch.n_atoms > 60:
            raise OutOfMemoryError("too much")
        if self.mode == "sulfur" and sulfur:
            raise ModelError("cannot do sulfur")
        if self.mode == "crystals" and not bool(batch.pbc.all()):
            raise ModelError("cannot do molecules")
        if self.mode == "always":
            raise ModelError("cannot do anything")
        n = batch.atoms_per_system.double()[:, None]
        mean = torch.zeros(batch.n_systems, 3, dtype=torch.float64).index_add(0, batch.system_idx, batch.positions) / n
        arm = batch.positions - mean[batch.system_idx]
        energy = torch.zeros(batch.n_systems, dtype=torch.float64).index_add(0, batch.system_idx, (arm**2).sum(1))
        forces = -2 * arm
        if self.mode == "nan" and sulfur:
            energy[batch.system_idx[batch.atomic_numbers == 16]] = torch.nan
        return Prediction(energy, forces)


def load(card, device, dtype):
    LOADED.append(card.name)
    if card.name == "no load":
        raise ModelError("does not come up")
    if card.name == "damaged":
        raise BadInputError("its file is damaged; get it again")
    return Springs(card.name)


def spec(mode, **facts):
    card = ModelCard(mode, mode, "springs", "MIT", "a test", **facts)
    adapter = Adapter("springs", "for tests", f"{__name__}:load", (card,))
    return ModelSpec(f"springs:{mode}", adapter, card, {})


@pytest.fixture
def suite():
    return open_suite("core").select(limit=9)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "cache"))
    LOADED.clear()


def run(suite, modes, listen=None, **changes):
    """Evaluations of models under a suite, and the events."""
    events = []
    listener = events.append if listen is None else both(events.append, listen)
    results = evaluate([spec(mode) for mode in modes], [ScanTask(suite)], Settings(**changes), listen=listener)
    return [row.evaluations[suite.name] for row in results.rows], events


def one(suite, mode, **changes):
    (evaluation,), events = run(suite, [mode], **changes)
    return evaluation, next(event for event in events if isinstance(event, Done))


def test_second_run_loads_no_model_and_says_the_same(suite):
    (first, before), (second, after) = one(suite, "good"), one(suite, "good")
    assert LOADED == ["good"]
    assert after.cached and not before.cached
    assert second == first


def test_what_is_missing_is_made(suite):
    one(suite.select(only="C-C/*"), "good")
    evaluation, done = one(suite, "good")
    assert evaluation.status == "ok" and not done.cached
    fresh, _ = one(suite, "good", use_store=False)
    assert fresh.values == pytest.approx(evaluation.values, rel=1e-12)


def test_suites_share_the_scans_that_they_have_in_common(suite):
    one(suite, "good")
    renamed = replace(suite, name="other", scans=tuple(replace(s, id=f"x/{s.id}") for s in suite.scans))
    assert one(renamed, "good")[1].cached and LOADED == ["good"]


def test_without_store_nothing_is_kept(suite, tmp_path):
    one(suite, "good", use_store=False)
    assert not (tmp_path / "cache").exists()


def test_unknown_elements_cost_their_scans(suite):
    evaluation, _ = one(suite, "few elements")
    assert evaluation.status == "partial"
    for scan, record in zip(suite.scans, evaluation.records, strict=True):
        foreign = set(scan.atomic_numbers.tolist()) - {1, 6, 8}
        assert (record.status == "failed") == bool(foreign)
        assert not foreign or "does not know" in record.message
        assert not foreign or set(record.missing) == {record.message}
    assert evaluation.counts["fsd_full"] == len(evaluation.records) - evaluation.n_failed


def test_a_failing_batch_costs_its_own_scan(suite):
    evaluation, _ = one(suite, "sulfur")
    failed = {r.id for r in evaluation.records if r.status == "failed"}
    assert failed == {s.id for s in suite.scans if 16 in s.atomic_numbers}
    assert all("cannot do sulfur" in r.message for r in evaluation.records if r.id in failed)


def test_no_answer_is_a_failed_scan_never_a_mean(suite):
    evaluation, _ = one(suite, "nan")
    failed = [r for r in evaluation.records if r.status == "failed"]
    assert failed and all("no answer for 100 of 100 frames" in r.message for r in failed)
    assert all(value is None or np.isfinite(value) for value in evaluation.values.values())


@pytest.mark.parametrize("mode", ["always", "no load"])
def test_a_model_that_fails_costs_its_row(suite, mode):
    (bad, good), _ = run(suite, [mode, "good"])
    assert bad.status == "failed" and bad.message and bad.values["fsd_full"] is None
    assert good.status == "ok"


def test_what_a_user_can_mend_is_told_apart(suite):
    faults = Faults()
    (bad, good), _ = run(suite, ["damaged", "no load"], listen=faults)
    assert bad.status == "failed" and "get it again" in bad.message
    assert good.status == "failed"
    assert faults.lines == ["springs:damaged: its file is damaged; get it again"]


def test_out_of_memory_is_halved_and_remembered(suite):
    evaluation, _ = one(suite, "memory", max_batch_atoms=1000)
    assert evaluation.status == "ok"
    reference, _ = one(suite, "good", use_store=False)
    assert evaluation.values == pytest.approx(reference.values, rel=1e-12)


def test_jobs_do_not_change_results(suite):
    modes = ["good", "sulfur", "nan"]
    in_turn, _ = run(suite, modes, use_store=False)
    at_once, _ = run(suite, modes, use_store=False, jobs=3)
    for a, b in zip(in_turn, at_once, strict=True):
        assert a.values == b.values and a.status == b.status


def test_json_fits_its_schema_and_nothing_is_averaged_away(suite):
    modes = ["good", "nan", "no load", "crystals"]
    results = evaluate([spec(mode) for mode in modes], [ScanTask(suite)])
    data = json.loads(json_text(results))
    validate(data, json_schema())
    assert [len(row["evaluations"]["core"]["notes"]) for row in data["rows"]] == [0, 0, 0, 1]
    assert data["rows"][0]["evaluations"]["core"]["versions"]["bsct-zoo"]
    record = data["rows"][0]["evaluations"]["core"]["records"][0]
    assert (record["charge"], record["multiplicity"], record["pbc"]) == (0, 1, [False] * 3)


def test_changed_code_does_not_meet_old_numbers(suite, monkeypatch):
    from bsct_zoo.models import identity

    one(suite, "good")
    monkeypatch.setattr(identity, "code_sha256", lambda package: "changed")
    one(suite, "good")
    assert LOADED == ["good", "good"]


def test_full_disk_keeps_the_results(suite, monkeypatch):
    def full(self, kind, key, answer):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Shelf, "write", full)
    faults = Faults()
    (evaluation,), _ = run(suite, ["good"], listen=faults)
    assert evaluation.status == "ok"
    assert len(faults.lines) == 1 and "No space left on device" in faults.lines[0]


def test_cache_that_cannot_be_written(suite, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "file"))
    with pytest.raises(BadInputError, match="BSCT_ZOO_CACHE"):
        one(suite, "good")


def test_a_store_that_can_only_be_read_is_enough_where_all_is_there(suite, tmp_path, monkeypatch):
    first, _ = one(suite, "good")
    monkeypatch.setattr("bsct_zoo.evaluation.settings.writable", lambda folder: pytest.fail("nothing is to be written"))
    assert one(suite, "good")[0] == first


def test_device_that_is_not_there(suite):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(BadInputError, match="device 'cuda' is not here"):
        one(suite, "good", device="cuda")


def test_two_tasks_of_one_name_are_refused(suite):
    with pytest.raises(BadInputError, match="two tasks are called core"):
        evaluate([spec("good")], [ScanTask(suite), ScanTask(suite)])


def test_several_tasks_load_the_model_once(suite):
    other = replace(suite, name="other", scans=suite.scans[:2])
    results = evaluate([spec("good")], [ScanTask(suite), ScanTask(other)], Settings(use_store=False))
    assert LOADED == ["good"]
    assert list(results.rows[0].evaluations) == ["core", "other"]
    assert results.value(results.rows[0], "other_fsd_full") is not None


def test_a_damaged_answer_is_dropped_said_and_made_again(suite, tmp_path):
    first, _ = one(suite, "good")
    path = sorted((tmp_path / "cache" / "answers").glob("*/scans-*.npz"))[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (again,), events = run(suite, ["good"])
    assert {**again.values} == first.values and LOADED == ["good", "good"]
    said = [event.text for event in events if isinstance(event, Message) and "damaged" in event.text]
    assert said == [f"dropped a damaged file of the cache, {path.name}; it is computed again"]


def test_a_listener_may_stop_the_run_and_what_was_done_is_kept(suite):
    def stop(event):
        if isinstance(event, Progress) and event.done > event.total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(suite, ["good"], listen=stop, max_batch_atoms=500)
    (evaluation,), events = run(suite, ["good"], max_batch_atoms=500)
    assert evaluation.status == "ok"
    assert max(event.total for event in events if isinstance(event, Progress)) < sum(s.n_frames for s in suite.scans)


# -- what a row must say beside its numbers ------------------------------------------------------------------


def test_a_model_of_crystals_gets_molecules_in_boxes_and_the_row_says_so(suite):
    (plain, crystals), _ = run(suite, ["good", "crystals"], use_store=False)
    assert crystals.status == "ok" and crystals.values == plain.values
    (note,) = crystals.notes
    assert "in a box, 9 Å of vacuum" in note
    assert plain.notes == ()


def test_no_box_is_spoken_of_where_none_was_needed(suite):
    cell = np.diag([30.0, 30.0, 30.0])
    periodic = replace(suite, scans=tuple(replace(s, cell=cell, pbc=(True, True, True)) for s in suite.scans))
    evaluation, _ = one(periodic, "crystals", use_store=False)
    assert evaluation.notes == () and all(record.pbc == (True, True, True) for record in evaluation.records)


def test_a_charge_or_a_radical_that_is_ignored_is_counted(suite):
    first, second, *others = suite.scans
    ions = replace(suite, scans=(replace(first, charge=-1), replace(second, spin=2), *others))
    (ignores, knows), _ = run(ions, ["good", "charges"], use_store=False)
    assert ignores.notes == ("2 of 9 scans with a charge or unpaired electrons, which the model ignores",)
    assert knows.notes == ()
    assert (knows.records[0].charge, knows.records[1].multiplicity) == (-1, 2)
    assert one(suite, "good", use_store=False)[0].notes == ()


def test_charges_and_multiplicities_beyond_the_training_are_counted(suite):
    first, second, *others = suite.scans
    ions = ScanTask(replace(suite, scans=(replace(first, charge=-1), replace(second, spin=2), *others)))

    def notes(mode, *states):
        results = evaluate([spec(mode, states=states)], [ions], Settings(use_store=False))
        return results.rows[0].evaluations[suite.name].notes

    said = "of 9 scans with what the model was not trained on: "
    assert notes("charges", (0, 1)) == (f"2 {said}charge -1, multiplicity 1; charge 0, multiplicity 2",)
    assert notes("charges", (0, 1), (-1, 1)) == (f"1 {said}charge 0, multiplicity 2",)
    assert notes("charges", (0, 1), (-1, 1), (0, 2)) == notes("charges") == ()
    assert notes("good", (0, 1)) == ("2 of 9 scans with a charge or unpaired electrons, which the model ignores",)


def test_notes_are_kept_with_the_answers(suite):
    for mode in ("crystals", "direct", "turns"):
        (first, _), (second, done) = one(suite, mode), one(suite, mode)
        assert done.cached and second.notes == first.notes != ()


# -- several processes of one model ---------------------------------------------------------------------------


def test_processes_share_the_items_and_say_the_same(suite, monkeypatch):
    """Each process has a model of its own; the answers are those of one model."""
    from pathlib import Path

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    one_model, _ = one(suite, "good", use_store=False)
    shared, _ = one(suite, "good", use_store=False, processes=2)
    assert shared.status == "ok"
    assert shared.values == pytest.approx(one_model.values, rel=1e-12)
