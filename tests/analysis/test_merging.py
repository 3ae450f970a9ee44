"""Results of several files as one, for a report."""

import pytest
from made import changed, results, row, scans

from bsct_zoo.analysis.choice import merged
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.results import TaskInfo


def properties_of(truth):
    """Properties of one model with errors against ``truth``."""
    task = TaskInfo(name="properties", kind="properties", title="", n_items=1, columns=())
    return changed(results(row("a", [1.0]), tasks=(task,)), reference=truth)


def test_the_reference_of_any_file_is_that_of_all():
    truth = row("xtb", [0.0])
    found = merged([results(row("a", [1.0])), properties_of(truth)])
    assert found.reference == truth


def test_errors_against_two_references_do_not_mix():
    with pytest.raises(BadInputError, match="errors are against xtb and dft, which do not compare"):
        merged([properties_of(row("xtb", [0.0])), properties_of(row("dft", [0.0]))])


def test_a_report_may_hold_suites_of_several_files_and_a_choice_may_not():
    one, other = results(row("a", [1.0])), results(row("a", [2.0], task="torsions"), name="torsions", sha256="b" * 64)
    with pytest.raises(BadInputError, match="different scans do not compare"):
        merged([one, other])
    found = merged([one, other], several_suites=True)
    assert [task.name for task in found.tasks] == ["core", "torsions"]
    assert sorted(found.rows[0].evaluations) == ["core", "torsions"]


def test_curves_of_scans_that_one_file_lacks_come_from_the_other():
    """Two draws of --limit from one suite."""
    one = results(row("a", [1.0]), curves={"C-C/0": {"coordinate": "AAAA"}})
    other = results(row("b", [1.0]), curves={"C-C/1": {"coordinate": "AAAA"}})
    (task,) = merged([one, other]).tasks
    assert sorted(task.curves) == ["C-C/0", "C-C/1"]
    assert task == changed(scans(1), curves=task.curves)
