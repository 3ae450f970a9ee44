"""Molecular dynamics as columns of ``compare``, with models whose dynamics is known."""

import csv
import json
import sys

import jsonschema
import numpy as np
import pytest
from surfaces import Morse, dimer

from bsct_zoo.cli import weights
from bsct_zoo.cli.main import main
from bsct_zoo.evaluation.results import json_schema, read_results
from bsct_zoo.models import naming
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.cards import Adapter, ModelCard
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite
from bsct_zoo.suites.suite_file import write_suite

LOADED = []


def load(card, device, dtype):
    """A Morse bond; that of "cliff" ends at 1.9 Å."""
    LOADED.append(card.name)
    return Morse(cliff=1.9 if card.name == "cliff" else None)


def spec(name):
    card = ModelCard(name, name, "Morse", "MIT", "a test")
    return ModelSpec(name, Adapter("morse", "for tests", f"{__name__}:load", (card,)), card, {})


@pytest.fixture
def compare(tmp_path, monkeypatch, capfd):
    """Run the command on two scans of a diatomic; gives exit code, standard output and standard error."""
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(weights, "resolve_models", lambda names, trust, yes, quiet: [spec(name) for name in names])
    monkeypatch.setattr(naming, "named_model", spec)
    length = np.linspace(0.9, 1.6, 20)
    positions = np.zeros((20, 2, 3))
    positions[:, 1, 0] = length
    numbers = dimer(1.15).numbers
    scans = [Scan(f"pair/{k}", "pair", "pair", numbers, length, positions * (1 + 0.01 * k)) for k in range(2)]
    write_suite(tmp_path / "pairs.bsct", Suite("pairs", "pairs", None, "CC0-1.0", "", tuple(scans)))
    dimer(1.15).write(tmp_path / "two.xyz")
    LOADED.clear()

    def run(*arguments, md="time=0.05,seeds=2,relax=false"):
        check = [] if md is None else ["--md", f"nve@{md},molecules={tmp_path / 'two.xyz'}"]
        words = ["compare", *map(str, arguments), "--suite", str(tmp_path / "pairs.bsct"), *check]
        monkeypatch.setattr(sys, "argv", ["bsct-zoo", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return ended.value.code, said.out, said.err

    return run


def test_a_model_that_explodes_keeps_its_row(compare, tmp_path):
    files = ["--json", tmp_path / "x.json", "--csv", tmp_path / "x.csv"]
    code, out, _ = compare("plain", "cliff", "--metric", "tortuosity,nve_drift,nve_failed", *files)
    assert code == 1
    assert "cliff: two 0, two 1 failed at 0.0" in out or "cliff: two 0 failed at 0.0" in out
    assert "0/2" in out and "2/2" in out
    data = json.loads((tmp_path / "x.json").read_text())
    jsonschema.validate(data, json_schema(), cls=jsonschema.Draft202012Validator)
    plain, cliff = (row["evaluations"] for row in data["rows"])
    assert [row["pairs"]["status"] for row in (plain, cliff)] == ["ok", "ok"]
    assert cliff["pairs"]["values"]["tortuosity"] == pytest.approx(plain["pairs"]["values"]["tortuosity"])
    assert plain["nve"]["values"]["drift"] >= 0 and plain["nve"]["values"]["failed"] == 0
    assert cliff["nve"]["values"]["failed"] == 2 and cliff["nve"]["values"]["drift"] is None
    assert data["tasks"][1]["settings"]["time_ps"] == 0.05
    lines = {(x["model"], x["task"], x["item"]): x for x in csv.DictReader((tmp_path / "x.csv").open())}
    assert float(lines["plain", "nve", ""]["drift"]) == plain["nve"]["values"]["drift"]
    assert lines["plain", "pairs", "pair/0"]["drift"] == "" == lines["cliff", "nve", ""]["drift"]
    again = read_results(tmp_path / "x.json")
    assert again.value(again.rows[1], "nve_failed") == 2


def test_a_second_run_loads_nothing(compare):
    code, first, said = compare("plain", "--json", "-", "--quiet")
    assert LOADED == ["plain", "plain"]  # for its scans and for its dynamics
    again = compare("plain", "--json", "-", "--quiet")
    assert (again[0], again[2]) == (code, said)
    assert json.loads(again[1]) | {"date": ""} == json.loads(first) | {"date": ""}
    assert len(LOADED) == 2


def test_a_figure_gates_and_selects(compare, tmp_path, monkeypatch, capfd):
    conditions = ["--fail-if", "nve_failed>0", "--fail-if", "nve_drift>1e9", "--json", tmp_path / "x.json"]
    code, _, err = compare("plain", "cliff", *conditions)
    assert code == 3
    assert err.splitlines()[-1] == "failed: cliff meets 'nve_failed>0': nve_failed is 2"
    words = ["select", "--from", str(tmp_path / "x.json"), "--minimise", "nve_drift", "--require", "nve_failed<1"]
    monkeypatch.setattr(sys, "argv", ["bsct-zoo", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    out = capfd.readouterr().out
    assert "1 of 2 models on the Pareto front" in out
    assert "excluded: cliff, does not meet 'nve_failed<1'" in out


def test_a_figure_of_no_check_is_refused_before_anything_is_loaded(compare):
    for arguments in (["--fail-if", "nve_drift>1"], ["--metric", "nve_drift"], ["--sort", "nve_drift"]):
        code, out, err = compare("plain", *arguments, md=None)
        assert (code, out) == (2, "")
        assert err == "error: nve_drift is a column of the task 'nve'; add --task nve\n"
    assert not LOADED


def test_who_explodes_is_not_advised_for_dynamics_and_other_settings_do_not_mix(compare, tmp_path, monkeypatch, capfd):
    compare("plain", "cliff", "--json", tmp_path / "x.json")
    data = json.loads((tmp_path / "x.json").read_text())
    for row in data["rows"]:  # a suite without a reference has no FSD, by which advice is given
        scans = row["evaluations"]["pairs"]
        scans["values"]["fsd_full"] = 10.0 if row["model"] == "plain" else 1.0
        for record in scans["records"]:
            record["metrics"]["fsd_full"] = scans["values"]["fsd_full"]
        row["conservative"] = True
    (tmp_path / "x.json").write_text(json.dumps(data))
    data["tasks"][1]["settings"]["temperature"] = 500.0
    (tmp_path / "hot.json").write_text(json.dumps(data))

    def select(*files):
        words = ["select", *(word for file in files for word in ("--from", str(file))), "--minimise", "fsd_full"]
        monkeypatch.setattr(sys, "argv", ["bsct-zoo", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capfd.readouterr()

    code, said = select(tmp_path / "x.json")
    assert code == 0
    advice = next(line for line in said.out.splitlines() if line.startswith("molecular dynamics: "))
    assert advice.startswith("molecular dynamics: plain") and "no run of which failed" in advice
    code, said = select(tmp_path / "x.json", tmp_path / "hot.json")
    assert code == 2
    assert "results of 'nve' with different settings do not compare" in said.err
