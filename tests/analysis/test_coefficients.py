"""Coefficients against scipy, their invariances, and intervals that hold what they should."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from bsct_zoo.analysis.bootstrap import interval, over_items, over_models, resampled_means
from bsct_zoo.analysis.coefficients import kendall, log_pearson, partial_spearman, pearson, spearman
from bsct_zoo.analysis.correlate import correlate
from bsct_zoo.analysis.measures import Measure
from bsct_zoo.analysis.reading import Collection
from bsct_zoo.report.correlation_tables import verdict

few = arrays(float, st.shared(st.integers(5, 15), key="n"), elements=st.integers(-4, 4).map(float))


def normal(rho, n, random):
    """``n`` draws of two normal variables whose correlation is ``rho``."""
    x, noise = random.normal(size=(2, n))
    return x, rho * x + np.sqrt(1 - rho**2) * noise


@given(few, few)
@settings(max_examples=100, deadline=None)
def test_they_are_those_of_scipy(x, y):
    """Small whole numbers, so that there are ties."""
    assume(np.ptp(x) > 0 and np.ptp(y) > 0)
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)


@given(few, few, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_no_order_of_models_and_no_monotone_scale_matters(x, y, random):
    assume(np.ptp(x) > 0 and np.ptp(y) > 0)
    order = np.array(random.sample(range(len(x)), len(x)))
    for coefficient in (spearman, kendall):
        value = coefficient(x, y)
        assert coefficient(x[order], y[order]) == pytest.approx(value, abs=1e-12)
        assert coefficient(np.exp(x), y**3) == pytest.approx(value, abs=1e-12)
        assert coefficient(-x, y) == pytest.approx(-value, abs=1e-12)
    assert log_pearson(np.exp(x), np.exp(y)) == pytest.approx(pearson(x, y), abs=1e-9)


def test_many_draws_at_once_are_each_alone():
    x, y, z = np.random.default_rng(0).normal(size=(3, 7, 12))
    for coefficient in (pearson, spearman, kendall):
        assert coefficient(x, y) == pytest.approx([float(coefficient(a, b)) for a, b in zip(x, y, strict=True)])
    alone = [float(partial_spearman(a, b, c)) for a, b, c in zip(x, y, z, strict=True)]
    assert partial_spearman(x, y, z) == pytest.approx(alone)


def test_what_is_constant_has_no_correlation():
    x, same = np.arange(6.0), np.full(6, 0.1)
    for coefficient in (pearson, spearman, kendall, log_pearson):
        assert np.isnan(coefficient(x, same))
    assert np.isnan(partial_spearman(x, x[::-1] ** 3, x))


def test_a_failed_model_is_worse_than_every_other_and_failed_ones_are_alike():
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert spearman(x, np.array([1.0, 2.0, 3.0, 4.0, np.inf])) == pytest.approx(1.0)
    tied = np.array([1.0, 2.0, 3.0, np.inf, np.inf])
    ranked = np.array([1.0, 2.0, 3.0, 4.5, 4.5])
    assert spearman(x, tied) == pytest.approx(stats.spearmanr(x, ranked).statistic)
    assert kendall(x, tied) == pytest.approx(stats.kendalltau(x, ranked).statistic)
    assert log_pearson(x, tied) == pytest.approx(stats.pearsonr(np.log(x[:3]), np.log(tied[:3])).statistic)


def test_of_one_variable_the_partial_coefficient_is_the_formula_of_the_book():
    x, y, z = np.random.default_rng(1).normal(size=(3, 30))
    y += z
    a, b, c = spearman(x, y), spearman(x, z), spearman(y, z)
    assert partial_spearman(x, y, z) == pytest.approx((a - b * c) / np.sqrt((1 - b**2) * (1 - c**2)))


def test_what_a_third_variable_does_alone_is_taken_out():
    """Both follow z and nothing else: strongly correlated, and not at all once z is given."""
    random = np.random.default_rng(2)
    z = random.normal(size=4000)
    x, y = z + 0.5 * random.normal(size=(2, 4000))
    assert spearman(x, y) > 0.7
    assert abs(partial_spearman(x, y, z)) < 0.08  # ranks are not quite normal, so not quite zero
    w = random.normal(size=4000)  # a second one of no concern changes nothing
    assert partial_spearman(x, y, z, w) == pytest.approx(partial_spearman(x, y, z), abs=0.01)


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_the_interval_over_models_holds_the_truth_as_often_as_it_says(rho):
    """150 sets of 24 models; a percentile interval of a correlation falls a little short of 95 %."""
    truth = {
        spearman: 6 / np.pi * np.arcsin(rho / 2),  # of a bivariate normal (Pearson 1907)
        kendall: 2 / np.pi * np.arcsin(rho),
    }
    random = np.random.default_rng(3)
    hits = dict.fromkeys(truth, 0)
    for seed in range(150):
        x, y = normal(rho, 24, random)
        for coefficient, value in truth.items():
            low, high = over_models(coefficient, [x, y], seed, draws=300)
            hits[coefficient] += low <= value <= high
    for count in hits.values():
        assert 0.85 <= count / 150 <= 1.0


def of_noise(size, random, name="a", group="scans"):
    """20 models whose true values are 0 ... 19, each over 30 molecules with noise of ``size``."""
    pieces = np.arange(20.0)[:, None, None] + size * random.normal(size=(20, 30, 1))
    return Measure(name, "", "", "scans", group, pieces, "mean", np.ones(20))


def test_the_interval_over_molecules_grows_with_what_differs_between_them():
    random = np.random.default_rng(4)
    found = {}
    for size in (0.1, 20.0):
        measures = [of_noise(size, random, "a", "scans"), of_noise(size, random, "b", "md")]
        low, high = over_items(spearman, measures, 0, draws=400)
        found[size] = (low, float(spearman(*(m.values for m in measures))), high)
    low, value, high = found[0.1]
    assert 0.98 < low <= value <= high
    low, value, high = found[20.0]
    assert high - low > 0.1
    assert low < value  # it leans to zero: drawing adds the noise of few molecules once more


def test_molecules_that_both_metrics_share_are_drawn_together():
    """The same noise in both: with the same draws the two stay equal, whatever is drawn."""
    same = of_noise(50.0, np.random.default_rng(5))
    assert over_items(spearman, [same, same], 0, draws=200) == pytest.approx((1.0, 1.0))
    other = Measure(**{**vars(same), "group": "md"})
    low, _ = over_items(spearman, [same, other], 0, draws=200)
    assert low < 0.95


def test_too_few_defined_draws_are_no_interval():
    assert interval(np.array([np.nan] * 11 + [0.5] * 89)) is None
    assert interval(np.array([0.5] * 100)) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("over", "reduce"),
    [
        ("mean", np.nanmean),
        ("sum", np.nansum),
        ("median", np.nanmedian),
        ("median_abs", lambda x: np.nanmedian(np.abs(x))),
        ("max_abs", lambda x: np.nanmax(np.abs(x))),
        ("max", np.nanmax),
        ("min", np.nanmin),
    ],
)
def test_reductions_are_those_of_numpy(over, reduce):
    random = np.random.default_rng(6)
    pieces = random.normal(size=(5, 8, 2))
    pieces[random.random(pieces.shape) < 0.3] = np.nan
    measure = Measure("a", "", "", "scans", "g", pieces, over, np.ones(5))
    assert measure.values == pytest.approx([reduce(model) for model in pieces])
    draws = random.integers(0, 8, (250, 8))
    drawn = measure.resampled(draws)
    assert drawn.shape == (250, 5)
    assert drawn[201, 3] == pytest.approx(reduce(pieces[3, draws[201]]))


def test_a_median_with_half_of_the_runs_failed_is_failed():
    pieces = np.array([[[1.0], [2.0], [np.inf]], [[1.0], [np.inf], [np.inf]], [[np.nan]] * 3])
    assert Measure("a", "", "", "runs", "g", pieces, "median", np.ones(3)).values == pytest.approx(
        [2.0, np.inf, np.nan], nan_ok=True
    )


def test_what_is_said_of_many_models_follows_the_intervals():
    """30 models whose drift follows their force error, and whose FSD does so too and tells nothing more."""
    random = np.random.default_rng(7)
    error = random.normal(size=30)
    columns = {"fsd": error + 0.3 * random.normal(size=30), "drift": error + 0.3 * random.normal(size=30)}
    columns |= {"forces": error, "noise": random.normal(size=30)}
    measures = {
        name: Measure(name, "", "", "scans", name, np.exp(values)[:, None, None], "mean", np.ones(30))
        for name, values in columns.items()
    }
    results = Collection(tuple(f"m{k}" for k in range(30)), measures, ())
    said = [verdict(pair) for pair in correlate(results, ["fsd", "noise"], ["drift"], ["forces"]).pairs]
    assert said == [
        "fsd and drift: they rise together; given forces, no correlation is shown",
        "noise and drift: no correlation is shown; given forces, no correlation is shown",
    ]


@pytest.mark.parametrize("n", [4_000, 6_000])  # either way to draw
def test_means_of_many_scans_spread_as_the_central_limit_says(n):
    values = np.random.default_rng(1).lognormal(size=(2, n))
    values[1] = 3 * values[0]
    means = resampled_means(values)
    assert means.shape == (4000, 2)
    assert means[:, 0].mean() == pytest.approx(values[0].mean(), abs=4 * values[0].std() / np.sqrt(4000 * n))
    assert means[:, 0].std() == pytest.approx(values[0].std() / np.sqrt(n), rel=0.06)
    assert np.allclose(means[:, 1], 3 * means[:, 0])  # all rows are drawn alike
