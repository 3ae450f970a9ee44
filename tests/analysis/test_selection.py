"""Conditions, intervals, the Pareto front, the advice, and what changed against an earlier result."""

import json
from math import erfc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import results as comparison
from made import row

from bsct_zoo.analysis.bootstrap import (
    difference,
    interval,
    mean_interval,
    p_value,
    resampled_means,
    significant,
    significantly_different,
)
from bsct_zoo.analysis.changes import changes, check_comparable
from bsct_zoo.analysis.choice import merged, select
from bsct_zoo.analysis.conditions import parse_condition
from bsct_zoo.analysis.gate import Gate
from bsct_zoo.analysis.pareto import dominators
from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.evaluation.results import Evaluation, Record, TaskInfo, json_text, read_results
from bsct_zoo.plugins.checks import NVE
from bsct_zoo.report.selection import candidates, changed


def core(row):
    return row.evaluations["core"]


# -- conditions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("fsd_full<40", True),
        ("fsd_full < 10", False),
        ("fsd_full>=20", True),
        ("fsd_full>20", False),
        ("seconds<=1", True),
        ("parameters>1e6", False),
        ("elements>=C,h", True),
        ("elements>=C,Au", False),
        ("licence=mit", True),
        ("licence!=MIT", False),
        ("forces=gradient", True),
        ("level_of_theory=gfn2-xtb", True),
    ],
)
def test_conditions(text, met):
    rows = comparison(row("a", [10, 30], level_of_theory="GFN2-xTB"))
    assert parse_condition(text).holds(rows, rows.rows[0]) is met


def test_a_condition_on_what_is_not_known_is_neither_met_nor_broken():
    silent = row("a", [1, 2], licence="", elements=None, parameters=None, failed=(0, 1))
    for text in ("licence=MIT", "elements>=C", "parameters<10", "fsd_full<3"):
        assert parse_condition(text).holds(comparison(silent), silent) is None


def test_a_model_of_any_element_knows_them_all():
    any_element = row("a", [1], elements=())
    assert parse_condition("elements>=C,Og").holds(comparison(any_element), any_element)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fsd_full", "is not a condition"),
        ("fsd_full<", "is not a condition"),
        ("fsd_full<much", "is a number"),
        ("fsd_full<nan", "nothing compares with nan"),
        ("fsd_ful<3", "did you mean fsd_full"),
        ("licence<3", "is a text"),
        ("elements>=C,Xq", "Xq is no element"),
        ("elements<C", "elements>=C,H,O"),
    ],
)
def test_bad_conditions(text, message):
    with pytest.raises(BadInputError, match=message):
        parse_condition(text)


# -- intervals ----------------------------------------------------------------------------------------------


def test_the_interval_holds_the_mean_as_often_as_it_says():
    """Coverage over 400 made-up suites of 30 scans: 95 % within what chance allows."""
    random = np.random.default_rng(0)
    hits = 0
    for seed in range(400):
        low, high = interval(resampled_means(random.exponential(size=(1, 30)), seed, draws=500)[:, 0])
        hits += low <= 1.0 <= high
    assert 0.87 < hits / 400 < 0.98  # the percentile interval of a skew mean of 30 falls a little short of 0.95


def test_pairing_sees_what_hard_scans_hide():
    """One model is better by 1 on every scan, and scans differ by 50: single intervals overlap, the pair does not."""
    hard = np.random.default_rng(0).uniform(0, 100, 20)
    first, second = row("a", hard), row("b", hard + 1 + 0.1 * np.sin(hard))
    low, high = mean_interval(core(first), "fsd_full")
    assert low < np.mean(hard) + 1 < high
    assert significantly_different(core(first), core(second), "fsd_full")
    moved, low, high = difference(core(first), core(second), "fsd_full")
    assert 0.9 < low < moved < high < 1.1


def test_a_difference_is_taken_on_common_scans():
    first, second = row("a", [1, 2, 3, 100], failed=(3,)), row("b", [2, 3, 4, 5])
    moved, low, high = difference(core(first), core(second), "fsd_full")
    assert (moved, low, high) == pytest.approx((1.0, 1.0, 1.0))
    assert difference(core(row("a", [1, 2], failed=(0,))), core(second), "fsd_full") is None


