import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from bsct_zoo.evaluation.results import Evaluation, ModelResult, Record, Results, TaskInfo
from bsct_zoo.metrics.catalogue import HEADLINE, METRICS
from bsct_zoo.plugins.checks import NVE
from bsct_zoo.plugins.tasks import Quantity
from bsct_zoo.properties.quantities import property_columns
from bsct_zoo.report.files import markdown
from bsct_zoo.report.layout import number
from bsct_zoo.report.tables import groups_table, models_table, rank
from bsct_zoo.report.terminal import draw

GROUPS = ("C-C", "C-N", "C-O", "C-S", "C-P", "N-N", "N-O", "N-P", "O-P")


def drawn(layout, width=80, **terminal):
    buffer = io.StringIO()
    draw(layout, Console(file=buffer, width=width, highlight=False, markup=False, emoji=False, **terminal))
    return buffer.getvalue()


def default(comparison):
    return models_table(comparison, comparison.tasks[0], HEADLINE, "fsd_full")


def by_group(comparison):
    return groups_table(comparison, comparison.tasks[0], "fsd_full", "fsd_full")


# -- 80 columns ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(everything, width):
    layout = default(everything)
    text = drawn(layout, width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    for row in layout.rows:
        for cell in row[1:]:
            assert cell.text + "*" * cell.best in text
    for header in layout.headers:
        assert all(line in text for line in header.split("\n"))


def test_the_default_columns_stand_side_by_side_at_80(comparison, row):
    text = drawn(default(comparison(row("mace", 12.3), row("transformer", 0.123))))
    line = next(line for line in text.splitlines() if line.startswith("mace"))
    assert len(line.split()) == 1 + len(HEADLINE) + 2
    assert sum(line.startswith("mace") for line in text.splitlines()) == 1


@pytest.mark.parametrize("width", [40, 80])
def test_columns_that_do_not_fit_go_below(everything, width):
    layout = models_table(everything, everything.tasks[0], tuple(METRICS), "fsd_full")
    text = drawn(layout, width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert sum(line.startswith("mace") for line in text.splitlines()) > 1
    for title in ("tortuosity", "flips", "jump", "scans", "time"):
        assert title in text


def test_long_names_are_folded_and_not_shortened(everything):
    text = drawn(default(everything))
    first = [line[:26].strip() for line in text.splitlines()]
    assert "a-model:/with/a/long/path.model@cutoff=5" in "".join(first)


def test_brackets_in_a_name_are_not_markup(comparison, row):
    text = drawn(default(comparison(row("mace:[red]x.model"), level_of_theory="[bold]core")))
    assert "[red]" in text
    assert "[bold]core" in text


# -- what it says -------------------------------------------------------------------------------------------


def test_no_colour_when_piped_but_the_best_are_marked(everything):
    text = drawn(default(everything))
    assert "\x1b" not in text
    assert "0.00185*" in text  # of the transformer
    assert "* best of its column" in text


def test_colour_in_a_terminal(everything):
    text = drawn(default(everything), force_terminal=True, color_system="standard")
    assert re.search(r"\x1b\[1;32m0\.00185\*", text)


def test_headers_say_unit_and_direction(everything):
    headers = default(everything).headers
    assert "FSD\nfull\n1/Å ↓" in headers
    assert any(header.endswith("eV/Å ↓") for header in headers)


def test_rows_are_ranked_and_those_without_the_metric_come_last(everything):
    assert [row.model for row in sorted(everything.rows, key=lambda row: rank(everything, row, "fsd_full"))] == [
        "transformer",
        "mace",
        "partial",
        "xtb",
        "a-model:/with/a/long/path.model@cutoff=5",
    ]


def test_best_is_what_reads_as_best(comparison, row):
    layout = default(comparison(row("one", 0.123401), row("two", 0.123402), row("three", 0.2)))
    best = {row[0].text for row in layout.rows if row[1].best}
    assert best == {"one", "two"}


def best_of(comparison, column):
    layout = models_table(comparison, comparison.tasks[0], [column])
    return {row[0].text.strip("¹²³") for row in layout.rows if row[1].best}


def test_a_number_over_fewer_scans_gets_no_star_against_one_over_all(comparison, row):
    """Twenty easy scans are no better than thirty-six; the star goes by what both have."""
    most, few = row("most", 1.0), row("few", 0.5, failed=("C-C/1", "C-N/1", "N-N/1"))
    assert best_of(comparison(most, few), "fsd_full") == set()  # the one over fewer is better on the common ones
    assert best_of(comparison(most, row("few", 2.0, failed=("C-C/1",))), "fsd_full") == {"most"}
    # its mean is lower only since it lacks hard scans: on the common ones it is worse
    hard = tuple(f"{group}/1" for group in ("C-C", "C-N", "C-O", "C-S", "C-P", "N-N", "N-O"))
    easy = comparison(row("most", 1.0), row("few", 1.1, failed=hard))
    assert easy.value(easy.rows[1], "fsd_full") < easy.value(easy.rows[0], "fsd_full")
    assert best_of(easy, "fsd_full") == {"most"}
    table = models_table(easy, easy.tasks[0], ["fsd_full"])
    assert "* best of its column, on the scans that all models have" in table.remarks[-1]


def test_nothing_in_common_gets_no_star(comparison, row):
    first = tuple(f"{group}/0" for group in GROUPS)
    second = tuple(f"{group}/1" for group in GROUPS)
    assert best_of(comparison(row("a", 1.0, failed=first), row("b", 2.0, failed=second)), "fsd_full") == set()


def test_a_group_goes_by_its_own_scans(comparison, row):
    made = comparison(row("whole", 1.0), row("part", 0.5, failed=("C-C/0",)))
    layout = by_group(made)
    column = {
        group: {row[0].text for row in layout.rows if row[place].best} for place, group in enumerate(layout.headers)
    }
    assert column["C-C"] == set() and column["C-N"] == {"part"}


def test_the_reference_itself_gets_no_star(comparison, row):
    made = comparison(row("xtb", 1e-7), row("mace", 0.2), row("nequip", 0.3))
    assert best_of(made, "fsd_full") == {"mace"}
    assert "xtb: it is the reference itself, so its errors say nothing" in default(made).footnotes


def test_absolute_energies_of_other_levels_get_no_star(comparison, row):
    made = comparison(row("own", 2.0), row("own too", 3.0), row("other", 1.0, level="PBE"))
    assert best_of(made, "energy_mae_full") == {"own"}
    assert best_of(made, "energy_mae_aligned_full") == {"other"}


def test_atomisation_energies_get_no_star():
    def measured(model, error):
        quantities = tuple(Quantity(kind, kind, 1.0, "eV", 1.0 - error, error) for kind in ("atomisation", "frequency"))
        record = Record(id="H2O", group="molecule", status="ok", metrics={}, quantities=quantities)
        values = {"atomisation_mae": abs(error), "frequency_mae": abs(error)}
        evaluation = Evaluation(status="ok", values=values, records=(record,))
        return ModelResult(
            model=model, card="a", checkpoint_sha256=None, level_of_theory="", evaluations={"p": evaluation}
        )

    task = TaskInfo(name="p", kind="properties", title="", noun="system", n_items=1, columns=property_columns())
    rows = (measured("a", 0.1), measured("b", 0.2))
    made = Results(bsct_zoo="0", machine={}, settings={}, tasks=(task,), rows=rows, reference=measured("c", 0.0))
    assert best_of(made, "atomisation_mae") == set()
    assert best_of(made, "frequency_mae") == {"a"}
    same = Results(bsct_zoo="0", machine={}, settings={}, tasks=(task,), rows=rows, reference=rows[0])
    assert best_of(same, "frequency_mae") == set()  # "a" is the reference, and "b" is alone


def test_a_model_that_never_failed_is_not_beaten_by_one_that_failed_late():
    def runs(model, times):
        records = tuple(
            Record(id=f"{k}", group="H2O", status="ok" if t is None else "failed", metrics={"failure_time": t})
            for k, t in enumerate(times)
        )
        first = min((t for t in times if t is not None), default=None)
        evaluation = Evaluation(status="partial", values={"first_failure": first}, records=records)
        return ModelResult(
            model=model, card="a", checkpoint_sha256=None, level_of_theory="", evaluations={"nve": evaluation}
        )

    task = TaskInfo(name="nve", kind="md", title="", noun="run", n_items=2, columns=NVE.shown)
    rows = (runs("early", (0.1, 0.2)), runs("late", (0.5, 0.6)), runs("never", (None, None)))
    made = Results(bsct_zoo="0", machine={}, settings={}, tasks=(task,), rows=rows)
    assert best_of(made, "nve_first_failure") == set()
    made = Results(bsct_zoo="0", machine={}, settings={}, tasks=(task,), rows=rows[:2])
    assert best_of(made, "nve_first_failure") == {"late"}


def test_a_single_model_is_not_called_the_best(comparison, row):
    layout = default(comparison(row("one")))
    assert not any(cell.best for row in layout.rows for cell in row)
    assert not any("best" in remark for remark in layout.remarks)


def test_every_empty_cell_has_a_footnote(everything):
    layout = default(everything)
    for row in layout.rows:
        for cell in row:
            assert cell.text
            assert cell.text != "–"
            assert "nan" not in cell.text
    notes = "\n".join(layout.footnotes)
    assert "killed | by the kernel" in notes
    assert "3 scans failed: it does not know Si; its means are over the other scans" in notes


def test_means_over_fewer_scans_say_so(comparison, row):
    some = row("one", counts=dict.fromkeys(METRICS, 18) | {"fsd_compress": 7})
    layout = default(comparison(some))
    assert any(note.startswith("mean over 7 of 18 scans") for note in layout.footnotes)


def test_scans_and_failures_are_counted(everything):
    text = drawn(default(everything))
    assert "18/18" in text
    assert "15/18" in text
    assert "0/18" in text


def test_levels_of_theory_stand_beside_the_suites_with_a_warning_where_they_differ(everything):
    layout = default(everything)
    warnings = [note for note in layout.footnotes if note.startswith("warning")]
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: xtb: GFN2-xTB; the reference is GFN2-xTB (Te=3000 K)")
    assert any("suite GFN2-xTB (Te=3000 K); mace, transformer" in remark for remark in layout.remarks)


def test_a_suite_without_reference_warns_of_nothing(comparison, row):
    layout = default(comparison(row("one", empty=("fsd_full", "energy_mae_aligned_full")), level_of_theory=None))
    assert not any(note.startswith("warning") for note in layout.footnotes)
    assert "the suite has no reference" in layout.footnotes


def test_a_range_that_no_scan_has_is_not_blamed_on_the_suite(comparison, row):
    """Some scans have no reference, the others have one and not this range."""
    from made import changed

    def lacking(reasons):
        made = comparison(row("one", empty=("fsd_full",)))
        evaluation = made.rows[0].evaluations["core"]
        records = [
            changed(r, missing={reasons[k % len(reasons)]: ["fsd_full"]}) for k, r in enumerate(evaluation.records)
        ]
        made.rows[0].evaluations["core"] = changed(evaluation, records=tuple(records))
        return default(made).footnotes

    assert "the suite has no reference" in lacking(["no reference"])
    assert "the scan does not have this range" in lacking(["the scan does not have this range"])
    mixed = lacking(["no reference", "no reference", "the scan does not have this range"])
    assert "12 scans have no reference" in mixed and "the suite has no reference" not in mixed


# -- by bond ------------------------------------------------------------------------------------------------


def test_by_bond_has_a_column_for_each_bond_type(everything):
    layout = by_group(everything)
    assert layout.headers[1:] == ["C-C", "C-N", "C-O", "C-S", "C-P", "N-N", "N-O", "N-P", "O-P"]
    by_model = {row[0].text.rstrip("¹²³⁴⁵"): row for row in layout.rows}
    assert by_model["mace"][1].text == number(0.002345 * 1.5)
    assert by_model["partial"][1].text.startswith("–")
    assert by_model["partial"][6].text.startswith("1.00")  # of two N-N the first failed
    notes = "\n".join(layout.footnotes)
    assert "partial: 2 of 2 C-C failed: the model does not know Si" in notes
    assert "partial: 1 of 2 N-N failed: the model does not know Si; the mean is over the others" in notes
    assert max(cell_len(line) for line in drawn(layout).splitlines()) <= 80


def test_by_bond_tells_two_rows_of_one_name_apart(comparison, row):
    layout = by_group(comparison(row("xtb", 1.0), row("xtb", 2.0)))
    assert [cells[1].text for cells in layout.rows] == ["1.50", "3.00"]


# -- numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1.00"),
        (9.999, "10.0"),
        (99.96, "100"),
        (0.00123456, "0.00123"),
        (0.000123456, "1.23e-4"),
        (12345.6, "12346"),
        (123456.0, "1.23e5"),
        (1.5e-12, "1.50e-12"),
        (-0.5, "-0.500"),
    ],
)
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_never_shown(value):
    with pytest.raises(ValueError, match="not finite"):
        number(value)


# -- Markdown -----------------------------------------------------------------------------------------------


def test_markdown_is_one_table_with_its_footnotes(everything):
    layout = default(everything)
    lines = markdown(layout).splitlines()
    table = [line for line in lines if line.startswith("|")]
    columns = len(layout.headers)
    assert len(table) == 2 + len(everything.rows)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == columns + 1 for line in table)
    assert "| **0.00185** |" in markdown(layout)
    for number_, note in zip("¹²³⁴", layout.footnotes, strict=False):
        assert f"{number_} {note}" in lines
    assert "\x1b" not in markdown(layout)


def test_scans_that_no_model_can_be_blamed_for_are_counted(comparison, row):
    sound = comparison(row("mace"))
    assert not any("flagged" in remark for remark in default(sound).remarks)
    flagged = comparison(row("mace"), flagged=("C-C/0", "N-N/1"))
    said = (
        "flagged: 2 of 18 scans have a reference that is itself not smooth or not whole; see: bsct-zoo suites show core"
    )
    for layout in (default(flagged), by_group(flagged)):
        assert said in layout.remarks
