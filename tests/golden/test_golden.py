"""Numbers of bsct-zoo 0.1.0: the same commands give them still.

``numbers.json.gz`` and ``correlate.txt`` were written by version 0.1.0 (commit ca978b3) with the commands of
``CASES`` and of the tests, our own models with the weights of that time, which lie in ``weights``; ``select.txt`` by
0.2.0, which compares means over the scans that every model has. Models that run in this interpreter are tested always;
those with an environment of their own where ``BSCT_ZOO_GOLDEN=all`` is set, as ``.ci/run`` does.

Numbers agree to 1e-12 on the model of processor and the torch that they were made with, and to 1e-3 elsewhere. GFN2-xTB
sums over threads in no fixed order, and the untrained eSCAIP is random: of these two less is asked. MACE is computed
without TorchScript's fuser since 0.2, so that batches give the same bits, and rounds otherwise than 0.1.0 did. Crystals
are measured one by one since 0.2, for the same reason, and frequencies of phonons differ in their tenth digit.
"""

import dataclasses
import gzip
import json
import math
import os
import sys
from pathlib import Path

import msgspec
import pytest

from bsct_zoo.cli.main import main
from bsct_zoo.evaluation.results import read_results
from bsct_zoo.metrics.columns import aggregate
from bsct_zoo.models.naming import named_model
from bsct_zoo.runtime.place import place_of
from bsct_zoo.suites.library import open_suite
from bsct_zoo.suites.suite_file import write_suite

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "experiments" / "correlation" / "results"
GOLDEN = json.loads(gzip.decompress((HERE / "numbers.json.gz").read_bytes()))
LOOSE = {"xtb": 1e-4, "fairchem": 1e-4}
UNFUSED = {"mace": 1e-8}  # a trajectory follows the last digit of each step
APART = {"crystals": 1e-8}
CASES = {
    "core": "compare {} --suite {suite} --dtype float64",
    "torsions": "compare {} --suite torsions --limit 4 --dtype float64",
    "nve": "md {} --check nve --molecule CH3CH2OH --molecule C4H4S --time 0.05",
    "nvt": "md {} --check nvt --molecule CH3CH2OH --molecule C4H4S --time 0.05",
    "heat": "md {} --check heat --molecule CH3CH2OH --molecule C4H4S --time 0.05",
    "molecules": "properties {} --molecule CH3CH2OH --molecule H2CF2",
    "crystals": "properties {} --crystal Si --crystal NaCl --what eos,elastic,phonons",
}
HEAVY = {"crystals"}  # minutes
MD = {"nve", "nvt", "heat"}


def run(capsys, *words):
    """The command line in this process: exit code and standard output."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["bsct-zoo", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    return ended.value.code, capsys.readouterr().out


def tolerance(case, model):
    import torch

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    facts = dict(reversed([[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]))
    processor = [facts.get(name) for name in ("vendor_id", "cpu family", "model")]
    same = processor == GOLDEN["processor"] and torch.__version__.startswith(GOLDEN["torch"])
    allowed = (LOOSE.get(model, 1e-12), UNFUSED.get(model, 0.0) * (case in MD), APART.get(case, 0.0))
    return max(allowed) if same else 1e-3


def without_fallback(task, evaluation):
    """Records as 0.1.0 had them: a scan that takes fallback SCF settings failed; and the values over the others."""
    again = [any("fallback SCF settings" in note for note in record.notes) for record in evaluation.records]
    if not any(again):
        return evaluation.records, evaluation.values
    records = [
        msgspec.structs.replace(record, metrics=dict.fromkeys(record.metrics)) if lost else record
        for record, lost in zip(evaluation.records, again, strict=True)
    ]
    return records, {column.name: aggregate(column, records)[0] for column in task.columns}


def numbers(path):
    """Every number of results by task, record and name."""
    results = read_results(path)
    (row,) = results.rows
    flat = {}
    for task, evaluation in row.evaluations.items():
        records, values = without_fallback(results.task(task), evaluation)
        flat |= {f"{task}/{name}": value for name, value in values.items()}
        for record in records:
            flat |= {f"{task}/{record.id}/{name}": value for name, value in record.metrics.items()}
            flat |= {f"{task}/{record.id}/{q.kind}/{q.name}": q.value for q in record.quantities}
    return flat


def differences(expected, found, relative):
    for name, value in expected.items():
        other = found.get(name)
        if value is None or other is None:
            if value is not other:
                yield f"{name}: {value} became {other}"
        elif not math.isclose(value, other, rel_tol=relative, abs_tol=1e-13 if relative < 1e-3 else 1e-6):
            yield f"{name}: {value!r} became {other!r}"


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Every third scan of those that ``core`` had: the file, and which of the numbers speak of them."""
    core = open_suite("core")
    known = {name.removeprefix("core/").rpartition("/")[0] for name in GOLDEN["cases"]["core"]["mace"]}
    scans = tuple(scan for scan in core.scans if scan.id in known)[::3]
    path = tmp_path_factory.mktemp("golden") / "core.npz"
    write_suite(path, dataclasses.replace(core, scans=scans))
    return path, tuple(f"core/{scan.id}/" for scan in scans)