# -- the front ----------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_the_front(points):
    costs = np.array(points, dtype=float)
    beaten = dominators(costs)
    front = [i for i, by in enumerate(beaten) if not by]
    assert front
    for i, by in enumerate(beaten):
        for j in by:
            assert all(costs[j] <= costs[i])
            assert any(costs[j] < costs[i])
        if by:  # something on the front beats it
            assert any(j in front for j in by)
    lowest = min(range(len(points)), key=lambda i: (costs[i].sum(), i))
    assert lowest in front


def test_selection():
    hard = np.random.default_rng(0).uniform(5, 15, 30)
    good, same = row("good", hard, seconds=9.0), row("same", hard + np.tile([1, -1], 15), seconds=9.5)
    fast, slow = row("fast", 3 * hard, seconds=1.0), row("slow", 4 * hard, seconds=10.0)
    direct = row("direct", 0.5 * hard, seconds=5.0, conservative=False, licence="CC-BY-4.0")
    dead = row("dead", hard, failed=tuple(range(30)))
    judged = comparison(good, same, fast, slow, direct, dead)
    found = select(judged, [parse_condition("licence=mit")])
    assert [c.row.model for c in found.front] in (["good", "fast"], ["same", "good", "fast"])
    assert {c.row.model for c in found.beaten} >= {"slow"}
    reasons = dict(found.excluded)
    assert "'licence=mit'" in reasons["direct"]
    assert reasons["dead"].startswith("it failed")
    advice = dict(found.advice)
    assert "good" in advice["molecular dynamics"]
    assert "tied with" in advice["molecular dynamics"]
    assert "same" in advice["molecular dynamics"]
    assert advice["screening"].startswith("good") or advice["screening"].startswith("same")
    everyone = select(judged, [])
    assert everyone.front[0].row.model == "direct"
    assert not dict(everyone.advice)["molecular dynamics"].startswith("direct")
    text = candidates(everyone, judged)
    assert len(text.rows) == 5
    assert any(remark.startswith("excluded: dead") for remark in text.remarks)


def md_task(name="nve", **facts):
    """A check of molecular dynamics as results hold it."""
    columns = NVE.shown
    return TaskInfo(
        name=name, kind="md", title="", noun="run", n_items=2, columns=columns, elements=("H", "O"), **facts
    )


def simulated(drift, error=0.01, failed=0):
    """An evaluation of two runs, ``failed`` of which failed."""
    records = tuple(
        Record(id=f"H2O {k}", group="H2O", status="failed" if k < failed else "ok", metrics={"drift": drift}, seed=k)
        for k in range(2)
    )
    return Evaluation(status="ok", values={"drift": drift, "drift_error": error}, records=records, seconds=1.0)


def dynamics_advice(*rows):
    return dict(select(comparison(*rows, tasks=(md_task(),), elements=("C", "H")), []).advice)["molecular dynamics"]


def test_where_there_is_dynamics_it_decides_on_dynamics():
    """The model with the smaller FSD drifts a hundred times as much; the other one is recommended."""
    smooth = row("smooth", [1, 2, 3], evaluations={"nve": simulated(5.0)})
    steady = row("steady", [10, 20, 30], evaluations={"nve": simulated(0.05)})
    assert dynamics_advice(smooth, steady).startswith("steady, no run of which failed, with a drift in nve of 0.05 meV")
    assert dynamics_advice(smooth, row("rest", [1, 1, 1])).endswith("of the 1 candidates that were simulated")
    fallen = row("fallen", [10, 20, 30], evaluations={"nve": simulated(0.0, failed=1)})
    assert dynamics_advice(smooth, fallen).startswith("smooth")
    assert dynamics_advice(fallen) == "none: runs of every candidate failed"
    near = row("near", [4, 5, 6], evaluations={"nve": simulated(0.06)})
    assert dynamics_advice(steady, near).startswith("near") and "that of steady within 2 errors" in dynamics_advice(
        steady, near
    )
    assert dynamics_advice(row("a", [1, 2, 3])).startswith("a, smoothest")


