"""Molecular dynamics as a task: rows, what is kept of them, and a run that was killed."""

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

from bsct_zoo.atoms.molecules import MOLECULES
from bsct_zoo.errors import BadInputError, ModelError
from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.events import Done, Faults, Message, ignore
from bsct_zoo.evaluation.md_task import MDTask, parse_check
from bsct_zoo.evaluation.results import json_schema, json_text
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.evaluation.store import Shelf
from bsct_zoo.evaluation.tasks import parse_task
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.cards import Adapter, ModelCard
from bsct_zoo.plugins.checks import NVE, CheckSettings
from bsct_zoo.report.files import csv_text
from bsct_zoo.report.tables import models_table, records_table

sys.path.append(str(Path(__file__).parents[1] / "dynamics"))
from surfaces import Morse, cluster, dimer

LOADED = []
HELPERS = str(Path(__file__).parents[1] / "dynamics")


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


COLD = CheckSettings(temperature=100, time_ps=0.05, relax=False)


def run(names, physics=COLD, listen=ignore, atoms=None, **more):
    task = MDTask(NVE, systems() if atoms is None else atoms, physics, **more)
    return evaluate([spec(name) for name in names], [task], Settings(device="cpu"), listen=listen)


def row(name, *arguments, **more):
    return run([name], *arguments, **more).rows[0].evaluations["nve"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "cache"))
    LOADED.clear()


def test_rows_tables_and_files():
    results = run(["plain", "cliff", "no load"])
    plain, cliff, dead = (row.evaluations["nve"] for row in results.rows)
    assert [evaluation.status for evaluation in (plain, cliff, dead)] == ["ok", "partial", "failed"]
    drifts = [abs(record.metrics["drift"]) for record in plain.records]
    assert plain.values["drift"] == pytest.approx(np.median(drifts))
    assert plain.values["drift_worst"] == pytest.approx(max(drifts))
    assert cliff.values["failed"] == 1
    assert cliff.values["first_failure"] == cliff.records[1].metrics["failure_time"]
    assert plain.values["failed"] == 0 and plain.values["first_failure"] is None
    assert plain.values["ns_per_day"] == pytest.approx(3 * 0.05e-3 * 86400 / plain.seconds, rel=1e-5)
    assert (dead.message, dead.values["drift"]) == ("does not come up", None)
    assert all(record.status == "failed" for record in dead.records)

    data = json.loads(json_text(results))
    validate(data, json_schema())
    assert data["rows"][1]["evaluations"]["nve"]["records"][1]["message"].startswith("failed at 0.0")
    table = models_table(results, results.tasks[0])
    assert [cells[0].text.rstrip("¹²³⁴") for cells in table.rows] == ["morse:plain", "morse:cliff", "morse:no load"]
    assert any("C2 1 failed at 0.0" in note for note in table.footnotes)
    assert len(records_table(results, results.tasks[0]).rows) == 9
    lines = list(csv.DictReader(io.StringIO(csv_text(results))))
    assert [line["group"] for line in lines] == ["", "C4", "C2", "C3"] * 3
    assert float(lines[1]["drift"]) == plain.records[0].metrics["drift"]


def test_what_came_to_its_end_is_read_back_and_other_settings_are_other_runs():
    events = []
    first = row("cliff", listen=events.append)
    again = row("cliff", listen=events.append)
    assert LOADED == ["cliff"] and [e.cached for e in events if isinstance(e, Done)] == [False, True]
    assert again == first
    assert row("cliff", CheckSettings(temperature=150, time_ps=0.05)).values != first.values
    others = systems()
    others[0].positions[0, 0] += 0.01
    moved = row("cliff", atoms=others).records[1:]
    assert [record.metrics for record in moved] == [record.metrics for record in first.records[1:]]
    assert LOADED == ["cliff"] * 3


