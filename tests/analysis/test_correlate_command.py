"""The command from real results to its files: real calculators of ASE on real scans, their dynamics and properties."""

import csv
import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
from scipy import stats

from bsct_zoo.analysis.correlation_schema import SCHEMA
from bsct_zoo.cli.main import main

EMT, LJ, MORSE = ("ase:ase.calculators." + path for path in ("emt.EMT", "lj.LennardJones", "morse.MorsePotential"))
MODELS = (
    EMT,
    f"{LJ}@sigma=1.0,epsilon=1.0,rc=6.0",
    f"{LJ}@sigma=0.9,epsilon=0.3,rc=6.0",
    f"{LJ}@sigma=1.1,epsilon=2.0,rc=3.0",
    f"{MORSE}@epsilon=2.0,r0=1.2,rho0=4.0",
    f"{MORSE}@epsilon=1.0,r0=1.4,rho0=6.0",
)
MOLECULES = ("H2O", "CH3OH", "NH3", "H2CO")


def run(*arguments):
    """The whole command line in this process: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["bsct-zoo", *map(str, arguments)])
        patch.setenv("COLUMNS", "150")
        with pytest.raises(SystemExit) as ended:
            main()
    return SimpleNamespace(code=ended.value.code, out=out.getvalue(), err=err.getvalue())


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Results of ``compare``, ``md`` and ``properties``, the models in another order in each."""
    folder = tmp_path_factory.mktemp("results")
    molecules = [word for name in MOLECULES for word in ("--molecule", name)]
    made = {
        "compare": ["compare", *MODELS, "--limit", "5", "--quiet"],
        "md": ["md", *MODELS[::-1], *molecules, "--no-relax", "--time", "0.05", "--seeds", "2", "--quiet"],
        "properties": ["properties", *MODELS[1:], *molecules[:4], "--what", "relax", "--reference", EMT, "--quiet"],
    }
    for name, command in made.items():
        done = run(*command, "--json", folder / f"{name}.json")
        assert done.code in (0, 1), done.err  # runs of such models may well fail
    return {name: folder / f"{name}.json" for name in made}


def evaluations(path, task):
    """Evaluations in a file by model."""
    return {row["model"]: row["evaluations"][task] for row in json.loads(path.read_text())["rows"]}


def n_failed(evaluation):
    return sum(record["status"] == "failed" for record in evaluation["records"])


