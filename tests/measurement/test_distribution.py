import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nanosieve.core.errors import UsageError
from nanosieve.measurement.distribution import (
    describe,
    ks_distance,
    mean_interval,
    weighted_quantiles,
)


def lognormal(n, median=6.0, spread=1.35, seed=0):
    return np.exp(np.random.default_rng(seed).normal(np.log(median), np.log(spread), n))


def test_statistics_agree_with_numpy_and_scipy():
    d = lognormal(500)
    found = describe(d)
    assert found.n == 500
    assert found.mean == pytest.approx(d.mean())
    assert found.std == pytest.approx(d.std(ddof=1))
    assert (found.d10, found.d50, found.d90) == pytest.approx(np.quantile(d, (0.1, 0.5, 0.9)))
    assert found.median == found.d50
    assert found.d32 == pytest.approx((d**3).sum() / (d**2).sum())
    sigma, _, scale = stats.lognorm.fit(d, floc=0)
    assert found.geometric_mean == pytest.approx(scale)
    assert found.geometric_std == pytest.approx(np.exp(sigma))
    fit = stats.lognorm(sigma, scale=scale)
    assert found.ks_lognormal == pytest.approx(stats.kstest(d, fit.cdf).statistic)


def test_a_log_normal_is_recovered():
    found = describe(lognormal(20_000))
    assert found.geometric_mean == pytest.approx(6, rel=0.01)
    assert found.geometric_std == pytest.approx(1.35, rel=0.01)
    assert found.ks_lognormal < 0.01
    assert found.d32 == pytest.approx(6 * np.exp(2.5 * np.log(1.35) ** 2), rel=0.02)


def test_what_is_not_log_normal_is_far_from_the_fit():
    two_sizes = np.concatenate([lognormal(500, 3, 1.05), lognormal(500, 12, 1.05, seed=1)])
    assert describe(two_sizes).ks_lognormal > 0.2


def test_integer_weights_are_repetitions():
    d = lognormal(60)
    weights = np.random.default_rng(3).integers(1, 4, 60)
    weighted, repeated = describe(d, weights=weights), describe(np.repeat(d, weights))
    for name in ("mean", "d32", "geometric_mean", "geometric_std", "ks_lognormal"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name))


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=20), st.floats(0.1, 10))
def test_equal_weights_give_the_quantiles_of_numpy(values, weight):
    ordered = np.sort(values)
    np.testing.assert_allclose(
        weighted_quantiles(ordered, np.full(ordered.size, weight), (0.1, 0.5, 0.9)),
        np.quantile(ordered, (0.1, 0.5, 0.9)),
        rtol=1e-7,
    )


@given(
    st.lists(st.tuples(st.floats(0.1, 100), st.integers(0, 3)), min_size=1, max_size=15).filter(
        lambda pairs: any(weight for _, weight in pairs)
    )
)
def test_values_without_weight_do_not_matter(pairs):
    ordered = np.sort([value for value, _ in pairs])
    weights = np.array([weight for _, weight in pairs], float)
    shares = (0.0, 0.1, 0.37, 0.5, 0.9, 1.0)
    kept = weights > 0
    # Reference: linear interpolation between the middles of the weights.
    middle = np.cumsum(weights[kept]) - weights[kept] / 2
    at = middle[0] + np.array(shares) * (middle[-1] - middle[0])
    np.testing.assert_allclose(
        weighted_quantiles(ordered, weights, shares), np.interp(at, middle, ordered[kept])
    )


def test_intervals_of_one_image_have_the_width_of_theory():
    d = np.random.default_rng(1).normal(50, 5, 400)
    found = describe(d)
    low, high = found.intervals["mean"]
    assert low < found.mean < high
    assert high - low == pytest.approx(2 * 1.96 * d.std() / 20, rel=0.1)
    assert found.mean_se == pytest.approx(d.std() / 20, rel=0.1)
    assert found.interval_basis == "bootstrap over the particles of one image"
    assert mean_interval(d) == pytest.approx((low, high))


