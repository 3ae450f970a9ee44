"""The same command gives the same bits, whatever was kept before; ``rerun`` finds out, and obeys no hostile file."""

import json
import random

import pytest
from made import changed, results, row
from typer.testing import CliRunner

from bsct_zoo.analysis.repeated import compared
from bsct_zoo.cli.main import app
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.models.naming import parse_model
from bsct_zoo.runtime.surroundings import cores
from bsct_zoo.suites.library import open_suite


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Results of a comparison, with where they are."""
    path = tmp_path_factory.mktemp("rerun") / "r.json"
    words = ["compare", "transformer", "--limit", "2", "--seed", "1", "--quiet", "--no-cache", "--json", str(path)]
    assert CliRunner().invoke(app, words).exit_code == 0
    return path


def again(path, *words):
    return CliRunner().invoke(app, ["rerun", str(path), *words], standalone_mode=False)


def test_the_same_command_gives_the_same_bits(made):
    assert json.loads(made.read_text())["command"] == ["compare", "transformer", "--limit", "2", "--seed", "1"]
    done = again(made)
    assert done.return_value == 0, done.output
    assert "numbers are the same to the bit" in done.output and "made both" in done.output


def test_a_number_that_is_another_one_is_found(made, tmp_path):
    data = json.loads(made.read_text())
    record = data["rows"][0]["evaluations"]["core"]["records"][0]
    record["metrics"]["fsd_full"] *= 1 + 1e-12
    data["rows"][0]["evaluations"]["core"]["versions"]["torch"] = "1.0"
    (tmp_path / "r.json").write_text(json.dumps(data))
    done = again(tmp_path / "r.json")
    assert done.return_value == 1
    assert f"transformer, core, {record['id']}, fsd_full: {record['metrics']['fsd_full']} before" in done.output
    assert "torch of transformer: 1.0 before" in done.output


def test_each_model_computes_on_as_many_threads_and_in_batches_as_the_file_says(made, tmp_path):
    data = json.loads(made.read_text())
    evaluation = data["rows"][0]["evaluations"]["core"]
    assert (evaluation["threads"], evaluation["batch_atoms"]) == ([cores()], [512])
    evaluation |= {"threads": [cores() + 1], "batch_atoms": [100]}
    (tmp_path / "r.json").write_text(json.dumps(data))
    again(tmp_path / "r.json", "--json", str(tmp_path / "now.json"))
    now = json.loads((tmp_path / "now.json").read_text())["rows"][0]["evaluations"]["core"]
    assert (now["threads"], now["batch_atoms"]) == ([cores() + 1], [100])


@pytest.mark.parametrize("field", ["threads", "batch_atoms"])
@pytest.mark.parametrize("numbers", [[0], [-1], [10**10], ["1"], 2, [1.5]])
def test_threads_and_sizes_that_are_none(made, tmp_path, field, numbers):
    data = json.loads(made.read_text())
    data["rows"][0]["evaluations"]["core"][field] = numbers
    (tmp_path / "r.json").write_text(json.dumps(data))
    done = again(tmp_path / "r.json")
    assert isinstance(done.exception, BadInputError) and field in str(done.exception)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "does not say by which command"),
        (["install", "evil"], "does not say by which command"),
        (["compare", "transformer", "--csv", "/tmp/x"], "asks for --csv"),
        (["compare", "transformer", "--trust"], "asks for --trust"),
        (["md", "transformer", "--trajectory", "/tmp/x"], "asks for --trajectory"),
        (["compare", "ase:evil.module.Calculator"], "may run code; add --trust"),
        (["properties", "transformer", "--reference", "ase:evil.module.Calculator"], "may run code; add --trust"),
    ],
)
def test_a_file_is_not_obeyed_blindly(made, tmp_path, words, message):
    (tmp_path / "r.json").write_text(json.dumps(json.loads(made.read_text()) | {"command": words}))
    done = again(tmp_path / "r.json")
    assert isinstance(done.exception, BadInputError) and message in str(done.exception)


def test_bits_do_not_depend_on_what_was_kept(tmp_path):
    """As after kills: any part of the answers is there already, from this command or from another one."""
    core = open_suite("core").select(limit=5)

    def run(folder, suite=core):
        return evaluate([parse_model("transformer")], [ScanTask(suite)], Settings(folder=tmp_path / folder))

    whole = run("whole")
    draw = random.Random(0)
    for trial in range(3):
        run("parts", core.select(limit=draw.randrange(1, 5), seed=trial))
        for file in sorted((tmp_path / "parts").rglob("scans-*.npz")):
            if draw.random() < 0.4:
                file.unlink()
        outcome = compared(whole, run("parts"))
        assert outcome.same, outcome.lines


def test_times_are_not_compared():
    before = results(row("a", [1.0, 2.0], seconds=1.0))
    assert compared(before, results(row("a", [1.0, 2.0], seconds=9.0))).same
    assert not compared(before, results(row("a", [1.0, 2.5]))).same
    assert not compared(before, results(row("b", [1.0, 2.0]))).same
    other = compared(before, changed(before, bsct_zoo="9"))
    assert other.same and "bsct-zoo: 0.2.0 before, 9 now" in other.lines