def test_more_molecules_are_another_batch():
    few = row("plain", atoms=systems()[:2])
    all_of_them = row("plain")
    assert [record.id for record in all_of_them.records[:2]] == [record.id for record in few.records]
    assert LOADED == ["plain"] * 2
    assert row("plain", atoms=systems()[:2]) == few  # it is kept beside the other
    assert LOADED == ["plain"] * 2


def test_what_a_user_can_mend_is_told_apart():
    faults = Faults()
    evaluation = row("damaged", listen=faults)
    assert evaluation.status == "failed" and evaluation.message == "its file is damaged; get it again"
    assert faults.lines == ["morse:damaged: its file is damaged; get it again"]


def steps_kept(folder):
    """How far the state in ``folder`` is; -1 where there is none."""
    for path in folder.glob("*/state-*.npz"):
        arrays = Shelf(path.parent).read_state(path.stem.removeprefix("state-"))
        if arrays is not None:
            return int(arrays["count"])
    return -1


SCRIPT = """
import sys
sys.path[:0] = [{folder!r}, {helpers!r}]
import test_md_task as t
t.row("slow", state_every_s=0.05)
"""


def test_a_killed_run_goes_on_and_gives_the_same_row(tmp_path, monkeypatch):
    """SIGKILL in the middle; the next call takes fewer steps than there are, and its figures are the same."""
    folder = str(Path(__file__).parent)
    kept = tmp_path / "cache" / "answers"
    with (tmp_path / "log").open("w") as log:
        script = SCRIPT.format(folder=folder, helpers=HELPERS)
        child = subprocess.Popen([sys.executable, "-c", script], env=dict(os.environ), stderr=log)
        deadline = time.monotonic() + 240
        while steps_kept(kept) < 10:
            assert child.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()
    (state,) = kept.glob("*/state-*.npz")
    assert not list(kept.glob("*/md-*.npz"))
    count = steps_kept(kept)
    assert 10 <= count < 100
    monkeypatch.syspath_prepend(folder)
    import test_md_task as same

    asked, said = [], []
    monkeypatch.setattr(same.Slow, "compute", lambda self, batch: asked.append(1) or Morse.compute(self, batch))
    resumed = same.row("slow", listen=said.append)
    assert len(asked) == 100 - count
    assert not state.exists()
    assert any(isinstance(e, Message) and e.text == f"resuming after step {count}" for e in said)
    assert [r.metrics for r in resumed.records] == [r.metrics for r in row("plain").records]


def test_the_settings_behind_a_check():
    task = parse_task("nve@time=0.5,temperature=500,seeds=3,dtype=float32")
    assert task.check == NVE and task.dtype == "float32"
    assert task.physics == CheckSettings(temperature=500.0, time_ps=0.5, relax=True)
    assert len(task.items) == 3 * len(MOLECULES)
    assert [item.group for item in parse_task("nvt@molecules=CH4+NH3").items] == ["CH4", "NH3"]
    assert parse_task("nve@step=0.25,molecules=CH4").physics == parse_task("nve@dt=0.25,molecules=CH4").physics


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nvee", "did you mean nve"),
        ("nve@tiem=1", "did you mean time"),
        ("nve@time", "has no value"),
        ("nve@time=-1", "time must be a number of at least 0.001"),
        ("nve@temperature=nan", "temperature must be a number of at least"),
        ("nve@seeds=0", "seeds must be a whole number of at least 1"),
        ("nve@relax=perhaps", "must be true or false"),
        ("nve@dtype=float16", "must be float32 or float64"),
        ("nve@time=0.001,dt=0.9", "less than two steps"),
    ],
)
def test_bad_settings(text, message):
    with pytest.raises(BadInputError, match=message):
        parse_task(text)


def test_molecules_of_a_check_in_one_word_may_be_smiles_of_ions():
    pytest.importorskip("rdkit")
    task = parse_check("molecules=[NH4+]+O2+smiles:C[O-],time=0.01", NVE)
    stated = [(item.group, item.charge, item.multiplicity) for item in task.items]
    assert stated == [("[NH4+]", 1, 1), ("O2", 0, 3), ("C[O-]", -1, 1)]