@pytest.mark.parametrize(
    ("case", "model"), [(case, model) for case, models in GOLDEN["cases"].items() for model in models]
)
def test_numbers_are_those_of_before(case, model, tmp_path, capsys, few):
    everything = os.environ.get("BSCT_ZOO_GOLDEN") == "all"
    if not everything and (case in HEAVY or place_of(named_model(model).adapter).kind != "here"):
        pytest.skip("needs an environment of its own; BSCT_ZOO_GOLDEN=all runs it")
    file = tmp_path / "x.json"
    weights = HERE / "weights" / f"{model}.safetensors"
    asked = f"{model}:{weights}" if weights.exists() else model
    run(capsys, *CASES[case].format(asked, suite=few[0]).split(), "--json", str(file), "--quiet")
    expected = GOLDEN["cases"][case][model]
    if case == "core":
        expected = {name: value for name, value in expected.items() if name.startswith(few[1])}
    assert expected
    assert not list(differences(expected, numbers(file), tolerance(case, model)))


def test_a_suite_is_built_as_before(tmp_path, capsys):
    """suites build mine --from mols.smi --scan bond --reference xtb --frames 12"""
    import numpy as np

    pytest.importorskip("tblite")
    pytest.importorskip("rdkit")
    from bsct_zoo.suites.suite_file import read_suite

    (tmp_path / "mols.smi").write_text("CCO\nCS\n")
    words = ["--from", str(tmp_path / "mols.smi"), "--out", str(tmp_path / "mine.npz"), "--author", "me", "--quiet"]
    assert run(capsys, "suites", "build", "mine", *words, "--reference", "xtb", "--frames", "12")[0] == 0
    scans, golden = read_suite(tmp_path / "mine.npz").scans, GOLDEN["build"]
    assert [scan.id for scan in scans] == golden["scans"]
    # A relaxation with GFN2 ends within its own thresholds, not at the same bits.
    np.testing.assert_allclose(np.concatenate([scan.coordinate for scan in scans]), golden["coordinate"], rtol=1e-6)
    np.testing.assert_allclose(np.concatenate([scan.energy for scan in scans]), golden["energy"], rtol=1e-6)
    np.testing.assert_allclose(sum(np.abs(scan.forces).sum() for scan in scans), golden["forces"][0], rtol=1e-4)


def test_a_model_is_chosen_as_before(capsys, monkeypatch):
    """select --from compare.json"""
    monkeypatch.setenv("COLUMNS", "80")
    code, out = run(capsys, "select", "--from", str(RESULTS / "compare.json"))
    assert (code, out) == (0, (HERE / "select.txt").read_text())


def test_metrics_correlate_as_before(capsys, monkeypatch):
    """correlate compare.json nve.json --x fsd_full,nonconservativity --y nve_drift,nve_failed"""
    monkeypatch.setenv("COLUMNS", "100")
    files = [str(RESULTS / name) for name in ("compare.json", "nve.json")]
    code, out = run(capsys, "correlate", *files, "--x", "fsd_full,nonconservativity", "--y", "nve_drift,nve_failed")
    assert (code, out) == (0, (HERE / "correlate.txt").read_text())