@pytest.fixture(scope="module")
def found(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    wanted = ["--x", "fsd_full,forces_mae_full", "--y", "nve_fluctuation", "--y", "lasted,bond_mae"]
    out = ["--json", folder / "x.json", "--csv", folder / "x.csv", "--figure", folder / "x.png"]
    done = run("correlate", *files.values(), *wanted, *out)
    assert done.code == 0, done.err
    return done, json.loads((folder / "x.json").read_text()), folder


def test_values_are_those_of_the_files_and_coefficients_those_of_scipy(files, found):
    _, report, _ = found
    jsonschema.validate(report, SCHEMA, cls=jsonschema.Draft202012Validator)
    compared, ran = evaluations(files["compare"], "core"), evaluations(files["md"], "nve")
    pair = report["pairs"][0]
    assert (pair["x"]["metric"], pair["y"]["metric"]) == ("fsd_full", "nve_fluctuation")
    assert set(pair["models"]) <= set(MODELS) and len(pair["models"]) >= 4
    x, y = pair["x"]["values"], pair["y"]["values"]
    assert x == pytest.approx([compared[name]["values"]["fsd_full"] for name in pair["models"]])
    sound = [(name, value) for name, value in zip(pair["models"], y, strict=True) if not n_failed(ran[name])]
    for name, value in sound:
        assert value == pytest.approx(ran[name]["values"]["fluctuation"])
    numbers = [1e300 if value == "failed" else value for value in y]
    spearman, kendall, *_ = pair["estimates"]
    assert spearman["value"] == pytest.approx(stats.spearmanr(x, numbers).statistic)
    assert kendall["value"] == pytest.approx(stats.kendalltau(x, numbers).statistic)
    assert pair["x"]["seconds"] == [round(compared[name]["seconds"], 3) for name in pair["models"]]
    assert pair["y"]["seconds"] == [round(ran[name]["seconds"], 3) for name in pair["models"]]


def test_intervals_hold_the_value_and_force_error_is_taken_out(found):
    _, report, _ = found
    first = report["pairs"][0]["estimates"]
    assert [e["name"] for e in first][-1] == "Spearman given forces_mae_full"
    for estimate in first:
        for ends in (estimate["over_models"], estimate["over_molecules"]):
            assert ends is None or -1 <= ends[0] <= ends[1] <= 1
    itself = next(p for p in report["pairs"] if p["x"]["metric"] == "forces_mae_full")
    assert len(itself["estimates"]) == 3  # a metric is not given itself


def test_a_model_that_a_file_lacks_is_left_out_and_named(found):
    done, report, _ = found
    pair = next(p for p in report["pairs"] if p["y"]["metric"] == "bond_mae")
    assert EMT not in pair["models"]
    assert any(note.startswith("left out, without bond_mae") and EMT in note for note in pair["notes"])
    assert "left out, without bond_mae" in done.out


def test_tables_csv_and_figure(found):
    done, report, folder = found
    assert "correlation over 6 models" in done.out and "median s" in done.out
    assert "fsd_full and nve_fluctuation: 6 models are too few to conclude anything" in done.out
    lines = list(csv.DictReader((folder / "x.csv").open()))
    assert len(lines) == sum(len(pair["estimates"]) for pair in report["pairs"])
    assert float(lines[0]["value"]) == report["pairs"][0]["estimates"][0]["value"]
    assert (folder / "x.png").read_bytes()[:4] == b"\x89PNG"


def test_the_order_of_files_and_a_second_time_change_nothing(files, found):
    _, report, _ = found
    paths = list(files.values())
    done = run("correlate", *paths[::-1], "--x", "fsd_full", "--y", "nve_fluctuation", "--json", "-")
    (pair,) = json.loads(done.out)["pairs"]
    first = report["pairs"][0]
    assert sorted(pair["models"]) == sorted(first["models"])
    for one, other in zip(pair["estimates"], first["estimates"], strict=True):
        assert one["value"] == pytest.approx(other["value"])
    again = run("correlate", *paths[::-1], "--x", "fsd_full", "--y", "nve_fluctuation", "--json", "-")
    assert again.out == done.out


def test_failed_runs_enter_as_worse_than_every_value(files, tmp_path):
    """One Morse potential explodes in every run. Two runs of a sound model are made to fail, one with a drift."""
    data = json.loads(files["md"].read_text())
    (dead, dead_name), (hurt, hurt_name) = (
        (data["rows"][place]["evaluations"]["nve"], data["rows"][place]["model"]) for place in (0, -1)
    )
    assert (n_failed(dead), n_failed(hurt), hurt_name) == (8, 0, EMT)
    runs = hurt["records"]
    runs[0].update(status="failed", message="failed at 0.01 ps: no finite energy")
    runs[0]["metrics"] = dict.fromkeys(runs[0]["metrics"]) | {"failure_time": 0.01}
    runs[1].update(status="failed", message="C0-H3 broke at 0.02 ps")
    runs[1]["metrics"] |= {"drift": 0.0, "failure_time": 0.02}
    hurt["values"] = dict.fromkeys(hurt["values"])  # which were of the records as they were
    rest = [abs(one["metrics"]["drift"]) for one in runs[2:]]
    (tmp_path / "md.json").write_text(json.dumps(data))
    arguments = ["--x", "fsd_full", "--y", "drift,failed,lasted", "--json", "-"]
    done = run("correlate", files["compare"], tmp_path / "md.json", *arguments)
    pairs = {pair["y"]["metric"]: pair for pair in json.loads(done.out)["pairs"]}
    values = {metric: dict(zip(pair["models"], pair["y"]["values"], strict=True)) for metric, pair in pairs.items()}
    assert values["nve_drift"][dead_name] == "failed"
    assert values["nve_drift"][hurt_name] == pytest.approx(np.median([*rest, np.inf, np.inf]))
    assert values["nve_failed"][dead_name] == 1.0
    assert values["nve_lasted"][dead_name] == np.mean([one["metrics"]["failure_time"] for one in dead["records"]])
    assert values["nve_failed"][hurt_name] == 2 / 8
    assert values["nve_lasted"][hurt_name] == pytest.approx((6 * 0.05 + 0.01 + 0.02) / 8)
    notes = " ".join(pairs["nve_drift"]["notes"])
    assert "rank last, alike" in notes and f"worse than every value: {EMT}" in notes
    assert "Pearson of logs is over" in notes
    assert np.isfinite(pairs["nve_drift"]["estimates"][0]["value"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--x", "fsd_ful", "--y", "drift"], "no result has the metric 'fsd_ful'; did you mean fsd_full"),
        (["--x", "drift", "--y", "nve_drift"], "both name nve_drift"),
        (["--x", "fsd_full", "--y", "drift", "--figure", "x.docx"], "has no format of a figure"),
        (["--x", "fsd_full", "--y", "drift", "--json", "-", "--markdown"], "both write to standard output"),
        (["--x", "fsd_full", "--y", "drift", "--given", "nothing"], "no result has the metric 'nothing'"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(files, arguments, said):
    done = run("correlate", *files.values(), *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err


def test_files_that_do_not_serve_are_refused(files, tmp_path):
    data = json.loads(files["md"].read_text())
    data["rows"] = data["rows"][:3]
    (tmp_path / "few.json").write_text(json.dumps(data))
    data["tasks"][0]["settings"]["temperature"] = 500.0
    (tmp_path / "hot.json").write_text(json.dumps(data))
    (tmp_path / "torn.json").write_text("{")
    wanted = ["--x", "fsd_full", "--y", "drift"]
    for names, said in (
        ([files["compare"], tmp_path / "few.json"], "3 models have both fsd_full and nve_drift"),
        ([files["md"], tmp_path / "hot.json"], "results of 'nve' differ in temperature"),
        ([tmp_path / "torn.json"], "is not JSON"),
        ([tmp_path / "none.json"], "cannot read"),
    ):
        done = run("correlate", *names, *wanted)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert said in done.err
