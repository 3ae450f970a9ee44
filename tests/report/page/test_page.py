"""The page as a file: what is in it, what is not, and what it says of that."""

import base64
import gzip
import json
import re

import msgspec
import numpy as np
import pytest

from bsct_zoo.evaluation.curves import decode
from bsct_zoo.evaluation.store import Store
from bsct_zoo.report.page.packing import packed_arrays
from bsct_zoo.report.page.scans import FrameSource, Packed, worst_first
from bsct_zoo.report.page.summary import mean_intervals
from bsct_zoo.report.page.verdict import verdict
from bsct_zoo.report.page.write import page
from bsct_zoo.report.report import Report


def block(html, name):
    (text,) = re.findall(rf'<script type="text/plain" id="{name}">([A-Za-z0-9+/=]*)</script>', html)
    return gzip.decompress(base64.b64decode(text))


@pytest.fixture(scope="module")
def html(made):
    return made.page()


@pytest.fixture(scope="module")
def summary(html):
    return json.loads(block(html, "summary"))


def test_nothing_is_fetched_and_only_our_scripts_run(html):
    assert not re.search(r"<(link|img|iframe|script)[^>]*(src|href)=", html)
    assert "default-src 'none'; script-src 'sha256-" in html
    assert "unsafe-inline'; img" in html and "script-src 'unsafe" not in html and "unsafe-eval" not in html
    assert len(html) < 4e6


def test_the_page_of_the_same_results_is_the_same(made, html):
    assert made.page() == html


def test_numbers_are_those_of_the_results(made, summary):
    for row, model in zip(made.results.rows, summary["models"], strict=True):
        assert model["evaluations"]["core"]["values"] == row.evaluations["core"].values
        for record, own in zip(row.evaluations["core"].records, model["evaluations"]["core"]["records"], strict=True):
            metrics = dict(zip(model["evaluations"]["core"]["metrics"], own["values"], strict=True))
            assert metrics == record.metrics


def test_intervals_are_those_of_a_bootstrap_of_each_mean(made):
    task = made.results.tasks[0]
    evaluation = made.results.rows[0].evaluations["core"]
    low, high = mean_intervals(task, evaluation)["fsd_full"]
    values = np.array([record.metrics["fsd_full"] for record in evaluation.records])
    draws = np.random.default_rng(5).choice(values, (20000, len(values))).mean(1)
    assert (low, high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), rel=0.05)


def test_the_verdict_names_the_smoothest_and_says_what_is_chance(made):
    """ "lost" is nearest to the reference; every scan says so, which is more than chance."""
    text = verdict(made.results)
    assert text.startswith("lost follows the reference most smoothly of 3 models on 6 scans of core (FSD of ")
    assert text.endswith("a difference beyond chance.")
    tied = msgspec.structs.replace(made.results.rows[2], model="twin")
    both = msgspec.structs.replace(made.results, rows=(made.results.rows[2], tied))
    assert "its lead over twin is within chance" in verdict(both)
    alone = msgspec.structs.replace(made.results, rows=made.results.rows[:1])
    assert "one model alone has no rank" in verdict(alone)


def test_the_worst_scans_come_first(made):
    order = worst_first(made.results)
    failed = made.suite.scans[1].id
    assert ("core", failed) in order[:3]
    records = [row.evaluations["core"].records for row in made.results.rows[:2]]
    worst = {max(own, key=lambda record: record.metrics["fsd_full"]).id for own in records}
    assert {id for _, id in order[: len(worst | {failed})]} == worst | {failed}
    assert len(order) == 6


def test_forces_are_left_out_where_there_is_no_room_and_the_page_says_so(made):
    source = FrameSource({"core": made.suite}, Store(made.store))
    bare = Packed(made.results, source, lambda curves: 0)
    whole = Packed(made.results, source, lambda curves: None)
    part = Packed(made.results, source, lambda curves: sum(map(len, whole.chunks.values())) - curves - 10)
    assert (bare.with_forces, part.with_forces, whole.with_forces) == (0, 5, 6)
    assert [len(part.chunks[key]) > len(bare.chunks[key]) for key in worst_first(made.results)] == [True] * 5 + [False]


def test_without_store_and_suite_curves_and_numbers_are_there(made, tmp_path, page_of, opened):
    """RESULT.json alone, on a machine that never saw the suite."""
    name = "gone"
    tasks = (msgspec.structs.replace(made.results.tasks[0], name=name), *made.results.tasks[1:])
    rows = tuple(
        msgspec.structs.replace(row, evaluations={name if k == "core" else k: e for k, e in row.evaluations.items()})
        for row in made.results.rows
    )
    Report(msgspec.structs.replace(made.results, tasks=tasks, rows=rows)).to_json(tmp_path / "r.json")
    from bsct_zoo.evaluation.results import read_results

    html = page(read_results(tmp_path / "r.json"), {}, tmp_path / "empty")
    remarks = json.loads(block(html, "summary"))["remarks"]
    assert "The frames of gone are not on the machine" in remarks[0]
    id = made.suite.scans[0].id.replace("/", "%2F")
    window = opened(page_of("alone.html", html), f"#/scan/gone/{id}")
    assert not window.all(".molecule") and "there is no molecule" in window.one(".side").text
    assert len(window.all(".figure .trace")) > 5


def test_a_store_that_is_gone_costs_the_arrows_alone(made, tmp_path):
    html = page(made.results, {"core": made.suite}, tmp_path / "empty")
    remarks = " ".join(json.loads(block(html, "summary"))["remarks"])
    assert "17 answers are not in the cache any more" in remarks and "no molecules" not in remarks


def test_another_suite_of_that_name_is_not_taken(made, tmp_path):
    other = msgspec.structs.replace(made.results.tasks[0], sha256="0" * 64)
    results = msgspec.structs.replace(made.results, tasks=(other, *made.results.tasks[1:]))
    remarks = " ".join(json.loads(block(page(results, {}, made.store), "summary"))["remarks"])
    assert "are other ones than those tested" in remarks


def test_results_without_curves_say_so(made):
    tasks = tuple(msgspec.structs.replace(task, curves={}) for task in made.results.tasks)
    results = msgspec.structs.replace(made.results, tasks=tasks)
    assert "kept no curves" in json.loads(block(page(results, {}, made.store), "summary"))["remarks"][-1]


def test_packing_says_what_is_where():
    packed = packed_arrays({"id": "ü"}, [("x", "curve", np.array([1.0, np.nan]))])
    length = int.from_bytes(packed[:4], "little")
    facts = json.loads(packed[4 : 4 + length])
    assert facts == {"id": "ü", "arrays": [{"name": "x", "kind": "curve", "shape": [2]}]}
    assert len(packed) == 4 + length + 6


def test_curves_in_the_browser_are_those_of_the_results(made, report, opened):
    """Unpacked by the page's own code: five digits of curves, a thousandth of an Å, three digits of forces."""
    scan = made.suite.scans[0]
    window = opened(report, f"#/scan/core/{scan.id.replace('/', '%2F')}")
    drawn = window.run(
        "return [...document.querySelector('.figure').data].map(t => [t.name, t.yaxis, [...t.x], [...t.y]])"
    )
    record = made.results.rows[1].evaluations["core"].records[0]
    found = {axis: (x, y) for name, axis, x, y in drawn if name == "stepped" and len(x) > 50}
    for axis, name in (("y", "energy"), ("y2", "force"), ("y3", "log_ratio")):
        assert np.allclose(found[axis][0], scan.coordinate, rtol=1e-7)
        assert np.allclose(found[axis][1], decode(record.curves[name]), rtol=2e-5, atol=1e-6)
