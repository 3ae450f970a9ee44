import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bsct_zoo.errors import BadInputError
from bsct_zoo.training.budget import parse_budget
from bsct_zoo.training.schedule import Budget, averaging_decay, learning_rate_factor
from bsct_zoo.training.watch import state_every_s, validate_every_s


def test_the_rate_rises_to_its_largest_and_falls():
    assert learning_rate_factor(0) == 0
    assert learning_rate_factor(0.01) == pytest.approx(0.5, rel=1e-3)
    assert learning_rate_factor(0.02) > 0.99
    assert learning_rate_factor(0.5) == pytest.approx(0.5, abs=1e-3)
    assert learning_rate_factor(1) == pytest.approx(1e-3)


@given(st.floats(0.02, 1), st.floats(0.02, 1))
def test_it_falls_after_the_warm_up(a, b):
    low, high = sorted((a, b))
    assert learning_rate_factor(low) >= learning_rate_factor(high)


@given(st.floats(-1, 2))
def test_it_is_never_negative_and_never_above_one(fraction):
    assert 0 <= learning_rate_factor(fraction) <= 1


def test_a_budget_counts_work_and_not_waiting():
    budget = Budget(100)
    time.sleep(0.3)
    assert budget.spent_s < 0.2
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    assert 0.3 <= budget.spent_s < 0.6
    assert budget.fraction == pytest.approx(budget.spent_s / 100, rel=0.1) and not budget.over


def test_a_budget_goes_on_from_what_was_spent():
    budget = Budget(10, 10)
    assert budget.over and budget.fraction == 1
    assert Budget(10, 9).spent_s == pytest.approx(9, abs=0.1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1800", 1800), ("90s", 90), ("30m", 1800), ("30 min", 1800), ("2h", 7200), ("1h30m", 5400), ("0.5h", 1800)],
)
def test_budgets_as_people_write_them(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "0", "0m", "30x", "1h30", "nan", "inf", "1e3", "m", "5 5"])
def test_what_is_no_budget(text):
    with pytest.raises(BadInputError, match="write 1800"):
        parse_budget(text)


@given(st.floats(1, 1e6), st.integers(1, 10**5))
def test_a_run_is_looked_at_ten_times_or_more_unless_that_would_eat_it(budget, n_frames):
    every, validation = validate_every_s(budget, n_frames), 0.006 * n_frames  # s
    assert budget / every >= 10 - 1e-6 or every == pytest.approx(10 * validation)
    assert every >= 10 * validation * (1 - 1e-9)
    assert 0 < state_every_s(budget) <= every


def test_a_run_of_steps_goes_by_steps_alone():
    budget = Budget(1e-9, steps=200)
    assert budget.fraction == 0 and not budget.over
    budget.step = 50
    assert budget.fraction == 0.25 and not budget.over
    budget.step = 200
    assert budget.fraction == 1 and budget.over


def test_the_warm_up_is_as_long_as_asked():
    assert learning_rate_factor(0.1, warm_up=0.2) == pytest.approx(0.5, rel=0.05)
    assert learning_rate_factor(0, warm_up=0) == 1


@given(st.floats(0, 0.9999), st.integers(0, 10**7))
def test_an_average_warms_up_to_its_decay(decay, updates):
    found = averaging_decay(decay, updates)
    assert found <= averaging_decay(decay, updates + 1) <= decay
    assert found == min(decay, (1 + updates) / (10 + updates))