def test_without_dynamics_a_model_without_steps_goes_before_a_lower_fsd():
    def advice(*rows):
        return dict(select(comparison(*rows), []).advice)["molecular dynamics"]

    stepped = row("stepped", [1, 2, 3], metrics={"path_residual": [0, 0, 0.3]})
    even = row("even", [10, 20, 30], metrics={"path_residual": [0, 1e-6, 0.004]})
    flat = row("flat", [30, 31, 32], metrics={"path_residual": [0, 0, 0]})
    assert advice(stepped, even, flat) == "even, smoothest of the models whose energy has no step along a scan"
    worse = row("worse", [0.1, 0.2, 0.3], metrics={"path_residual": [0, 0, 0.9]})
    assert advice(stepped, worse).startswith("stepped")
    unknown = row("unknown", [1, 2, 3], changes={"values": {"fsd_full": 2.0, "forces_mae_full": 2.0}})
    assert advice(even, unknown).startswith("unknown, smoothest of the models whose forces are a gradient")


def test_the_largest_of_common_scans_is_not_their_mean():
    """A residual is judged by its maximum, on the scans that every candidate has."""
    steps = row("steps", [1, 1, 1, 1], metrics={"path_residual": [0, 0.008, 0, 0.5]}, failed=(3,))
    flat = row("flat", [2, 2, 2, 2], metrics={"path_residual": [0, 0, 0, 0]})
    found = select(comparison(steps, flat), [], ["path_residual"])
    assert [(c.row.model, c.values["path_residual"], c.intervals) for c in found.front] == [("flat", 0.0, {})]
    assert found.beaten[0].values == {"path_residual": 0.008}


def test_residuals_below_what_they_can_tell_are_equal():
    one, other = ([3e-7, 0.0, 8e-5, 2e-6], [9e-7, 1e-9, 9e-6, 9e-5])
    before, now = (comparison(row("a", [1] * 4, metrics={"path_residual": values})) for values in (one, other))
    (change,) = changes(before, now, ["path_residual"])
    assert (change.verdict, change.before, change.after, change.low) == ("same", 8e-5, 9e-5, None)
    stepped = comparison(row("a", [1] * 4, metrics={"path_residual": [0.2, 0.3, 0.2, 0.1]}))
    (change,) = changes(before, stepped, ["path_residual"])
    assert (change.verdict, change.after, change.low) == ("worse", 0.3, None)


def test_a_choice_for_an_element_that_no_scan_holds_is_untested():
    need = [parse_condition("elements>=H,Br,I")]
    any_element = row("a", [1, 2], elements=())
    (note,) = select(comparison(any_element, elements=("C", "H")), need).notes
    assert note.startswith("untested with Br, I: no scan of 'core' holds them")
    assert select(comparison(any_element, elements=("H", "Br", "I")), need).notes == ()
    assert select(comparison(any_element, elements=("C",)), []).notes == ()
    both = comparison(any_element, tasks=(md_task(),), elements=("H", "Br", "I"))
    assert select(both, need).notes == ("untested with Br, I: no run of 'nve' holds them; simulate molecules that do",)
    assert "do not say which elements" in select(comparison(any_element), need).notes[0]


def test_a_mean_over_easy_scans_does_not_beat_one_over_all():
    """On the two scans that both have, the model that lacks the hard one is worse."""
    whole, part = row("whole", [1.0, 2.0, 60.0]), row("part", [2.0, 3.0, 0.0], failed=(2,))
    found = select(comparison(whole, part), [], ["fsd_full"])
    assert [c.row.model for c in found.front] == ["whole"]
    assert found.front[0].values == {"fsd_full": 1.5} and found.beaten[0].values == {"fsd_full": 2.5}
    assert found.notes == ("fsd_full is over the 2 scans that every candidate has, of up to 3 (part has the fewest)",)
    assert dict(found.advice)["relaxation"].startswith("whole")


def test_the_reference_is_no_candidate():
    found = select(comparison(row("xtb", [1e-6, 2e-6]), row("a", [1.0, 2.0])), [])
    assert dict(found.excluded) == {"xtb": "it is the reference itself, so its errors say nothing"}
    assert [c.row.model for c in found.front] == ["a"]


def test_no_candidate():
    found = select(comparison(row("a", [1, 2])), [parse_condition("elements>=Au")])
    assert found.front == found.beaten == ()
    assert found.advice == ()


def test_unknown_objective():
    with pytest.raises(UnknownNameError, match="did you mean seconds"):
        select(comparison(row("a", [1, 2])), [], ["second"])


