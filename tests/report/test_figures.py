"""Figures for papers: sizes, what is drawn, and names that are no markup."""

import json
import re

import numpy as np
import pytest
from made_report import STEP_AT, make, poisoned

from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.results import json_text
from bsct_zoo.report.figures.md import md_figure
from bsct_zoo.report.figures.scan import scan_figure
from bsct_zoo.report.figures.spread import ladder_figure, pareto_figure, violin_figure
from bsct_zoo.report.figures.style import WIDTH, check_format, style, write_figure

KINDS = ("scan", "violin", "pareto", "ladder", "md")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("figures") / "answers")


def drawn(made, kind, size="column"):
    results, task = made.results, made.results.tasks[0]
    rows = list(results.rows)
    with style():
        if kind == "scan":
            return scan_figure(task, rows, made.suite.scans[0].id, size)
        if kind == "violin":
            return violin_figure(results, rows, "fsd_full", size)
        if kind == "pareto":
            return pareto_figure(results, rows, "forces_mae_full", "fsd_full", size)
        if kind == "ladder":
            return ladder_figure(results, rows, ["fsd_full", "forces_mae_full"], size)
        return md_figure(results.tasks[1], rows, size)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", WIDTH)
def test_figures_have_the_width_of_a_column_or_a_page(made, tmp_path, kind, size):
    from PIL import Image

    write_figure(drawn(made, kind, size), tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as picture:
        assert picture.width == pytest.approx(300 * WIDTH[size], abs=2)


def test_a_scan_marks_the_deciding_step_and_the_equilibrium(made):
    panels = drawn(made, "scan").axes
    scan = made.suite.scans[0]
    marks = [line for line in panels[2].lines if line.get_marker() not in ("None", "")]
    middle = scan.coordinate[[STEP_AT - 1, STEP_AT]].mean()
    value = made.results.rows[1].evaluations["core"].records[0].metrics["fsd_full"]
    assert any(np.allclose([m.get_xdata()[0], m.get_ydata()[0]], [middle, value], rtol=1e-3) for m in marks)
    dotted = [line.get_xdata()[0] for line in panels[0].lines if line.get_linestyle() == ":"]
    assert dotted == [pytest.approx(scan.coordinate[scan.energy.argmin()], abs=1e-4)]


def test_a_violin_has_every_scan_and_the_best_on_top(made):
    (panel,) = drawn(made, "violin").axes
    assert [text.get_text() for text in panel.get_yticklabels()] == ["stepped", "shifted", "lost"]
    points = [line.get_xdata() for line in panel.lines if line.get_marker() == "."]
    known = {len(x): x for x in points}
    values = [r.metrics["fsd_full"] for r in made.results.rows[2].evaluations["core"].records]
    assert sorted(known[5]) == sorted(value for value in values if value is not None)


def test_a_front_joins_what_nothing_beats(made):
    (panel,) = drawn(made, "pareto").axes
    front = next(line for line in panel.lines if line.get_linestyle() == "--")
    values = made.results.rows[2].evaluations["core"].values
    assert list(front.get_xdata()) == [values["forces_mae_full"]]
    assert list(front.get_ydata()) == [values["fsd_full"]]
    assert {text.get_text() for text in panel.texts} == {"shifted", "stepped", "lost"}


def test_a_ladder_keeps_the_order(made):
    panels = drawn(made, "ladder").axes
    assert [text.get_text() for text in panels[-1].get_xticklabels()] == ["shifted", "stepped", "lost"]
    values = [row.evaluations["core"].values["fsd_full"] for row in made.results.rows]
    assert list(panels[0].lines[0].get_ydata()) == values


def test_md_marks_a_run_that_failed(made):
    panels = drawn(made, "md").axes
    assert [panel.get_title(loc="left") for panel in panels] == ["shifted", "stepped", "lost"]
    crosses = [line for line in panels[0].lines if line.get_marker() == "x"]
    assert [cross.get_xdata()[0] for cross in crosses] == [1.0]


@pytest.mark.parametrize(("kind", "ending"), [*((kind, ".svg") for kind in KINDS), ("scan", ".pdf")])
def test_names_are_no_formulas_and_files_are_the_same_again(made, tmp_path, kind, ending):
    """A name with dollars, markup and a leading underscore is drawn as it is."""
    bad = poisoned(made)
    texts = []
    for name in ("a", "b"):
        write_figure(drawn(bad, kind), tmp_path / f"{name}{ending}")
        texts.append((tmp_path / f"{name}{ending}").read_bytes())
    assert texts[0] == texts[1]


def test_text_of_a_hostile_name_is_whole(made):
    (panel,) = drawn(poisoned(made), "violin").axes
    assert all("…" in text.get_text() for text in panel.get_yticklabels())
    assert all(not text.get_parse_math() for text in panel.get_yticklabels())


def test_formats_that_are_none(tmp_path):
    with pytest.raises(BadInputError, match=r"end it in .png, .svg or .pdf"):
        check_format(tmp_path / "figure.docx")


# -- the command --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def file(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("results") / "r.json"
    path.write_text(json_text(made.results))
    return path


@pytest.fixture
def command(capsys, monkeypatch):
    """Run the command line in this process: exit code, standard output and error."""
    import sys

    from bsct_zoo.cli.main import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["bsct-zoo", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return run


def test_the_command_draws_every_kind(command, file, tmp_path):
    for kind in KINDS:
        to = tmp_path / f"{kind}.svg"
        code, out, _ = command("plot", file, "--kind", kind, "-o", to, "--size", "page")
        assert (code, out) == (0, f"wrote {to}\n") and to.stat().st_size > 5000
    code, _, _ = command(
        "plot", file, "--kind", "ladder", "--model", "lost", "--model", "shifted", "-o", tmp_path / "l.svg"
    )
    assert code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kind", "scan", "--scan", "C-C/ethan"], "unknown scan 'C-C/ethan'"),
        (["--kind", "violin", "--metric", "fsd_ful"], "unknown metric 'fsd_ful'; did you mean fsd_full"),
        (["--kind", "violin", "--metric", "fsd_full,fsd_stretch"], "a violin is of one metric"),
        (["--kind", "pareto", "--model", "mace"], "unknown model 'mace'"),
        (["--kind", "md", "--task", "nvt"], "unknown task 'nvt'"),
        (["--kind", "correlation", "--x", "none"], "no result has the metric 'none'"),
        (["--kind", "pie"], "'pie' is not one of"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(command, file, tmp_path, arguments, said):
    code, out, err = command("plot", file, "-o", tmp_path / "x.png", *arguments)
    assert code == 2 and out == "" and len(err.strip().splitlines()) == 1
    assert said in err
    assert not (tmp_path / "x.png").exists()


def test_reports_are_refused_in_one_line(command, file, tmp_path, made):
    for arguments, said in (
        (["report", file, "--html", tmp_path], "is a folder; name a file"),
        (["report", file, "--html", "-"], "--html needs the name of a file"),
        (["report", tmp_path / "none.json", "--html", tmp_path / "r.html"], "cannot read"),
        (["report", file, "--html", tmp_path / "r.html", "--suite", "torsions"], "no result is of suite torsions"),
        (["explain", "transformer", "C-C/ethan"], "unknown scan of suite 'core' 'C-C/ethan'"),
        (["explain", "transformer", "--frames", file], "is not a folder"),
    ):
        code, out, err = command(*arguments)
        assert code == 2 and out == "" and len(err.strip().splitlines()) == 1, err
        assert said in err


def test_without_plotly_one_line_says_what_to_install(command, file, tmp_path, monkeypatch):
    import bsct_zoo.report.page.write as write

    monkeypatch.setattr(write, "find_spec", lambda name: None)
    code, _, err = command("report", file, "--html", tmp_path / "r.html")
    assert code == 2 and err == "error: an HTML report needs plotly; install it with: pip install 'plotly>=6'\n"


def test_reports_of_several_files_are_one(command, made, tmp_path):
    """Scans in one file, dynamics and properties in others."""
    data = json.loads(json_text(made.results))
    paths = []
    for task in data["tasks"]:
        own = {**data, "tasks": [task]}
        own["rows"] = [{**row, "evaluations": {task["name"]: row["evaluations"][task["name"]]}} for row in data["rows"]]
        paths.append(tmp_path / f"{task['name']}.json")
        paths[-1].write_text(json.dumps(own))
    code, out, _ = command("report", *paths, "--html", tmp_path / "r.html")
    assert code == 0 and re.fullmatch(r"wrote .*r\.html \(\d\.\d MB\)\n", out)
