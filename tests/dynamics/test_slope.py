"""The error of a drift: it covers, also where what is left around the line knows of its own past."""

import numpy as np
import pytest

from bsct_zoo.dynamics.slope import mean_error, slope


def correlated(rng, n, memory):
    """An autoregressive series of variance one whose correlation falls by ``memory`` a step."""
    kicks = rng.normal(size=n) * (1 - memory**2) ** 0.5
    series = np.empty(n)
    series[0] = rng.normal()
    for i in range(1, n):
        series[i] = memory * series[i - 1] + kicks[i]
    return series


def plain_error(times, values):
    """What least squares says of white noise."""
    fit = np.polyfit(times, values, 1)
    left = values - np.polyval(fit, times)
    return (left.var() / len(times)) ** 0.5 / times.std()


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_slope_is_within_its_errors_as_often_as_it_should(memory):
    rng = np.random.default_rng(1)
    times = np.linspace(0, 1, 1000)
    hits, plain, ratios = 0, 0, []
    for _ in range(300):
        values = 3 * times + correlated(rng, 1000, memory)
        found = slope(times, values)
        hits += abs(found.value - 3) < 2 * found.error
        plain += abs(found.value - 3) < 2 * plain_error(times, values)
        ratios.append(found.error)
    true = (1 + memory) / (1 - memory)  # statistical inefficiency of the series
    assert 0.91 < hits / 300 <= 1  # 95 % of two standard errors, less four times the error of 300 trials
    assert np.median(ratios) == pytest.approx((12 * true / 1000) ** 0.5, rel=0.35)
    if memory:
        assert plain / 300 < 0.6  # what would be believed without correlation


def test_slope_of_a_line_with_an_oscillation():
    times = np.linspace(0, 1, 2001)
    found = slope(times, 0.2 * times + 0.05 * np.sin(2 * np.pi * 97.3 * times))
    assert found.value == pytest.approx(0.2, abs=2 * found.error)
    assert found.spread == pytest.approx(0.05 / 2**0.5, rel=0.02)
    assert found.error < 0.01


def test_error_of_a_mean_covers():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(300):
        series = correlated(rng, 1000, 0.9)
        hits += abs(series.mean()) < 2 * mean_error(series)
    assert 0.90 < hits / 300 <= 1


def test_too_short_for_an_error():
    found = slope(np.arange(5.0), np.arange(5.0) * 2)
    assert found.value == pytest.approx(2) and found.error is None
    assert mean_error(np.arange(5.0)) is None


def test_a_swing_over_four_periods_changes_by_less_than_half_its_amplitude():
    """What the least length of a run for a drift rests on: 6 A T / (pi L²), by least squares over all phases."""
    period, length = 11.0, 44.0
    times = np.linspace(0, length, 400)
    slopes = [abs(slope(times, np.sin(2 * np.pi * times / period + phase)).value) for phase in np.linspace(0, 6.28, 50)]
    assert max(slopes) == pytest.approx(6 * period / (np.pi * length**2), rel=0.02)
    assert max(slopes) * length < 0.5
    short = np.linspace(0, 1.0, 3)  # three points, a tenth of a swing
    assert abs(slope(short, np.sin(2 * np.pi * short / period)).value) * length > 10
