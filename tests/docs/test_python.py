"""The pages on Python and on tasks, and the notebook: every example runs."""

import os
import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)


def test_the_page_on_python(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks("python.md"):
        exec(compile(block, "python.md", "exec"), names)
    out = capsys.readouterr().out
    assert "core: 9 scans" in out and "eV" in out and "frames" in out
    assert {"results.json", "results.csv", "report.html"} <= {path.name for path in tmp_path.iterdir()}
    assert len(names["frame"]) == 1 and len(names["scans"]) == 9


def test_the_page_on_tasks(tmp_path, monkeypatch):
    import bsct_zoo as bz
    from bsct_zoo.errors import BadInputError, UnknownNameError
    from bsct_zoo.evaluation.tasks import parse_task
    from bsct_zoo.plugins.registry import registry

    (source,) = blocks("tasks.md")
    (tmp_path / "far_away.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "cache"))
    import far_away

    (task,) = far_away.register_tasks()
    monkeypatch.setitem(registry().tasks, task.name, task)
    asked = parse_task("far-away@distance=500")
    report = bz.compare(["transformer"], limit=2, tasks=[asked, "nve@time=0.005,molecules=H2O"])
    assert [info.name for info in report.results.tasks] == ["core", "far-away", "nve"]
    shift = report.value("transformer", "far_away_shift")
    assert shift is not None and abs(shift) < 1.0
    assert report.worst("transformer", column="far_away_shift")[0].id in ("H2O", "CH3OH", "C6H6")
    with pytest.raises(BadInputError, match="distance must be a number of at least 0"):
        parse_task("far-away@distance=-1")
    with pytest.raises(UnknownNameError, match="did you mean distance"):
        parse_task("far-away@distanc=1")
    del sys.modules["far_away"]


NOTEBOOKS = {
    "first-steps": ["transformer", "<svg", "level of theory"],
    "which-model": ["suite mine", "<circle", "fsd_full_from_zero", "potential"],
    "smoothness-in-training": ["FSD, 1/Å", "smoothness"],
}


def test_no_notebook_is_forgotten():
    assert {path.stem for path in (DOCS / "notebooks").glob("*.ipynb")} == set(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_notebook(name, tmp_path, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    pytest.importorskip("pandas")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    notebook = nbformat.read(DOCS / "notebooks" / f"{name}.ipynb", as_version=4)
    stored = shown(notebook)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    html = shown(notebook)
    assert [word for word in NOTEBOOKS[name] if word not in html] == []
    assert not stored or [word for word in NOTEBOOKS[name] if word not in stored] == []
    if name == "smoothness-in-training":  # what its text says of the numbers
        (broad, narrow) = re.findall(r"<td>400</td>\s*<td>([\d.]+)</td>\s*<td>([\d.]+)</td>", html)
        assert float(narrow[1]) > 1.5 * float(broad[1]) and float(narrow[0]) < 1.25 * float(broad[0])


def shown(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(output.get("data", {}).get("text/html", "") for output in outputs)


def test_everything_shows_itself():
    pytest.importorskip("pandas")
    import bsct_zoo as bz
    from bsct_zoo.models.naming import parse_model
    from bsct_zoo.training.smoothness import Smoothness

    suite = bz.load_suite("core").select(limit=2)
    report = bz.compare(["transformer"], suite=suite)
    (record,) = report.worst("transformer", n=1)
    assert len(suite.to_pandas()) == 2 and next(iter(suite.scans[0].to_pandas())) == "coordinate"
    assert len(report.to_pandas(records=True)) == 2 and report.to_pandas(quantities=True).empty
    things = [suite, suite.scans[0], report, record, parse_model("transformer"), Smoothness(1.0, 1.0, 1.0, 2, 0.1)]
    with bz.load("transformer") as potential:
        for thing in [*things, potential]:
            assert "<t" in thing._repr_html_()
    assert suite.scans[0]._repr_html_().count("<circle") == suite.scans[0].n_atoms
    assert record._repr_html_().count("<polyline") == 3
    assert len(repr(suite)) < 100 and len(repr(suite.scans[0])) < 100


def test_what_a_notebook_shows_is_escaped():
    from bsct_zoo import notebook

    evil = "<script>alert(1)</script>"
    for html in (
        notebook.table([evil], [[evil]], evil),
        notebook.facts(evil, [(evil, evil)]),
        notebook.curve([0.0, 1.0], [0.0, 1.0], evil),
        notebook.curve([], [], evil),
        notebook.molecule([evil], [[0.0, 0.0, 0.0]], [0.5], [f"'>{evil}"], [], [0], evil),
    ):
        assert "<script" not in html and "&lt;script&gt;" in html
