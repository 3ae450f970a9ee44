"""The leaderboard: ranks, filters, history, and files that others wrote, in a browser too."""

import json

import pytest
from made import changed, results, row
from made_report import POISON, poisoned
from typer.testing import CliRunner

from bsct_zoo.cli.main import app
from bsct_zoo.evaluation.results import json_text
from bsct_zoo.metrics.catalogue import METRICS
from bsct_zoo.metrics.columns import aggregate
from bsct_zoo.report.leaderboard.boards import boards, slug
from bsct_zoo.report.leaderboard.write import site


def of(date, *rows, **changes):
    return changed(results(*map(summed, rows), **changes), date=f"{date}T00:00:00Z" if date else "")


def summed(row):
    """``row`` with the columns that its records give, whatever they are taken over."""
    (own,) = row.evaluations.values()
    both = {column.name: aggregate(column, own.records) for column in METRICS.values()}
    values, counts = ({name: pair[n] for name, pair in both.items()} for n in (0, 1))
    return changed(row, evaluations={"core": changed(own, values=values, counts=counts)})


@pytest.fixture(scope="module")
def files():
    """Three files: an old run of one model, a later one beside others, and a run on fewer scans."""
    other = {"level_of_theory": "PBE", "licence": "ASL", "elements": ("H", "C", "Si")}
    return [
        ("old.json", of("2026-01-01", row("mace", [8.0, 9.0]), row("gone", [3.0, 3.5]))),
        ("new.json", of("2026-03-01", row("mace", [4.0, 5.0]), row("pbe", [2.0, 2.5], **other))),
        ("part.json", of("2026-02-01", row("lost", [0.1, 0.2], failed=(1,)), row("any", [4.0, 5.0], elements=()))),
        ("few.json", of("", row("mace", [1.0]))),
    ]


@pytest.fixture(scope="module")
def folder(files, tmp_path_factory):
    """The site, by the command, from files of which two are no good."""
    here = tmp_path_factory.mktemp("board")
    for name, one in files:
        (here / name).write_text(json_text(one))
    spoiled = json.loads((here / "new.json").read_text())
    spoiled["rows"][0]["evaluations"]["core"]["values"]["fsd_full"] = 4.25
    (here / "spoiled.json").write_text(json.dumps(spoiled))
    (here / "broken.json").write_text("{")
    (here / "same.json").write_bytes((here / "old.json").read_bytes())
    done = CliRunner().invoke(
        app,
        ["leaderboard", "build", str(here / "site"), *map(str, sorted(here.glob("*.json")))],
        standalone_mode=False,
    )
    assert done.return_value == 1, done.output
    lines = [line for line in done.output.splitlines() if line.startswith("left out")]
    assert "same.json is the same as old.json" in lines.pop(1)
    assert len(lines) == 2 and "broken.json is not JSON" in lines[0]
    assert "spoiled.json was changed by hand: mace, core, fsd_full: 4.25 in the file, 4.5 by its records" in lines[1]
    assert str(here) not in done.output.replace(str(here / "site"), "")
    return here / "site"


def test_what_was_asked_alike_is_one_board(files):
    first, second = boards(files)
    assert [run.row.model for run in first.last] == ["mace", "gone", "lost", "any", "pbe"]
    assert [run.file for run in first.runs if run.row.model == "mace"] == ["old.json", "new.json"]
    assert second.task.n_items == 1 and first.slug != second.slug
    names = [one.model for one in first.results().rows]
    assert len(set(names)) == len(names)


def test_two_models_of_one_name_are_two(files):
    twin = of("2026-04-01", row("mace", [1.0, 1.0], card="mine"))
    (board, *_) = boards([*files, ("twin.json", twin)])
    assert [one.model for one in board.results().rows].count("mace (2)") == 1


def test_pages_have_names_that_no_text_can_choose():
    assert "/" not in slug("../../etc/passwd") and slug("") != slug("", "a")
    assert slug("a/b") != slug("a b") and len(slug("x" * 500)) < 60


def test_a_folder_of_something_else_is_refused(files, tmp_path):
    (tmp_path / "mine.txt").write_text("")
    (tmp_path / "r.json").write_text(json_text(files[0][1]))
    done = CliRunner().invoke(app, ["leaderboard", "build", str(tmp_path), str(tmp_path / "r.json")])
    assert "which is no leaderboard's" in str(done.exception)
    done = CliRunner().invoke(app, ["leaderboard", "build", str(tmp_path / "site"), str(tmp_path / "mine.txt")])
    assert "none of 1 files can be used" in str(done.exception)


def models(window, table="board-0"):
    return window.run(f"return [...document.querySelectorAll('#{table} tbody th a')].map(a => a.textContent)")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_index_ranks_and_filters(folder, opened, width):
    address = (folder / "index.html").as_uri()
    window = opened(address, "", width)
    order = models(window)  # "lost" has the smallest mean, of one scan; two are alike
    assert [*order[:2], *sorted(order[2:4]), order[4]] == ["pbe", "gone", "any", "mace", "lost"]
    ranks = [text.splitlines()[0] for text in window.texts("#board-0 tbody td:nth-child(2)")]
    assert ranks == ["1", "2", "3", "3", "–"]
    assert len(window.texts("#left-out li")) == 3
    assert window.run("return document.documentElement.scrollWidth") <= width
    window.one("#elements").send_keys("Si")
    assert models(window) == ["pbe", "any"] and "elements=Si" in window.hash
    window.run("arguments[0].selectedIndex = 1; arguments[0].dispatchEvent(new Event('change'))", window.one("#level"))
    assert models(window) == ["any"] and models(window, "board-1") == []
    again = opened(address, window.hash, width)
    assert models(again) == ["any"] and again.one("#elements").get_attribute("value") == "Si"


def test_links_lead_to_models_and_suites_and_history_is_told(folder, opened):
    window = opened((folder / "index.html").as_uri(), "")
    window.one("h2 a").click()
    window.wait("document.getElementById('runs')")
    assert len(window.all("#runs tbody tr")) == 6
    link = next(a for a in window.all("#board-0 tbody th a") if a.text == "mace")
    link.click()
    window.wait("document.querySelector('.history')")
    assert "rank 3 of 4" in window.one("#view").text
    assert "8.50 to 4.50 1/Å" in window.one(".history").text
    days = [text.split()[0] for text in window.texts("#runs-0 tbody tr")]
    assert days == ["2026-03-01", "2026-01-01"]
    window.one(".brand").click()
    window.wait("document.getElementById('board-0')")


def test_texts_stay_texts(made, opened, tmp_path):
    """Script tags, markup and formulas in everything that a file can say."""
    hostile = poisoned(made).results
    pages = site([(f"{POISON}.json", hostile)], [f"left out: {POISON}"])
    for name, text in pages.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        window = opened((tmp_path / name).as_uri(), "")
        assert window.run("return window.broken") is None
        assert window.run("return document.querySelectorAll('#view img, #view b b, #view script, iframe').length") == 0
        assert POISON.strip() in window.run("return document.body.textContent").replace("\u00a0", " ")
        assert window.run("return performance.getEntriesByType('resource').length") == 0
