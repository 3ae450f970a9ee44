"""Curves in results: decoded, they give the numbers of the record again."""

import base64
import json

import numpy as np
import pytest

from bsct_zoo.evaluation.curves import decode, encode, scan_equilibrium
from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.results import json_text, read_results
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.evaluation.store import Store
from bsct_zoo.evaluation.tasks import parse_task
from bsct_zoo.models.naming import parse_model
from bsct_zoo.suites.library import open_suite


@pytest.fixture(scope="module")
def suite():
    return open_suite("core").select(limit=3)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(folder=tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def results(suite, settings):
    tasks = [ScanTask(suite), parse_task("nve@time=0.05,molecules=H2CO")]
    return evaluate([parse_model("transformer")], tasks, settings)


def test_a_curve_is_float32_and_gaps_stay_gaps():
    values = np.array([1.5, np.nan, -(2.0**34), 1e300])
    assert np.array_equal(decode(encode(values)), [1.5, np.nan, -(2.0**34), np.nan], equal_nan=True)
    assert np.array_equal(np.frombuffer(base64.b64decode(encode(values)), "<f4"), decode(encode(values)), True)


def test_curves_of_scans_give_the_scores_again(results, suite, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json_text(results))
    results = read_results(path)
    task = results.tasks[0]
    for record in results.rows[0].evaluations["core"].records:
        scan = suite[record.id]
        reference = {name: decode(text) for name, text in task.curves[record.id].items()}
        own = {name: decode(text) for name, text in record.curves.items()}
        x, d, e = reference["coordinate"], own["log_ratio"], scan_equilibrium(scan)
        assert np.abs(np.diff(d) / np.diff(x)).max() == pytest.approx(record.metrics["fsd_full"], rel=1e-4)
        assert own["energy"][e] == reference["energy"][e] == 0 == reference["energy"].min()
        error = np.abs(own["energy"] - reference["energy"]).mean()
        assert error == pytest.approx(record.metrics["energy_mae_aligned_full"], rel=1e-4)
        # both forces are the slope of their energies, as far as differences of 0.02 Å tell
        for curves in (reference, own):
            slope = np.gradient(curves["energy"], x)[e - 5 : e + 20]
            assert np.allclose(-slope, curves["force"][e - 5 : e + 20], atol=0.02 * np.abs(slope).max() + 0.1)


def test_results_point_to_the_whole_answer(results, suite, settings):
    store = Store(settings.ready().store_folder)
    for record in results.rows[0].evaluations["core"].records:
        answer = store.at(record.answer)
        assert answer.arrays["forces"].shape == (suite[record.id].n_frames, suite[record.id].n_atoms, 3)
    for place in ("", "../../etc/passwd", "0" * 64 + "/scans-../x.npz", "0" * 64 + "/scans-" + "0" * 64 + ".npz"):
        assert store.at(place) is None


def test_without_a_store_they_point_nowhere(suite):
    row = evaluate([parse_model("transformer")], [ScanTask(suite.select(limit=1))], Settings(use_store=False)).rows[0]
    (record,) = row.evaluations["core"].records
    assert record.answer == "" and record.curves


def test_a_run_shows_its_energy_and_temperature(results):
    (record,) = results.rows[0].evaluations["nve"].records
    curves = {name: decode(text) for name, text in record.curves.items()}
    assert curves["time"][[0, -1]] == pytest.approx([0, 0.05]) and len(curves["time"]) == 101
    assert curves["energy"][0] == 0
    assert curves["temperature"].max() == pytest.approx(record.metrics["max_temperature"], rel=1e-3)
    assert curves["temperature"].mean() == pytest.approx(record.metrics["temperature"], rel=1e-3)


def test_size_is_that_of_the_docs(results):
    """About 2 kB a scan and model on top of the numbers (docs/json.md)."""
    records = results.to_json()["rows"][0]["evaluations"]["core"]["records"]
    sizes = [len(json.dumps([record["curves"], record["answer"]])) for record in records]
    assert 1500 < np.mean(sizes) < 2000