def test_images_that_differ_widen_the_interval():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(40), 50)
    d = rng.normal(20, 1, 40)[groups] + rng.normal(0, 1, groups.size)
    over_images = describe(d, groups)
    low, high = over_images.intervals["mean"]
    spread_of_means = np.array([d[groups == g].mean() for g in range(40)]).std()
    assert high - low == pytest.approx(2 * 1.96 * spread_of_means / np.sqrt(40), rel=0.15)
    assert (high - low) > 3 * np.diff(describe(d).intervals["mean"])[0]
    assert over_images.interval_basis == "bootstrap over 40 images"
    assert over_images.n_groups == 40


@pytest.mark.slow
def test_the_interval_over_images_covers_as_it_states():
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(30), 20)
    covered = []
    for _ in range(100):
        d = 20 + rng.normal(0, 1, 30)[groups] + rng.normal(0, 1, groups.size)
        low, high = describe(d, groups).intervals["mean"]
        covered.append(low <= 20 <= high)
    assert 0.88 <= np.mean(covered) <= 0.99


def test_every_interval_holds_its_statistic():
    found = describe(lognormal(800), np.repeat(np.arange(20), 40))
    for name, (low, high) in found.intervals.items():
        assert low < getattr(found, name) < high


def test_few_images_are_called_few():
    found = describe(lognormal(90), np.repeat(["a", "b", "c"], 30))
    assert "3 images (few: the interval is likely too narrow)" in found.interval_basis


def test_same_seed_same_figures():
    d = lognormal(50)
    assert describe(d, seed=4) == describe(d, seed=4)
    assert describe(d, seed=4) != describe(d, seed=5)


def test_order_does_not_matter():
    d, groups = lognormal(50), np.arange(50) % 7
    order = np.random.default_rng(0).permutation(50)
    here, there = describe(d, groups), describe(d[order], groups[order])
    assert there.mean == pytest.approx(here.mean)
    assert there.intervals["d32"] == pytest.approx(here.intervals["d32"])


def test_no_particle():
    found = describe(np.array([]))
    assert (found.n, found.n_groups) == (0, 0)
    assert np.isnan([found.mean, found.std, found.d50, found.d32, found.ks_lognormal]).all()
    assert np.isnan(found.intervals["mean"]).all()
    assert found.interval_basis == "no interval: fewer than two particles"
    assert np.isnan(mean_interval(np.array([]))).all()


def test_one_particle():
    found = describe(np.array([7.0]))
    assert (found.n, found.mean, found.d10, found.d50, found.d90, found.d32) == (1, 7, 7, 7, 7, 7)
    assert np.isnan([found.std, found.geometric_std, found.ks_lognormal, found.mean_se]).all()
    assert np.isnan(found.intervals["d50"]).all()


def test_equal_particles():
    found = describe(np.full(30, 4.2))
    assert found.std == pytest.approx(0, abs=1e-12)
    assert found.geometric_std == pytest.approx(1)
    assert np.isnan(found.ks_lognormal)
    assert found.intervals["mean"] == pytest.approx((4.2, 4.2))


def test_all_fields_are_there_in_every_case():
    names = {field.name for field in dataclasses.fields(describe(np.array([])))}
    for d in (np.array([]), np.array([1.0]), lognormal(30)):
        assert set(describe(d).intervals) < names


@given(
    st.lists(st.integers(0, 9), min_size=2, max_size=20),
    st.lists(st.integers(0, 9), min_size=2, max_size=20),
)
def test_ks_distance_agrees_with_scipy(one, other):
    expected = stats.ks_2samp(one, other, method="asymp").statistic
    assert ks_distance(np.array(one), np.array(other)) == pytest.approx(expected)


def test_ks_distance_of_nothing_is_blank():
    assert np.isnan(ks_distance(np.array([]), np.array([1.0])))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 0.0],), "diameters must be positive numbers"),
        (([1.0, np.nan],), "diameters must be positive numbers"),
        (([1.0, 2.0], None, [1.0, 0.0]), "weights must be positive numbers"),
        (([1.0, 2.0], ["a"]), "must be 1-D and of one length"),
        (([[1.0, 2.0]],), "must be 1-D and of one length"),
    ],
)
def test_bad_samples_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        describe(*arguments)
