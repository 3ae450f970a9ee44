"""The command line as a whole, with ASE's effective-medium theory and its Lennard-Jones as models."""

import csv
import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace

import jsonschema
import pytest
from ase.build import bulk

from bsct_zoo.cli.main import main
from bsct_zoo.evaluation.results import json_schema

EMT = "ase:ase.calculators.emt.EMT"
OTHER = f"{EMT}@asap_cutoff=true"


def run(*arguments):
    """The whole command line in this process: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["bsct-zoo", "properties", *arguments])
        patch.setenv("COLUMNS", "150")
        with pytest.raises(SystemExit) as ended:
            main()
    return SimpleNamespace(returncode=ended.value.code, stdout=out.getvalue(), stderr=err.getvalue())


def records(row):
    return row["evaluations"]["properties"]["records"]


def values(row):
    return row["evaluations"]["properties"]["values"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two models on a molecule and two crystals, everything written."""
    folder = tmp_path_factory.mktemp("made")
    command = (EMT, OTHER, "--reference", EMT, "--molecule", "N2", "--crystal", "Cu", "--crystal", "Al")
    files = ("--json", str(folder / "out.json"), "--csv", str(folder / "out.csv"))
    return run(*command, *files), json.loads((folder / "out.json").read_text()), folder, command


def test_values_are_those_of_the_literature(made):
    done, report, *_ = made
    assert done.returncode == 0, done.stderr
    jsonschema.validate(report, json_schema())
    quantities = {(s["id"], q["name"]): q["value"] for s in records(report["rows"][0]) for q in s["quantities"]}
    # Jacobsen, Stoltze, Norskov, Surf. Sci. 366, 394 (1996): Cu 3.61 Å, C11 172, C12 116, C44 90 GPa; in ASE 3.59 Å.
    assert quantities["Cu", "lattice constant"] == pytest.approx(3.59, abs=0.02)
    assert quantities["Cu", "C11"] == pytest.approx(172, abs=10)
    assert quantities["Cu", "C12"] == pytest.approx(116, abs=10)
    assert quantities["Cu", "C44"] == pytest.approx(90, abs=10)
    assert quantities["Cu", "bulk modulus"] == pytest.approx(134, abs=6)


def test_the_reference_has_no_error_against_itself_and_another_model_has(made):
    _, report, *_ = made
    same, other = report["rows"]
    assert values(same)["bond_mae"] == 0
    assert values(same)["lattice_constant_mae"] == 0
    assert values(other)["lattice_constant_mae"] > 1e-4
    assert report["reference"]["model"] == EMT
    (nitrogen,) = [s for s in records(other) if s["id"] == "N2"]
    (mode,) = [q for q in nitrogen["quantities"] if q["kind"] == "frequency"]
    assert mode["error"] == pytest.approx(mode["value"] - mode["reference"])


def test_table_and_csv_say_the_same(made):
    done, report, folder, _ = made
    assert "properties: 3 systems, N2, Cu, Al, errors against" in done.stdout
    rows = list(csv.DictReader((folder / "out.csv").open()))
    counted = sum(len(s["quantities"]) for row in report["rows"] for s in records(row))
    assert len(rows) == counted
    assert {row["reference_model"] for row in rows} == {EMT}


def test_a_second_run_loads_nothing_and_says_the_same(made):
    _, report, _, command = made
    again = run(*command, "--json", "-")
    assert "loading" not in again.stderr
    assert json.loads(again.stdout)["rows"] == report["rows"]


def test_by_system_and_by_quantity(made):
    *_, command = made
    by_system, by_quantity = (run(*command, "--by", by).stdout for by in ("system", "quantity"))
    starts = [
        line.rstrip().translate({ord(mark): None for mark in "¹²³"}).split()[:2] for line in by_system.splitlines()
    ]
    assert [start for start in starts if start and start[0] == EMT] == [[EMT, "N2"], [EMT, "Cu"], [EMT, "Al"]], (
        by_system
    )
    assert "bond N1-N2" in by_quantity
    assert "elastic C44" in by_quantity
    assert "| model |" in run(*command, "--markdown").stdout


def test_no_convergence_and_foreign_elements_are_said_and_exit_1():
    done = run(EMT, "--molecule", "N2", "--molecule", "PH3", "--steps", "1", "--what", "relax", "--no-cache")
    assert done.returncode == 1
    assert "not relaxed after 1 steps" in done.stdout
    assert "no reference, so no errors" in done.stdout


def test_crystal_from_a_file(tmp_path):
    bulk("Mg", "hcp", a=3.2, c=5.2).write(tmp_path / "magnesium.cif")
    done = run(
        "ase:ase.calculators.lj.LennardJones@sigma=2.86,epsilon=0.1,rc=8.0,smooth=true",
        "--crystal",
        str(tmp_path / "magnesium.cif"),
        "--what",
        "eos,elastic",
        "--json",
        "-",
        "--no-cache",
    )
    report = json.loads(done.stdout)
    (system,) = records(report["rows"][0])
    found = {q["name"]: q["value"] for q in system["quantities"]}
    assert done.returncode == 0, done.stderr
    assert {"volume", "bulk modulus", "C11", "C33", "C66"} <= set(found)
    assert found["C66"] == pytest.approx((found["C11"] - found["C12"]) / 2, rel=0.05)  # hexagonal


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nosuch",), "unknown model"),
        ((EMT, "--molecule", "Unobtainium"), "neither a file nor a molecule"),
        ((EMT, "--crystal", "Unobtainium"), "neither a file nor one of the crystals"),
        ((EMT, "--what", "magic"), "unknown property 'magic'"),
        ((EMT, "--what", "eos", "--molecule", "N2"), "--molecule is of no use"),
        ((EMT, "--json", "-", "--markdown"), "both write to standard output"),
        ((EMT, "--reference", "nosuch"), "unknown model"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments, said):
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().count("\n") == 0
