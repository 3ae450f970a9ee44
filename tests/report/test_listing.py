"""Lists fit the width of the terminal: columns are left out, shortened or cut, never folded."""

import pytest
from rich.cells import cell_len

from bsct_zoo.report.listing import ListColumn, console, draw_facts, lines

COLUMNS = [
    ListColumn("model", ["mace", "transformer:medium"]),
    ListColumn("level of theory", ["ωB97M-D3(BJ)/def2-TZVPPD", "GFN2-xTB"], cut=True),
    ListColumn("elements", ["H C N O F P S Cl Br I", "any"], short=["10", "any"]),
    ListColumn("frames", ["7", "1234"], right=True),
    ListColumn("licence", ["MIT", "LGPL-3.0-or-later"], optional=True),
]


@pytest.mark.parametrize("width", range(50, 120, 7))
def test_a_line_an_entry_within_the_width(width):
    text = lines(COLUMNS, width)
    assert len(text) == 3
    assert max(map(cell_len, text)) <= width
    assert text[1].startswith("mace ") and text[2].startswith("transformer:medium ")


def test_what_goes_first():
    wide, middle, narrow, least = (lines(COLUMNS, width) for width in (200, 85, 70, 50))
    assert "LGPL" in wide[2] and "H C N" in wide[1]
    assert "LGPL" not in middle[2] and "H C N" in middle[1]
    assert "H C N" not in narrow[1] and "def2-TZVPPD" in narrow[1]
    assert "…" in least[1] and "…" not in narrow[1]


def test_numbers_stand_below_each_other():
    header, first, second = lines(COLUMNS[3:4], 80)
    assert (header, first, second) == ("frames", "     7", "  1234")


def test_facts_go_on_below_themselves(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    draw_facts({"name": "mace", "empty": "", "cite": "a long citation that does not fit into one line"}, console())
    text = capsys.readouterr().out.splitlines()
    assert text[0] == "name  mace"
    assert text[1].startswith("cite  a long") and text[2].startswith("      ")
    assert max(map(len, text)) <= 40 and not any("empty" in line for line in text)


def test_a_pipe_gets_whole_lines(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    draw_facts({"name": "x " * 200}, console())
    assert len(capsys.readouterr().out.splitlines()) == 1