def test_results_on_other_scans_do_not_mix():
    first = comparison(row("a", [1, 2]))
    both = merged([first, comparison(row("b", [1, 2]), row("a", [3, 4]))])
    assert {r.model: core(r).values["fsd_full"] for r in both.rows} == {"a": 3.5, "b": 1.5}
    with pytest.raises(BadInputError, match="do not compare"):
        merged([first, comparison(row("b", [1, 2], task="angles"), name="angles", sha256="b" * 64)])
    with pytest.raises(BadInputError, match="do not compare"):
        merged([first, comparison(row("b", [1, 2, 3]))])


# -- against an earlier result ------------------------------------------------------------------------------


def test_changes():
    random = np.random.default_rng(0)
    hard = random.uniform(10, 100, 40)
    before = comparison(row("a", hard), row("b", hard), row("c", hard), row("d", hard), row("gone", hard))
    now = comparison(
        row("a", hard * (1 + 1e-7)),
        row("b", 1.1 * hard),
        row("c", hard + random.normal(0, 5, 40) * np.tile([1, -1], 20)),
        row("d", 0.9 * hard),
        row("new", hard),
    )
    found = {change.model: change for change in changes(before, now, ["fsd_full"])}
    assert {model: change.verdict for model, change in found.items()} == {
        "a": "same",
        "b": "worse",
        "c": "noise",
        "d": "better",
    }
    assert found["b"].low > 0
    table = changed(list(found.values()), "baseline.json")
    assert [line[-1].text for line in table.rows] == ["same", "worse", "noise", "better"]


def test_too_few_scans_to_tell():
    (change,) = changes(comparison(row("a", [1.0])), comparison(row("a", [2.0])), ["fsd_full"])
    assert (change.verdict, change.before, change.after) == ("unknown", 1.0, 2.0)


def test_holm_by_hand():
    """0.01 is held to 0.05/4, 0.015 to 0.05/3, 0.04 to 0.05/2: it fails, and so does what is larger."""
    assert significant([0.04, 0.01, 0.03, 0.015]) == [False, True, False, True]
    assert significant([0.02]) == [True] and significant([]) == []
    assert significant([0.026, 0.026]) == [False, False]


def test_a_p_value_is_that_of_the_normal_distribution_where_scans_are_many():
    rng = np.random.default_rng(0)
    hard, change = rng.uniform(10, 20, 400), rng.normal(0.1, 1.0, 400)
    first, second = core(row("a", hard)), core(row("a", hard + change))
    z = change.mean() / (change.std() / 20)
    assert p_value(first, second, "fsd_full", draws=40_000) == pytest.approx(erfc(abs(z) / 2**0.5), rel=0.1, abs=0.005)


def test_many_metrics_raise_no_false_alarm(tmp_path):
    """Twenty models of which nothing changed but noise: uncorrected, many of 60 such comparisons are "worse"."""
    rng = np.random.default_rng(1)
    alarms = single = 0
    for trial in range(60):
        hard = rng.uniform(10, 100, 40)
        models = [f"m{k}" for k in range(20)]
        before = comparison(*(row(m, hard) for m in models))
        now = comparison(*(row(m, hard + rng.normal(0, 3, 40)) for m in models))
        found = changes(before, now, ["fsd_full"], seed=trial)
        single += any(change.verdict == "worse" for change in found)
        alarms += bool(Gate((), True, before).met(now, found))
    assert single > 15  # of 60: half a percent of 20 models each would be 24
    assert alarms <= 6  # 5 % of 60 are 3; six or fewer in 96 of 100 such series


def test_a_real_change_among_many_still_fails_the_gate():
    hard = np.linspace(10, 100, 40)
    rng = np.random.default_rng(2)
    before = comparison(*(row(f"m{k}", hard) for k in range(10)))
    now = comparison(*(row(f"m{k}", hard + rng.normal(0, 3, 40) + (5 if k == 4 else 0)) for k in range(10)))
    met = Gate((), True, before).met(now, changes(before, now, ["fsd_full"]))
    assert len(met) == 1 and met[0].startswith("m4 is worse")


