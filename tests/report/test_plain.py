"""Names that would control a terminal, forge a line or be a formula are shown and not obeyed."""

import csv
import dataclasses
import io
import subprocess
import sys

import numpy as np
import pytest
from made import changed, results, row

from bsct_zoo.evaluation.results import json_text
from bsct_zoo.plugins.cards import Adapter, ModelCard
from bsct_zoo.report.console import make_console
from bsct_zoo.report.files import csv_text, markdown
from bsct_zoo.report.layout import Cell, Layout
from bsct_zoo.report.listing import draw_facts
from bsct_zoo.report.model_tables import draw_model, draw_models
from bsct_zoo.report.plain import PlainStream, marked_down, one_line, plain
from bsct_zoo.report.report import Report
from bsct_zoo.report.suite_tables import draw_scans, draw_suite
from bsct_zoo.report.terminal import draw
from bsct_zoo.suites.library import open_suite

EVIL = "a\x1b[2J\x1b]0;owned\x07\x9b31m\u202eb\rc\nwarning: forged"


def harmless(text):
    return not any((c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f" or c == "\u202e" for c in text)


def test_plain():
    assert plain("a\x1b[31mb\x07\x9b\u202e\n\tc é →") == "a\\x1b[31mb\\x07\\x9b\\u202e\n\tc é →"
    assert one_line(EVIL).count("\n") == 0 and harmless(one_line(EVIL))
    assert marked_down("<img> [x](http://y) `z` |") == "&lt;img> [x]\\(http://y) \\`z\\` |"


def evil_results():
    first = row(EVIL, [1.0, 2.0], failed=(1,), level_of_theory=EVIL, group=f"=cmd{EVIL}")
    bad = results(first, row("=1+1", [3.0, 4.0]))
    evaluation = bad.rows[0].evaluations["core"]
    records = tuple(changed(r, message=EVIL, notes=(EVIL,)) for r in evaluation.records)
    bad.rows[0].evaluations["core"] = changed(evaluation, message=EVIL, notes=(EVIL,), records=records)
    return bad


def drawn(function, *arguments, **options):
    buffer = io.StringIO()
    function(*arguments, make_console(file=buffer, width=100, **options))
    return buffer.getvalue()


def evil_suite():
    core = open_suite("core")
    scan = dataclasses.replace(core.scans[0], id=EVIL, group=EVIL, kind=EVIL, notes={"flags": [EVIL]})
    return dataclasses.replace(core, name=EVIL, title=EVIL, licence=EVIL, citation=EVIL, scans=(scan,))


def evil_model():
    card = ModelCard(EVIL, EVIL, EVIL, EVIL, EVIL, citation=EVIL, notes={EVIL: EVIL})
    return Adapter(EVIL, EVIL, "m:f", (card,), citation=EVIL), card


def layout():
    made = Layout(EVIL, ["model", "x"], [[Cell(EVIL), Cell("1")]], [EVIL])
    made.note(EVIL, EVIL)
    return made


@pytest.mark.parametrize(
    "text",
    [
        lambda: repr(Report(evil_results())),
        lambda: Report(evil_results()).to_markdown(),
        lambda: csv_text(evil_results()),
        lambda: drawn(draw, layout()),
        lambda: markdown(layout()),
        lambda: drawn(draw_suite, evil_suite()),
        lambda: drawn(draw_scans, evil_suite().scans),
        lambda: drawn(draw_model, *evil_model()),
        lambda: drawn(draw_models, [evil_model()]),
        lambda: drawn(draw_facts, {EVIL: EVIL}),
        lambda: json_text(evil_results(), ascii_only=True),
    ],
    ids=["terminal", "markdown", "csv", "table", "md", "suite", "scans", "model", "models", "facts", "json"],
)
def test_no_output_passes_an_escape_on(text):
    assert (harmless(text()) and "x1b" in text()) or "u001b" in text()


def test_no_name_forges_a_line():
    for text in (drawn(draw, layout()), markdown(layout())):
        assert not any(line.strip().startswith("warning: forged") for line in text.splitlines())


def test_cells_of_csv_are_no_formulas():
    cells = [cell for line in csv.reader(io.StringIO(csv_text(evil_results()))) for cell in line]
    texts = [cell for cell in cells if cell and not cell.lstrip("-").replace(".", "").replace("e-", "").isdigit()]
    assert "'=1+1" in texts and not any(cell.startswith(("=", "+", "-", "@")) for cell in texts)
    assert not any("\n" in cell for cell in cells)
    numbers = results(row("a", -np.arange(3.0)))
    assert any(line["fsd_full"] == "-1.0" for line in csv.DictReader(io.StringIO(csv_text(numbers))))


def test_colours_of_ours_stay():
    text = drawn(draw, Layout("t", ["a", "b"], [[Cell("m\x1b[31m"), Cell("1", best=True)]]), force_terminal=True)
    assert "\x1b[1;32m1*" in text and "\\x1b[31m" in text


def test_what_is_printed_is_guarded(tmp_path):
    buffer = io.StringIO()
    print(EVIL, file=PlainStream(buffer))
    assert harmless(buffer.getvalue())
    (tmp_path / "x\x1b[31m.json").write_text("{}")
    done = subprocess.run(
        [sys.executable, "-m", "bsct_zoo", "select", "--from", str(tmp_path / "x\x1b[31m.json")], capture_output=True
    )
    assert done.returncode == 2 and b"\x1b" not in done.stderr and b"x\\x1b[31m.json has no schema" in done.stderr
