"""The pages on Python and on tasks, and the notebook: every example runs."""

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


def test_the_notebook(tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    pytest.importorskip("pandas")
    notebook = nbformat.read(DOCS / "notebooks" / "first-steps.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    html = "".join(output.get("data", {}).get("text/html", "") for output in shown)
    assert "transformer" in html and "<svg" in html and "level of theory" in html


def test_what_a_notebook_shows_is_escaped():
    from bsct_zoo import notebook

    evil = "<script>alert(1)</script>"
    for html in (
        notebook.table([evil], [[evil]], evil),
        notebook.facts(evil, [(evil, evil)]),
        notebook.curve([0.0, 1.0], [0.0, 1.0], evil),
        notebook.curve([], [], evil),
    ):
        assert "<script" not in html and "&lt;script&gt;" in html