def test_results_of_two_checkpoints_under_one_name_are_not_mixed():
    old = row("mine", [1, 2], checkpoint_sha256="a" * 64, evaluations={"nve": simulated(0.1)})
    both = merged([comparison(old, tasks=(md_task(),)), comparison(row("mine", [3, 4], checkpoint_sha256="b" * 64))])
    (only,) = both.rows
    assert core(only).values["fsd_full"] == 3.5 and set(only.evaluations) == {"core"}


def test_a_baseline_of_something_else_is_refused():
    baseline = comparison(row("a", [1, 2]))
    with pytest.raises(BadInputError, match="made on suite 'core'"):
        check_comparable(baseline, {"angles": "b" * 64}, ["a"])
    with pytest.raises(BadInputError, match="no model in common"):
        check_comparable(baseline, {"core": "a" * 64}, ["b"])


def test_the_gate(tmp_path):
    file = tmp_path / "baseline.json"
    hard = np.linspace(10, 20, 20)
    file.write_text(json_text(comparison(row("a", hard))))
    gate = Gate.read(["fsd_full>16", "worse"], file)
    now = comparison(row("a", hard + 1.5))
    met = gate.met(now, gate.changes(now, ["fsd_full"]))
    assert met == [
        "a meets 'fsd_full>16': fsd_full is 16.5",
        "a is worse than the baseline in fsd_full: 16.5 after 15",
    ]
    fine = comparison(row("a", hard))
    assert gate.met(fine, gate.changes(fine, ["fsd_full"])) == []
    with pytest.raises(BadInputError, match="worse than what"):
        Gate.read(["worse"], None)


def test_a_gate_that_cannot_compare_fails():
    """Nothing in common, one scan alone, or a model without any value: none of these is "not worse"."""
    one, two = comparison(row("a", [1.0])), comparison(row("a", [1.0, 2.0]), row("b", [1.0, 2.0]))
    failed = comparison(row("a", [3.0, 4.0]), row("b", [3.0, 4.0], failed=(0, 1)))

    def refusal(baseline, now, worse):
        gate = Gate((), worse, baseline)
        gate.refuse_no_verdict(gate.changes(now, ["fsd_full"]))

    for baseline, now, worse, who in (
        (one, comparison(row("a", [2.0])), True, " of a"),
        (two, failed, True, " of b"),
        (two, comparison(row("c", [1.0, 2.0])), False, ""),
    ):
        with pytest.raises(BadInputError, match=f"nothing{who} can be compared"):
            refusal(baseline, now, worse)
    refusal(one, comparison(row("a", [2.0])), False)
    refusal(two, failed, False)
    refusal(two, two, True)


# -- files --------------------------------------------------------------------------------------------------


def test_stored_results_are_what_they_were(tmp_path):
    made = comparison(row("a", [1, 2], failed=(1,)), row("b", [3, 4], elements=None, parameters=None))
    (tmp_path / "x.json").write_text(json_text(made))
    assert read_results(tmp_path / "x.json") == made


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"schema": 2, "x": NaN}', "a number that is none - at"),
        (b"[]", "no schema"),
        (b'{"schema": 3}', "schema 3"),
        (b'{"schema": 2}', "missing required field `bsct_zoo`"),
        (b'{"schema": 1}', "lacks 'suite'"),
        (b'{"schema": 1, "suite": 3}', "not results of schema 1"),
        (b'{"schema": 1, "kind": "magic"}', "kind 'magic'"),
    ],
)
def test_wrong_json(tmp_path, content, message):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(BadInputError, match=message):
        read_results(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rows", 0, "evaluations", "core", "seconds"), -3),
        (("rows", 0, "evaluations", "core", "status"), "banana"),
        (("rows", 0, "elements"), [6]),
        (("rows", 0, "evaluations", "core", "records", 0, "multiplicity"), 0),
        (("tasks", 0, "title"), 5),
    ],
)
def test_a_field_at_fault_is_named(tmp_path, path, value):
    data = json.loads(json_text(comparison(row("a", [1, 2]))))
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    (tmp_path / "x.json").write_text(json.dumps(data))
    with pytest.raises(BadInputError, match=r"not results of schema 2: .* - at `\$.*") as caught:
        read_results(tmp_path / "x.json")
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(BadInputError, match="cannot read"):
        read_results(tmp_path / "x.json")
