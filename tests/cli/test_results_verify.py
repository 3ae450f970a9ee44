"""Results that somebody else made: ``results verify`` notices any digit that was changed; ``results slim``."""

import json

import pytest
from made import changed, results, row
from typer.testing import CliRunner

from bsct_zoo.analysis.verified import checked, sampled, unsupported, usual_tolerance
from bsct_zoo.cli.main import app
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.results import read_results


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Results of scans and of dynamics, as a submitter would send them: slim."""
    folder = tmp_path_factory.mktemp("verify")
    words = ["compare", "transformer", "--limit", "2", "--md", "nve@time=0.01,molecules=H2O,seeds=2", "--quiet"]
    assert CliRunner().invoke(app, [*words, "--json", str(folder / "whole.json")]).exit_code == 0
    slim = folder / "slim.json"
    assert CliRunner().invoke(app, ["results", "slim", str(folder / "whole.json"), str(slim)]).exit_code == 0
    assert slim.stat().st_size < 0.8 * (folder / "whole.json").stat().st_size
    return slim


def verify(*words):
    return CliRunner().invoke(app, ["results", "verify", *map(str, words)], standalone_mode=False)


def spoiled(made, tmp_path, spoil):
    data = json.loads(made.read_text())
    spoil(data)
    (tmp_path / "r.json").write_text(json.dumps(data))
    return tmp_path / "r.json"


def evaluation(data, task="core"):
    return data["rows"][0]["evaluations"][task]


def test_what_is_true_holds(made):
    done = verify(made, "--sample", "9", "--seed", "1")
    assert done.return_value == 0, done.output
    assert "every mean follows from the records" in done.output and "4 of 4 hold" in done.output
    assert "core: numbers hold if the same to the bit" in done.output


@pytest.mark.parametrize("task", ["core", "nve"])
def test_a_digit_that_was_changed_with_its_mean_is_noticed(made, tmp_path, task):
    """The last but four of a scan, where bits count; the fourth of a trajectory, whose last ones vary."""
    column = {"core": "forces_mae_full", "nve": "max_temperature"}[task]

    def spoil(data):
        record = evaluation(data, task)["records"][1]
        record["metrics"][column] *= 1 + {"core": 1e-12, "nve": 1e-3}[task]
        for one in read(data).tasks:
            for what in one.columns if one.name == task else ():
                if what.of == column:
                    from bsct_zoo.metrics.columns import aggregate

                    value = aggregate(what, read(data).rows[0].evaluations[task].records)[0]
                    evaluation(data, task)["values"][what.name] = value

    def read(data):
        import msgspec

        from bsct_zoo.evaluation.results import Results

        return msgspec.convert(data, Results)

    done = verify(spoiled(made, tmp_path, spoil), "--sample", "9")
    assert done.return_value == 1, done.output
    assert "every mean follows" in done.output and "3 of 4 hold" in done.output and f"{column}: " in done.output


def test_a_mean_that_was_changed_alone_needs_no_model(made, tmp_path):
    def spoil(data):
        evaluation(data)["values"]["fsd_full"] *= 1 - 1e-13

    done = verify(spoiled(made, tmp_path, spoil), "--sample", "0")
    assert done.return_value == 1 and "does not follow: transformer, core, fsd_full" in done.output


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda e: e["counts"].update(fsd_full=1), "over 1 records in the file, 2 have it"),
        (lambda e: e.update(status="partial"), "the status is partial, that of its records ok"),
        (lambda e: e["values"].update(fsd_full=None), "None in the file"),
    ],
)
def test_what_does_not_follow_is_said(made, tmp_path, spoil, said):
    path = spoiled(made, tmp_path, lambda data: spoil(evaluation(data)))
    assert said in " ".join(unsupported(read_results(path)))


def test_a_record_that_was_taken_out_is_missed_by_the_means():
    """A bad scan that is left out: the others' mean is not that of the file."""
    before = results(row("a", [1.0, 2.0, 9.0]))
    evaluation = before.rows[0].evaluations["core"]
    fewer = changed(evaluation, records=(*evaluation.records[:1], evaluation.records[2]))
    spoiled = changed(before, rows=(changed(before.rows[0], evaluations={"core": fewer}),))
    assert any("fsd_full: 4.0 in the file, 5.0 by its records" in line for line in unsupported(spoiled))


