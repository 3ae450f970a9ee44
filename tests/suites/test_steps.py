import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bsct_zoo.suites.steps import UNITS, from_steps, to_steps


@given(
    arrays.arrays(
        np.int64, st.tuples(st.integers(1, 7), st.integers(1, 4), st.just(3)), elements=st.integers(-(10**13), 10**13)
    )
)
def test_positions_come_back_to_the_last_bit(whole):
    positions = whole / UNITS
    assert np.array_equal(from_steps(to_steps(positions)), positions)


def test_frames_of_a_bond_are_nearly_all_zero():
    x = np.linspace(0.7, 2.9, 100)[:, None, None] * np.array([[0.3, 0.1, -0.2], [-0.3, 0.2, 0.5]])
    steps = to_steps(np.round(x, 8))
    assert np.abs(steps[2:]).max() <= 2


def test_positions_of_more_digits_are_left_as_they_are():
    assert to_steps(np.full((3, 2, 3), 1 / 3)) is None
    assert to_steps(np.full((3, 2, 3), np.nan)) is None
    assert to_steps(np.full((3, 2, 3), 1e9)) is None
