"""Why a scan is bad: planted steps and shifts are found where they are."""

import io

import numpy as np
import pytest
from ase.io import read
from made_report import STEP_AT, make
from rich.console import Console

from bsct_zoo.evaluation.answers import kept_answers
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.store import Store
from bsct_zoo.report.explanation import deciding_frames, draw_list, draw_scan, worst_layout
from bsct_zoo.report.frames import write_frame
from bsct_zoo.report.reasons import reason, worst_records, worst_scans
from bsct_zoo.report.tables import models_table


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("reasons") / "answers")


def records(made, row):
    return made.results.rows[row].evaluations["core"].records


def test_a_planted_step_is_where_it_was_planted(made):
    for scan, record in zip(made.suite, records(made, 1), strict=True):
        assert deciding_frames(scan, record) == (STEP_AT - 1, STEP_AT)
        assert reason(record).endswith("by a step of the force along the way")
        assert "on the stretched side" in reason(record)


def test_an_error_of_the_force_at_the_equilibrium_is_told_from_a_step(made):
    """A constant error larger than the floor decides next to the equilibrium, and the own zero takes it away."""
    scan = made.suite.scans[0]
    task = ScanTask(made.suite.select(limit=1))
    item = next(item for item in ScanTask(made.suite).items if item.id == scan.id)
    from bsct_zoo.evaluation.records import record_of
    from bsct_zoo.plugins.tasks import Answer

    forces = scan.forces.copy()
    forces[:, 0] += 3.0
    record = record_of(task, item, Answer({"energy": scan.energy, "forces": forces}, {"failures": {}}))
    assert abs(record.metrics["fsd_full_frames"]) <= 3
    assert "by the error of the force at the equilibrium (own zero: FSD " in reason(record)


def test_the_worst_are_those_without_an_answer_then_by_fsd(made):
    evaluation = made.results.rows[2].evaluations["core"]
    worst = worst_records(evaluation)
    assert worst[0].id == made.suite.scans[1].id and reason(worst[0]) == "no score: the model does not know it"
    values = [record.metrics["fsd_full"] for record in worst[1:]]
    assert values == sorted(values, reverse=True) and len(values) == 5


def test_compare_names_the_worst_scan_of_each_model(made):
    line = worst_scans(made.results, made.results.tasks[0])
    worst = max(records(made, 1), key=lambda record: record.metrics["fsd_full"])
    assert f"stepped {worst.id} (FSD {worst.metrics['fsd_full']:.3g})"[:40] in line
    assert f"lost {made.suite.scans[1].id} (no answer)" in line
    assert line in models_table(made.results, made.results.tasks[0]).remarks


def test_other_models_are_found_in_the_store_without_loading_them(made, tmp_path):
    task = ScanTask(made.suite)
    item = task.items[0]
    store = Store(tmp_path)
    shelf = store.shelf({"model": "x"})
    shelf.write_info({"model": "x:small"})
    assert kept_answers(store, task, item) == {}
    from bsct_zoo.evaluation.store import content_key

    answer = Store(made.store).at(records(made, 0)[0].answer)
    shelf.write("scans", content_key([task.key(), item.fingerprint]), answer)
    assert list(kept_answers(store, task, item)) == ["x:small"]


def test_the_terminal_shows_marks_and_others(made):
    scan, record = made.suite.scans[0], records(made, 1)[0]
    to = Console(file=io.StringIO(), width=80, highlight=False, soft_wrap=True)
    draw_list(worst_layout("stepped", "core", worst_records(made.results.rows[1].evaluations["core"])[:2], 6), to)
    draw_scan(scan, "stepped", record, {"shifted": records(made, 0)[0]}, to)
    text = to.file.getvalue()
    marks = next(line for line in text.splitlines() if set(line) == {" ", "e", "^"})
    assert marks.index("e") < marks.index("^")
    assert f"frames {STEP_AT - 1} and {STEP_AT}" in text and "  shifted  FSD" in text
    assert max(len(line) for line in text.splitlines() if "│" in line) <= 80


def test_frames_are_files_with_both_forces(made, tmp_path):
    scan, record = made.suite.scans[0], records(made, 1)[0]
    path = write_frame(tmp_path, scan, STEP_AT, "stepped", Store(made.store).at(record.answer).arrays)
    atoms = read(path)
    assert np.allclose(atoms.positions, scan.positions[STEP_AT], atol=1e-7)
    assert np.allclose(atoms.arrays["reference_forces"], scan.forces[STEP_AT], atol=1e-7)
    assert np.allclose(atoms.get_forces()[0] - scan.forces[STEP_AT][0], 5 / np.sqrt(3), atol=1e-6)
    assert atoms.info["reference_energy"] == pytest.approx(scan.energy[STEP_AT])