def test_a_record_that_was_made_up_is_noticed(made, tmp_path):
    def spoil(data):
        evaluation(data)["records"][0]["id"] = "C-C/unobtainium"

    done = verify(spoiled(made, tmp_path, spoil), "--sample", "9")
    assert done.return_value == 1 and "record: ok in the file, none now" in done.output


def test_records_that_were_all_made_up_do_not_hold(made, tmp_path):
    def spoil(data):
        for n, record in enumerate(evaluation(data)["records"]):
            record["id"] = f"C-C/unobtainium-{n}"

    done = verify(spoiled(made, tmp_path, spoil), "--sample", "9")
    assert done.return_value == 1 and "2 of 4 hold" in done.output


def test_other_weights_and_versions_are_named(made, tmp_path):
    def spoil(data):
        data["rows"][0]["checkpoint_sha256"] = "0" * 64
        data["rows"][0]["parameters"] += 1
        data["tasks"][0]["columns"][0]["unit"] = "1/nm"
        evaluation(data)["versions"]["torch"] = "1.0"

    done = verify(spoiled(made, tmp_path, spoil), "--sample", "1")
    assert done.return_value == 1 and "transformer: checkpoint_sha256 is 0000" in done.output
    assert "transformer: parameters is" in done.output and "core: columns is" in done.output
    assert "torch of transformer: 1.0 before" in done.output


def test_tolerances_go_by_machine_and_task(made):
    before = read_results(made)
    core, nve = (before.rows[0].evaluations[name] for name in ("core", "nve"))
    first, second = before.tasks
    assert usual_tolerance(before, first, core, core) == 0.0
    assert usual_tolerance(before, second, nve, nve) == 1e-4
    elsewhere = changed(before, machine={**machine("cpu"), "processor": "abacus"})
    assert usual_tolerance(elsewhere, first, core, core) == 1e-3
    assert usual_tolerance(elsewhere, second, nve, nve) == 0.1
    assert usual_tolerance(before, first, changed(core, device="cuda:0"), core) == 1e-3


def test_a_number_near_to_zero_is_compared_with_what_is_usual():
    before, now = results(row("a", [0.0, 2.0, 3.0])), results(row("a", [0.001, 2.0, 3.0]))
    sample = {"core": frozenset(["C-C/0"])}
    (one,) = checked(before, now, sample, tolerance=1e-3)
    assert one.difference == pytest.approx(5e-4) and one.holds
    assert not checked(before, now, sample, tolerance=1e-4)[0].holds


def test_the_sample_is_that_of_the_seed(made):
    before = results(row("a", range(1, 40)))
    first, again, other = (sampled(before, 3, seed)["core"] for seed in (1, 1, 2))
    assert first == again and first != other and len(first) == 3


def test_a_command_that_is_not_that_of_the_results_is_refused(made, tmp_path):
    path = spoiled(made, tmp_path, lambda data: data.update(command=["compare", "transformer", "--suite", "torsions"]))
    done = verify(path)
    assert isinstance(done.exception, BadInputError) and "of which the file holds no results" in str(done.exception)


def test_slim_goes_to_standard_output(made):
    done = CliRunner().invoke(app, ["results", "slim", str(made), "-"])
    assert json.loads(done.stdout)["schema"] == 2


def test_several_files_are_verified_at_once(made, tmp_path):
    """Each under its name; one that does not hold decides the exit code, one that is damaged stops all before."""
    bad = spoiled(made, tmp_path, lambda data: evaluation(data)["counts"].update(fsd_full=1))
    done = verify(made, bad, "--sample", "0")
    assert done.return_value == 1 and f"{made}:\nevery mean follows" in done.output
    assert f"{bad}:\ndoes not follow: transformer, core, fsd_full" in done.output
    assert verify(made, made, "--sample", "0").return_value == 0
    (tmp_path / "half.json").write_text("{")
    done = verify(made, tmp_path / "half.json")
    assert isinstance(done.exception, BadInputError) and not done.output


def test_bad_input_is_one_line(made, tmp_path):
    (tmp_path / "r.json").write_text("{")
    done = verify(tmp_path / "r.json")
    assert isinstance(done.exception, BadInputError) and "is not JSON" in str(done.exception)
    done = verify(spoiled(made, tmp_path, lambda data: data.update(command=[])))
    assert isinstance(done.exception, BadInputError) and "does not say by which command" in str(done.exception)
