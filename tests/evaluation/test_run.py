"""Comparisons: failures cost their own scans and rows, kept predictions load no model."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from bsct_zoo.evaluation.run import Settings, compare
from bsct_zoo.report.schema import SCHEMA
from jsonschema import validate

from bsct_zoo.errors import BadInputError, ModelError, OutOfMemoryError
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.cards import Adapter, ModelCard
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction
from bsct_zoo.report.files import json_text
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


def spec(mode):
    card = ModelCard(mode, mode, "springs", "MIT", "a test")
    adapter = Adapter("springs", "for tests", f"{__name__}:load", (card,))
    return ModelSpec(f"springs:{mode}", adapter, card, {})


@pytest.fixture
def suite():
    return open_suite("core").select(limit=9)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "cache"))
    LOADED.clear()


def one(suite, mode, **changes):
    (row,) = compare([spec(mode)], suite, Settings(**changes)).rows
    return row


def test_second_run_loads_no_model_and_says_the_same(suite):
    first, second = one(suite, "good"), one(suite, "good")
    assert LOADED == ["good"]
    assert second.cached and not first.cached
    assert replace(second, cached=False) == first


def test_what_is_missing_is_made(suite):
    one(suite.select(only="C-C/*"), "good")
    row = one(suite, "good")
    assert row.status == "ok" and not row.cached
    fresh = one(suite, "good", use_cache=False)
    assert fresh.metrics == pytest.approx(row.metrics, rel=1e-12)


def test_without_cache_nothing_is_kept(suite, tmp_path):
    one(suite, "good", use_cache=False)
    assert not (tmp_path / "cache").exists()


def test_unknown_elements_cost_their_scans(suite):
    row = one(suite, "few elements")
    assert row.status == "partial"
    for scan, result in zip(suite.scans, row.scans, strict=True):
        foreign = set(scan.atomic_numbers.tolist()) - {1, 6, 8}
        assert (result.status == "failed") == bool(foreign)
        assert not foreign or "does not know" in result.message
    assert row.counts["fsd_full"] == row.n_scans - row.n_failed


def test_a_failing_batch_costs_its_own_scan(suite):
    row = one(suite, "sulfur")
    failed = {r.id for r in row.scans if r.status == "failed"}
    assert failed == {s.id for s in suite.scans if 16 in s.atomic_numbers}
    assert all("cannot do sulfur" in r.message for r in row.scans if r.id in failed)


def test_no_answer_is_a_failed_scan_never_a_mean(suite):
    row = one(suite, "nan")
    failed = [r for r in row.scans if r.status == "failed"]
    assert failed and all("no answer for 100 of 100 frames" in r.message for r in failed)
    assert all(value is None or np.isfinite(value) for value in row.metrics.values())


@pytest.mark.parametrize("mode", ["always", "no load"])
def test_a_model_that_fails_costs_its_row(suite, mode):
    bad, good = compare([spec(mode), spec("good")], suite, Settings()).rows
    assert bad.status == "failed" and bad.message and bad.metrics["fsd_full"] is None
    assert good.status == "ok"


def test_what_a_user_can_mend_is_marked(suite):
    bad, good = compare([spec("damaged"), spec("no load")], suite, Settings()).rows
    assert bad.status == "failed" and bad.bad_input and "get it again" in bad.message
    assert good.status == "failed" and not good.bad_input


def test_out_of_memory_is_halved_and_remembered(suite):
    row = one(suite, "memory", max_batch_atoms=1000)
    assert row.status == "ok"
    reference = one(suite, "good", use_cache=False)
    assert row.metrics == pytest.approx(reference.metrics, rel=1e-12)


def test_jobs_do_not_change_results(suite):
    models = [spec("good"), spec("sulfur"), spec("nan")]
    in_turn = compare(models, suite, Settings(use_cache=False)).rows
    at_once = compare(models, suite, Settings(use_cache=False, jobs=3)).rows
    for a, b in zip(in_turn, at_once, strict=True):
        assert a.metrics == b.metrics and a.status == b.status


def test_json_is_schema_1(suite):
    comparison = compare([spec("good"), spec("nan"), spec("no load"), spec("crystals")], suite, Settings())
    data = json.loads(json_text(comparison))
    validate(data, SCHEMA)
    assert [len(row["notes"]) for row in data["rows"]] == [0, 0, 0, 1]
    assert data["rows"][0]["versions"]["bsct-zoo"]


def test_changed_code_does_not_meet_old_numbers(suite, monkeypatch):
    from bsct_zoo.models import identity

    one(suite, "good")
    monkeypatch.setattr(identity, "code_sha256", lambda package: "changed")
    one(suite, "good")
    assert LOADED == ["good", "good"]


def test_full_disk_keeps_the_results(suite, monkeypatch):
    from bsct_zoo.evaluation.cache import PredictionCache

    def full(self, key, scan, prediction):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PredictionCache, "write", full)
    comparison = compare([spec("good")], suite, Settings())
    assert comparison.rows[0].status == "ok"
    assert "No space left on device" in comparison.settings["cache_error"]


def test_cache_that_cannot_be_written(suite, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "file"))
    with pytest.raises(BadInputError, match="BSCT_ZOO_CACHE"):
        one(suite, "good")


def test_device_that_is_not_there(suite):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(BadInputError, match="device 'cuda' is not here"):
        one(suite, "good", device="cuda")


# -- what a row must say beside its numbers ------------------------------------------------------------------


def test_a_model_of_crystals_gets_molecules_in_boxes_and_the_row_says_so(suite):
    plain, crystals = compare([spec("good"), spec("crystals")], suite, Settings(use_cache=False)).rows
    assert crystals.status == "ok" and crystals.metrics == plain.metrics
    (note,) = crystals.notes
    assert "in a box, 9 Å of vacuum" in note
    assert plain.notes == ()


def test_no_box_is_spoken_of_where_none_was_needed(suite):
    cell = np.diag([30.0, 30.0, 30.0])
    periodic = replace(suite, scans=tuple(replace(s, cell=cell, pbc=(True, True, True)) for s in suite.scans))
    assert one(periodic, "crystals", use_cache=False).notes == ()


def test_a_charge_or_a_radical_that_is_ignored_is_counted(suite):
    first, second, *others = suite.scans
    ions = replace(suite, scans=(replace(first, charge=-1), replace(second, spin=2), *others))
    ignores, knows = compare([spec("good"), spec("charges")], ions, Settings(use_cache=False)).rows
    assert ignores.notes == ("2 of 9 scans with a charge or unpaired electrons, which the model ignores",)
    assert knows.notes == ()
    assert one(suite, "good", use_cache=False).notes == ()


def test_notes_are_kept_with_the_predictions(suite):
    for mode in ("crystals", "direct", "turns"):
        first, second = one(suite, mode), one(suite, mode)
        assert second.cached and second.notes == first.notes != ()
