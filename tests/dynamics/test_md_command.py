"""``bsct-zoo md`` from its arguments to its exit code, with models whose dynamics is known."""

import json
import os
import signal
import sys

import pytest
from surfaces import Morse, cluster, dimer

from bsct_zoo.cli import weights
from bsct_zoo.cli.main import main
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.cards import Adapter, ModelCard

COMPUTED = []


class Watched(Morse):
    """Counts its batches, and is interrupted from the keyboard in the 30th where ``card`` says so."""

    def __init__(self, card):
        super().__init__(cliff=1.9 if card == "cliff" else None)
        self.card = card

    def compute(self, batch):
        COMPUTED.append(self.card)
        if self.card == "interrupted" and len(COMPUTED) == 30:
            os.kill(os.getpid(), signal.SIGINT)
        return super().compute(batch)


def load(card, device, dtype):
    return Watched(card.name)


def spec(name):
    card = ModelCard(name, name, "Morse", "MIT", "a test")
    return ModelSpec(f"morse:{name}", Adapter("morse", "for tests", f"{__name__}:load", (card,)), card, {})


@pytest.fixture
def md(tmp_path, monkeypatch, capfd):
    """Run the command; gives exit code, standard output and standard error."""
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(weights, "resolve_models", lambda names, trust, yes, quiet: [spec(name) for name in names])
    cluster(3).write(tmp_path / "three.xyz")
    dimer(1.15).write(tmp_path / "two.xyz")
    COMPUTED.clear()

    def run(*arguments):
        files = ["--molecule", str(tmp_path / "three.xyz"), "--molecule", str(tmp_path / "two.xyz"), "--no-relax"]
        files = [] if "--molecule" in arguments else files
        monkeypatch.setattr(sys, "argv", ["bsct-zoo", "md", *map(str, arguments), *files])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return ended.value.code, said.out, said.err

    return run


def test_table_files_and_exit_code(md, tmp_path):
    code, out, err = md("plain", "cliff", "--time", 0.02, "--seeds", 2, "--csv", tmp_path / "md.csv")
    assert code == 1
    assert out.startswith("nve: 4 runs, 0.02 ps, 0.5 fs, 300 K")
    assert "0/4" in out and "2/4" in out and "morse:cliff: two 0, two 1 failed at 0.0" in out
    assert err.splitlines()[-1].startswith("morse:cliff: nve: partial: 2 runs failed")
    assert len((tmp_path / "md.csv").read_text().splitlines()) == 1 + 2 * (1 + 4)
    code, out, _ = md("plain", "--time", 0.02, "--seeds", 2, "--json", "-", "--quiet")
    (row,) = json.loads(out)["rows"]
    records = row["evaluations"]["nve"]["records"]
    assert code == 0 and [record["seed"] for record in records] == [0, 1, 0, 1]


def test_interrupted_from_the_keyboard_it_goes_on(md):
    code, out, err = md("interrupted", "--time", 0.05)
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "error: stopped; results so far are kept: rerun the same command to resume"
    done = len(COMPUTED)  # the model computes in another thread than the one that is interrupted, which may take a step
    assert 30 <= done < 40
    code, out, err = md("interrupted", "--time", 0.05)
    assert code == 0 and f"resuming after step {done - 1}" in err
    assert len(COMPUTED) == 101


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--check", "npt"], "unknown check 'npt'; did you mean nvt"),
        (["--molecule", "CH3CH2CH"], "'CH3CH2CH' is neither a file nor a molecule of ASE's g2 set"),
        (["--state", "here", "--no-cache"], "--state keeps what --no-cache does not want kept"),
        (["--time", "0.001", "--step", "2"], "time 0.001 ps is less than two steps of 2 fs"),
        (["--time", "0"], "Invalid value for '--time'"),
        (["--time", "long"], "Invalid value for '--time': it should be a valid number; see"),
        (["--dtype", "half"], "Invalid value for '--dtype': 'half' is not one of 'float32', 'float64'; see"),
    ],
)
def test_bad_input_is_one_line(md, arguments, line):
    code, out, err = md("plain", *arguments)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith(f"error: {line}")
    assert not COMPUTED


def test_a_run_too_short_for_a_drift_has_none_and_says_so(md):
    """Two steps: a line through three points had thousands of meV/atom/ps."""
    code, out, _ = md("plain", "--time", 0.001, "--dt", 0.5, "--json", "-", "--quiet")
    evaluation = json.loads(out)["rows"][0]["evaluations"]["nve"]
    assert code == 0 and evaluation["status"] == "ok"
    for record in evaluation["records"]:
        assert [record["metrics"][name] for name in ("drift", "drift_error", "relative_drift", "fluctuation")] == [
            None
        ] * 4
        assert record["metrics"]["temperature"] > 0 and record["metrics"]["largest_jump"] >= 0
        assert "a run of 0.001 ps is too short for a drift, which takes 0.044 ps or more" in record["missing"]
    assert evaluation["values"]["drift"] is None
    code, out, _ = md("plain", "--time", 0.05, "--dt", 0.5, "--json", "-", "--quiet")
    assert json.loads(out)["rows"][0]["evaluations"]["nve"]["values"]["drift"] is not None
