"""The check on models: rows, what is kept of them, and a run that was killed."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from jsonschema import validate
from surfaces import Morse, cluster, dimer

from bsct_zoo.errors import BadInputError, ModelError
from bsct_zoo.evaluation.md_run import MDSettings, run_models
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.cards import Adapter, ModelCard
from bsct_zoo.plugins.checks import NVE, CheckSettings
from bsct_zoo.report.files import json_text
from bsct_zoo.report.md_tables import csv_text, models_table, runs_table

LOADED = []
NUMBER = {"type": ["number", "null"]}
SCHEMA = {
    "type": "object",
    "required": ["schema", "kind", "bsct_zoo", "check", "units", "columns", "settings", "machine", "rows"],
    "properties": {
        "schema": {"const": 1},
        "kind": {"const": "md"},
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["model", "card", "versions", "status", "seconds", "n_runs", "n_failed", "values", "runs"],
                "properties": {
                    "status": {"enum": ["ok", "partial", "failed"]},
                    "values": {"type": "object", "additionalProperties": NUMBER},
                    "ns_per_day": NUMBER,
                    "runs": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["system", "seed", "status", "message", "values"],
                            "properties": {"values": {"type": "object", "additionalProperties": NUMBER}},
                        },
                    },
                },
            },
        },
    },
}


class Slow(Morse):
    """Takes its time, so that it can be killed."""

    def compute(self, batch):
        time.sleep(0.01)
        return super().compute(batch)


def load(card, device, dtype):
    LOADED.append(card.name)
    if card.name == "no load":
        raise ModelError("does not come up")
    if card.name == "damaged":
        raise BadInputError("its file is damaged; get it again")
    return {"plain": Morse, "cliff": lambda: Morse(cliff=1.7), "slow": Slow}[card.name]()


def spec(name):
    card = ModelCard(name, name, "Morse", "MIT", "a test")
    return ModelSpec(f"morse:{name}", Adapter("morse", "for tests", f"{__name__}:load", (card,)), card, {})


def systems():
    found = [cluster(4), dimer(1.25), cluster(3)]
    for number, atoms in enumerate(found):
        atoms.info |= {"name": atoms.get_chemical_formula(), "seed": number}
    return found


SHORT = MDSettings(CheckSettings(temperature=100, time_ps=0.05, relax=False), device="cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "cache"))
    LOADED.clear()


def test_rows_tables_and_files():
    report = run_models([spec("plain"), spec("cliff"), spec("no load")], NVE, systems(), SHORT)
    plain, cliff, dead = report.rows
    assert [row.status for row in report.rows] == ["ok", "partial", "failed"]
    drifts = [abs(run.values["drift"]) for run in plain.runs]
    assert plain.values["drift"] == pytest.approx(np.median(drifts))
    assert plain.values["drift_worst"] == pytest.approx(max(drifts))
    assert cliff.values["failed"] == 1 and cliff.values["first_failure"] == cliff.runs[1].values["failure_time"]
    assert plain.values["failed"] == 0 and plain.values["first_failure"] is None
    assert plain.ns_per_day == pytest.approx(3 * 0.05e-3 * 86400 / plain.seconds)
    assert (dead.message, dead.values["drift"], dead.runs) == ("does not come up", None, ())

    data = json.loads(json_text(report))
    validate(data, SCHEMA)
    assert data["rows"][1]["runs"][1]["message"].startswith("failed at 0.0")
    table = models_table(report)
    assert [row[0].text for row in table.rows] == ["morse:plain", "morse:cliff", "morse:no load"]
    assert any("C2 failed at 0.0" in note for note in table.footnotes)
    assert len(runs_table(report).rows) == 7
    lines = list(csv.DictReader(io.StringIO(csv_text(report))))
    assert [line["system"] for line in lines] == ["C4", "C2", "C3"] * 2 + [""]
    assert float(lines[0]["drift"]) == plain.runs[0].values["drift"]


def test_what_came_to_its_end_is_read_back_and_other_settings_are_other_runs():
    first = run_models([spec("cliff")], NVE, systems(), SHORT).rows[0]
    again = run_models([spec("cliff")], NVE, systems(), SHORT).rows[0]
    assert LOADED == ["cliff"] and again.cached and not first.cached
    assert (again.runs, again.values, again.seconds) == (first.runs, first.values, first.seconds)
    warmer = MDSettings(CheckSettings(temperature=150, time_ps=0.05), device="cpu")
    assert run_models([spec("cliff")], NVE, systems(), warmer).rows[0].values != first.values
    others = systems()
    others[0].positions[0, 0] += 0.01
    run_models([spec("cliff")], NVE, others, SHORT)
    assert LOADED == ["cliff"] * 3


def test_what_a_user_can_mend_is_told_apart():
    (row,) = run_models([spec("damaged")], NVE, systems(), SHORT).rows
    assert row.bad_input and row.status == "failed" and row.message == "its file is damaged; get it again"


def steps_kept(folder):
    """How far the state in ``folder`` is; -1 where there is none."""
    for state in folder.glob("*/state.npz"):
        with np.load(state, allow_pickle=False) as data:
            return int(data["count"])
    return -1


SCRIPT = """
import sys
sys.path[:0] = [{folder!r}]
import test_models as t
from dataclasses import replace
t.run_models([t.spec("slow")], t.NVE, t.systems(), replace(t.SHORT, every_s=0.05))
"""


def test_a_killed_run_goes_on_and_gives_the_same_row(tmp_path, monkeypatch):
    """SIGKILL in the middle; the next call takes fewer steps than there are, and its figures are the same."""
    folder = str(Path(__file__).parent)
    kept = tmp_path / "cache" / "dynamics"
    with (tmp_path / "log").open("w") as log:
        child = subprocess.Popen([sys.executable, "-c", SCRIPT.format(folder=folder)], env=dict(os.environ), stderr=log)
        deadline = time.monotonic() + 240
        while steps_kept(kept) < 10:
            assert child.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()
    (state,) = kept.glob("*/state.npz")
    assert not list(kept.glob("*/result.json"))
    count = steps_kept(kept)
    assert 10 <= count < 100
    monkeypatch.syspath_prepend(folder)
    import test_models as same

    asked = []
    monkeypatch.setattr(same.Slow, "compute", lambda self, batch: asked.append(1) or Morse.compute(self, batch))
    (row,) = same.run_models([same.spec("slow")], same.NVE, same.systems(), same.SHORT).rows
    assert len(asked) == 100 - count
    assert not state.exists()
    fresh = run_models([spec("plain")], NVE, systems(), SHORT).rows[0]
    assert [run.values for run in row.runs] == [run.values for run in fresh.runs]
