"""Results of scans whose faults are known, with their suite and store, for tests of what is shown of them."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from bsct_zoo.evaluation.curves import encoded
from bsct_zoo.evaluation.records import info_of, record_of
from bsct_zoo.evaluation.results import Evaluation, ModelResult, Record, Results, TaskInfo, json_text
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.store import Store, content_key
from bsct_zoo.metrics.columns import aggregate
from bsct_zoo.plugins.checks import NVE, CheckSettings
from bsct_zoo.plugins.tasks import Answer, Failure, Quantity
from bsct_zoo.report.page.write import page
from bsct_zoo.suites.library import open_suite
from bsct_zoo.suites.suite import Suite

STEP_AT = 80  # the frame from which "stepped" pushes one atom


@dataclass(frozen=True)
class Made:
    """Results, the suite and the store behind them."""

    results: Results
    suite: Suite
    store: Path

    def page(self, **settings):
        return page(self.results, {self.suite.name: self.suite}, self.store, **settings)


def make(store: Path) -> Made:
    """Three models on six scans: one with a wrong force everywhere, one with a step, one that fails a scan."""
    suite = open_suite("core").select(limit=6)
    task = ScanTask(suite)
    rows = (
        _row(task, store, "shifted", lambda scan: scan.forces + _push(scan, 0.4, 0)),
        _row(task, store, "stepped", lambda scan: scan.forces + _push(scan, 5.0, STEP_AT)),
        _row(task, store, "lost", lambda scan: scan.forces + _push(scan, 0.1, 0), fails=suite.scans[1].id),
    )
    results = Results(
        bsct_zoo="0.2.0",
        machine={"cores": 2, "python": "3.11.7"},
        settings={"device": "cpu"},
        tasks=(info_of(task), _nve(), _properties()),
        rows=rows,
    )
    return Made(results, suite, store)


def _push(scan, size, first):
    """A force of ``size`` eV/Å on the first atom, off the way of the scan, from frame ``first`` on."""
    forces = np.zeros_like(scan.forces)
    forces[first:, 0] = size / np.sqrt(3)
    return forces


def _row(task, folder, name, forces_of, fails=""):
    shelf = Store(folder).shelf({"model": name})
    records = []
    for item in task.items:
        if item.id == fails:
            records.append(record_of(task, item, Failure("the model does not know it")))
            continue
        scan, key = item.subject, content_key(item.id)
        wave = 0.02 * np.sin(7 * scan.coordinate)
        answer = Answer({"energy": scan.energy + wave, "forces": forces_of(scan)}, {"failures": {}}, 0.1)
        shelf.write("scans", key, answer)
        records.append(record_of(task, item, answer, shelf.place("scans", key)))
    values = {column.name: aggregate(column, records, 1.0) for column in task.columns}
    evaluation = Evaluation(
        status="partial" if fails else "ok",
        message=f"{fails}: the model does not know it" if fails else "",
        seconds=1.0,
        device="cpu",
        dtype="float32",
        versions={"torch": "2.13.0"},
        values={name: value for name, (value, _) in values.items()},
        counts={name: count for name, (_, count) in values.items()},
        records=tuple(records),
    )
    return ModelResult(
        model=name,
        card="small",
        checkpoint_sha256=None,
        level_of_theory=task.level_of_theory,
        licence="MIT",
        elements=("H", "C", "N", "O"),
        conservative=True,
        parameters=1234,
        evaluations={task.name: evaluation, "nve": _dynamics(name), "properties": _measured()},
    )


def _nve():
    about = {"name": "nve", "kind": "md", "title": "1 ps", "noun": "run", "headline": ("drift",)}
    settings = {**asdict(CheckSettings()), "dtype": "float64", "systems": ["H2O", "CH4"]}
    return TaskInfo(**about, n_items=2, columns=NVE.columns, settings=settings)


def _dynamics(name):
    time = np.linspace(0, 1, 50)
    curves = encoded({"time": time, "energy": 3 * time**2, "temperature": 300 + 0 * time})
    metrics = {"drift": 3.0, "failure_time": None}
    sound = Record(id="H2O 0", group="H2O", status="ok", metrics=metrics, curves=curves)
    said = f"failed at 1 ps: {name} exploded at 20,000 K"
    ended = {"drift": None, "failure_time": 1.0}
    failed = Record(id="CH4 1", group="CH4", status="failed", message=said, metrics=ended, curves=curves)
    values = {"drift": 3.0, "failed": 1.0}
    return Evaluation(status="partial", seconds=2.0, values=values, records=(sound, failed))


def _properties():
    return TaskInfo(name="properties", kind="properties", title="H2O", noun="system", n_items=1, columns=())


def _measured():
    bond = Quantity("bond", "O1-H2", 0.96, "Å", 0.95, 0.01)
    mode = Quantity("frequency", "mode 1", -50.0, "1/cm")
    return Evaluation(status="ok", records=(Record(id="H2O", status="ok", metrics={}, quantities=(bond, mode)),))


POISON = (
    "</script><script>window.broken=1</script><img src=x onerror=window.broken=1><b>B</b> $\\frac12$ =1+1 "
    "&lt;i&gt;\u2028"
)
# What is no free text: names that refer to each other, and what has a form of its own.
_CLOSED = ("status", "kind", "sha256", "dtype", "answer", "columns", "headline", "metrics", "values", "counts")


def poisoned(made: Made) -> Made:
    """``made`` with ``POISON`` in every text that is free."""
    ids = {scan.id: f"{scan.id} {POISON}" for scan in made.suite}

    def spoil(value, key=""):
        if key in _CLOSED or (key == "name" and value in ("core", "nve", "properties")):
            return value
        if isinstance(value, str):
            return ids.get(value) or (f"{value} {POISON}" if value else "")
        if isinstance(value, list):
            return [spoil(one, key) for one in value]
        if isinstance(value, dict):
            if key == "curves":
                return {ids.get(name, name): curve for name, curve in value.items()}
            return {name: spoil(one, name) for name, one in value.items()}
        return value

    scans = tuple(replace(s, id=ids[s.id], kind=POISON, notes={"smiles": POISON}) for s in made.suite)
    results = msgspec.convert(spoil(json.loads(json_text(made.results))), Results)
    return Made(results, replace(made.suite, scans=scans), made.store)
