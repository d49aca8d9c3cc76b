"""Made-up series: what all kinds promise, and what the name of each family says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from forecast.combining.made_up import draws, gaussian_processes, mixtures
from forecast.combining.made_up.shapes import breaks, calendars, trends
from forecast.combining.made_up.shapes.seasons import profiles, repeated
from forecast.combining.made_up.table import GENERATORS, SIMPLE, made_up

Values = NDArray[np.float64]
EVERY = pytest.mark.parametrize("kind", GENERATORS)


def drawn(kind: str, n: int = 200, rows: int = 144, season: int = 12, longer: int | None = None) -> Values:
    return GENERATORS[kind].draw(np.random.default_rng(7), n, rows, season, longer)


def correlation(values: Values, lag: int) -> Values:
    """Autocorrelation of each series at a lag."""
    left, right = draws.standard(values[:, :-lag]), draws.standard(values[:, lag:])
    return (left * right).mean(axis=1)


def swing(values: Values, season: int) -> Values:
    """Spread of the mean season of each series, and so of what returns in it."""
    whole = values[:, : values.shape[1] // season * season].reshape(len(values), -1, season)
    return whole.mean(axis=1).std(axis=1)


def check_contract(values: Values, n: int, rows: int) -> None:
    assert values.shape == (n, rows)
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    assert np.abs(values).max() < 1e10
    assert (np.ptp(values, axis=1) > 0).all(), "constant"
    assert len(np.unique(values, axis=0)) == n, "two alike"


@EVERY
@pytest.mark.parametrize(("season", "longer"), [(1, None), (4, None), (7, None), (12, None), (24, 168), (52, None)])
def test_every_kind_keeps_the_contract_on_every_grid(kind: str, season: int, longer: int | None) -> None:
    for n, rows in ((1, 12), (40, 12), (1, 150), (3, 301)):
        check_contract(drawn(kind, n, rows, season, longer), n, rows)


@EVERY
def test_every_kind_keeps_the_contract_over_many_rows(kind: str) -> None:
    check_contract(drawn(kind, 4, 2000, 24, 168), 4, 2000)


@EVERY
def test_the_seed_decides(kind: str) -> None:
    draw = GENERATORS[kind].draw
    one, same, other = (draw(np.random.default_rng(seed), 5, 60, 12, None) for seed in (1, 1, 2))
    assert (one == same).all()
    assert not (one == other).all(axis=1).any()


@EVERY
def test_every_kind_has_words_and_a_share(kind: str) -> None:
    assert GENERATORS[kind].words
    assert not GENERATORS[kind].words.endswith(".")
    assert GENERATORS[kind].share > 0


@pytest.mark.parametrize(("season", "longer"), [(1, None), (12, None), (24, 168)])
def test_a_mixture_follows_the_shares(season: int, longer: int | None) -> None:
    values, names = made_up(np.random.default_rng(3), 3000, 48, season, longer)
    check_contract(values, 3000, 48)
    weights = {name: kind.weight(season, longer) for name, kind in GENERATORS.items()}
    kinds = {name: weight for name, weight in weights.items() if weight}
    assert set(names) == set(kinds)
    for name, share in kinds.items():
        expected = share / sum(kinds.values())
        assert abs((names == name).mean() - expected) < 5 * np.sqrt(expected / 3000), name


def test_what_is_all_season_is_left_out_without_one_and_counts_more_with_two() -> None:
    steady, linear = GENERATORS["steady_season"], GENERATORS["linear"]
    assert steady.weight(1, None) == 0
    assert steady.weight(24, 168) == 3 * steady.weight(24, None)
    assert linear.weight(24, 168) == linear.weight(24, None) > 0
    _, names = made_up(np.random.default_rng(0), 2000, 20, 1)
    assert not {"steady_season", "working_days", "year_end"} & set(names)


def test_a_mixture_under_a_seed_is_the_same_to_the_bit() -> None:
    (one, names), (same, same_names) = (made_up(np.random.default_rng(5), 50, 40, 4) for _ in range(2))
    assert (one == same).all()
    assert (names == same_names).all()


def test_half_of_a_mixture_stands_well_above_zero() -> None:
    values, _ = made_up(np.random.default_rng(4), 2000, 120, 12)
    business = (values.min(axis=1) > 0) & (values.mean(axis=1) > 3 * values.std(axis=1))
    assert 0.45 < business.mean() < 0.65


def test_a_mixture_reaches_from_hardly_any_noise_to_hardly_any_signal() -> None:
    values, _ = made_up(np.random.default_rng(6), 2000, 120, 12)
    rough = np.diff(values, axis=1).std(axis=1) / values.std(axis=1)  # sqrt(2) in white noise
    assert (rough < 0.3).mean() > 0.1
    assert (rough > 1.2).mean() > 0.1


def test_neighbouring_rows_of_a_fine_grid_share_more_of_their_noise() -> None:
    coarse, fine = (draws.noise(np.random.default_rng(0), 500, 200, season) for season in (4, 96))
    assert correlation(fine, 1).mean() > correlation(coarse, 1).mean() + 0.2


def test_standard_draws_have_unit_spread() -> None:
    random = np.random.default_rng(0)
    assert draws.white(random, 500, 400).var() == pytest.approx(1, abs=0.05)
    assert draws.noise(random, 500, 400, 24).var() == pytest.approx(1, abs=0.1)
    assert draws.wander(random, 20, 90).std(axis=1) == pytest.approx(np.ones(20))
    assert (draws.standard(np.full((2, 5), 3.3)) == 0).all()


def test_what_is_placed_keeps_its_form_and_is_recorded_in_steps_or_not_at_all() -> None:
    curve = draws.wander(np.random.default_rng(0), 400, 100)
    placed = draws.placed(np.random.default_rng(1), curve)
    assert (draws.standard(placed) * curve).mean(axis=1).min() > 0.7
    assert 0.7 < (placed > 0).all(axis=1).mean() < 0.9
    exact = np.array([len(np.unique(series)) == 100 for series in placed])
    assert 0.4 < exact.mean() < 0.95


def test_told_apart_changes_only_what_is_constant_or_equal() -> None:
    values = np.array([[1.0, 2, 3], [1, 2, 3], [4, 4, 4], [5, 6, 9]])
    apart = draws.told_apart(np.random.default_rng(0), values)
    check_contract(apart, 4, 3)
    assert (apart[[0, 3]] == values[[0, 3]]).all()
    assert ((apart != values).sum(axis=1) <= 2).all()
    assert (apart == np.round(apart)).all()


def test_a_gaussian_process_has_the_covariance_of_its_kernel() -> None:
    chord = 80 / np.pi * np.sin(np.pi * np.arange(80) / 80)
    kernel = np.tile(np.exp(-chord / 5), (20_000, 1))
    values = gaussian_processes._sampled(np.random.default_rng(0), kernel, 40)
    assert (values * values[:, :1]).mean(axis=0) == pytest.approx(kernel[0, :40], abs=0.04)


def test_a_periodic_kernel_returns_exactly() -> None:
    kernel = np.tile(np.exp(-2 * np.sin(np.pi * np.arange(96) / 12) ** 2), (5, 1))
    values = gaussian_processes._sampled(np.random.default_rng(0), kernel, 48)
    assert values[:, 12:] == pytest.approx(values[:, :-12])


@pytest.mark.parametrize("kind", ["kernel_sums", "additive_smoothing", "multiplicative_smoothing", "structural"])
def test_kinds_with_drawn_seasons_have_one_in_part_of_the_series(kind: str) -> None:
    seasonal = correlation(np.diff(drawn(kind), axis=1), 12) > 0.4
    assert 0.15 < seasonal.mean() < 0.9


def test_multiplicative_series_swing_with_their_level() -> None:
    values = drawn("multiplicative_smoothing", 400)
    assert (values > 0).all()
    early, late = values[:, :48], values[:, -48:]
    grown = late.mean(axis=1) > 2 * early.mean(axis=1)
    assert grown.sum() > 10
    assert np.median(swing(late[grown], 12) / swing(early[grown], 12)) > 1.5


def test_random_walks_take_independent_steps() -> None:
    walks = drawn("random_walks", rows=600)
    assert np.median(correlation(walks, 1)) > 0.95
    assert abs(np.median(correlation(np.diff(walks, axis=1), 1))) < 0.1


def test_returns_to_a_level_forget_and_long_memory_does_not() -> None:
    forgets, remembers = (correlation(drawn(kind, rows=2000), 100) for kind in ("mean_reversion", "long_memory"))
    assert (np.abs(forgets) < 0.1).mean() > 0.3  # those whose level stays
    assert np.median(remembers) > 0.15


def test_wandering_volatility_comes_in_clusters() -> None:
    returns = draws.standard(np.diff(drawn("stochastic_volatility", rows=1500), axis=1))
    assert np.median(correlation(np.abs(returns), 1)) > 0.1


@pytest.mark.parametrize("kind", ["geometric_walks", "proportional_noise", "log_normal", "exponential", "promotions"])
def test_kinds_of_factors_are_positive(kind: str) -> None:
    assert (drawn(kind) > 0).all()


@pytest.mark.parametrize("kind", ["steady_season", "two_seasons", "seasonal_arma", "half_seasons"])
def test_seasonal_kinds_return_after_a_season(kind: str) -> None:
    steps = np.diff(drawn(kind), axis=1)
    assert np.median(correlation(steps, 12)) > 0.2


def test_half_seasons_return_before_the_season_ends() -> None:
    steps = np.diff(drawn("half_seasons"), axis=1)
    assert np.median(np.maximum(correlation(steps, 6), correlation(steps, 4))) > 0.2


def test_a_second_season_returns_too() -> None:
    days = drawn("working_days", rows=168 * 4, season=24, longer=168)
    assert np.median(correlation(days, 168)) > np.median(correlation(days, 96)) + 0.1
    assert np.median(correlation(days, 24)) > np.median(correlation(days, 36)) + 0.3


def test_nights_are_flat_and_low() -> None:
    days = drawn("working_days", rows=24 * 20, season=24)
    steps = np.abs(np.diff(days, axis=1))
    assert np.median(np.quantile(steps, 0.2, axis=1) / np.quantile(steps, 0.95, axis=1)) < 0.1


def test_a_season_changes_fades_or_grows_between_the_ends() -> None:
    def ends(kind: str) -> tuple[Values, Values]:
        values = draws.standard(np.diff(drawn(kind, 400, 241), axis=1))
        return values[:, :72], values[:, -72:]

    def alike(kind: str) -> float:
        early, late = (part.reshape(400, 6, 12).mean(axis=1) for part in ends(kind))
        return float(np.median((draws.standard(early) * draws.standard(late)).mean(axis=1)))

    assert alike("steady_season") > max(alike("changing_season"), alike("drifting_season")) + 0.2
    uneven = {
        kind: np.median(np.abs(np.log(swing(ends(kind)[0], 12) / swing(ends(kind)[1], 12))))
        for kind in ("steady_season", "fading_season", "growing_season")
    }
    assert uneven["fading_season"] > uneven["steady_season"] + 0.2
    assert uneven["growing_season"] > uneven["steady_season"] + 0.2


def test_profiles_repeat_with_mean_zero_and_unit_spread() -> None:
    profile = profiles(np.random.default_rng(0), 300, 7)
    assert profile.mean(axis=1) == pytest.approx(np.zeros(300), abs=1e-9)
    assert profile.std(axis=1) == pytest.approx(np.ones(300))
    assert (repeated(profile, 20)[:, 7:] == repeated(profile, 20)[:, :-7]).all()
    assert (profiles(np.random.default_rng(0), 3, 1) == 0).all()


def test_holidays_move_and_the_end_of_the_year_does_not() -> None:
    random = np.random.default_rng(0)
    moving, closing = (draw(random, 240, 50, 24) for draw in (calendars._moving, calendars._closing))
    moved, fixed = (effect.reshape(50, 10, 24).argmax(axis=2) for effect in (moving, closing))
    assert np.median(np.ptp(moved, axis=1)) >= 2
    assert (np.ptp(fixed, axis=1) == 0).mean() > 0.9


def test_trading_days_differ_between_equal_months_of_two_years() -> None:
    steps = np.diff(drawn("trading_days", rows=240), axis=1)
    steady = np.diff(drawn("steady_season", rows=240), axis=1)
    assert np.median(correlation(steps, 12)) < np.median(correlation(steady, 12)) - 0.1


def test_trends_have_the_form_of_their_names() -> None:
    random, time = np.random.default_rng(0), np.arange(144)
    straight = np.abs(np.corrcoef(drawn("linear"), time)[-1, :-1])
    assert np.median(straight) > 0.6
    assert (np.diff(trends.s_curve(random, 100, 144), axis=1) >= 0).all()
    bends = np.abs(np.diff(trends.broken_line(random, 100, 144), n=2, axis=1)) > 1e-9
    assert (bends.sum(axis=1) >= 1).all()
    assert (bends.sum(axis=1) <= 2 * trends.MOST_BREAKS).all()
    damped = drawn("damped", 400)
    thirds = damped.reshape(400, 3, 48).mean(axis=2)
    first, last = np.abs(np.diff(thirds, axis=1)).T
    assert np.median(last / first) < 0.7


def test_business_cycles_turn_within_the_series() -> None:
    cycles = drawn("business_cycles", rows=400)
    smooth = draws.standard(np.apply_along_axis(np.convolve, 1, cycles, np.ones(13) / 13, "valid"))
    turns = (np.diff(np.sign(np.diff(smooth, axis=1)), axis=1) != 0).sum(axis=1)
    assert (turns >= 2).mean() > 0.9


def test_breaks_have_the_size_they_are_drawn_with() -> None:
    random = np.random.default_rng(0)
    sizes = np.abs(breaks._size(random, *breaks.BREAK_SIZE, (1000, 1)))
    assert sizes.min() >= 2
    assert sizes.max() <= 15
    after = breaks._after(random, 500, 200)
    assert (np.abs(np.diff(after, axis=1)).sum(axis=1) == 1).mean() > 0.95
    jumps = np.abs(np.diff(drawn("level_breaks"), axis=1))
    assert np.median(jumps.max(axis=1) / np.median(jumps, axis=1)) > 5


def test_variances_break_and_outliers_stand_out() -> None:
    steps = np.diff(drawn("variance_breaks", season=1), axis=1)
    ends = np.abs(np.log(steps[:, :20].std(axis=1) / steps[:, -20:].std(axis=1)))
    usual = np.diff(drawn("random_walks", season=1), axis=1)
    assert np.median(ends) > 2 * np.median(np.abs(np.log(usual[:, :20].std(axis=1) / usual[:, -20:].std(axis=1))))
    apart = np.diff(drawn("outliers", season=1), axis=1)
    assert np.median(np.abs(apart).max(axis=1) / np.median(np.abs(apart), axis=1)) > 8


@pytest.mark.parametrize("kind", ["poisson", "negative_binomial", "intermittent", "seasonal_demand", "life_cycles"])
def test_counts_are_whole_and_not_negative(kind: str) -> None:
    counts = drawn(kind)
    assert (counts >= 0).all()
    assert (counts == np.round(counts)).all()


def test_demand_is_intermittent_and_dies_or_starts() -> None:
    zeros = (drawn("intermittent") == 0).mean(axis=1)
    assert np.median(zeros) > 0.6
    assert np.quantile(zeros, 0.9) > 0.9
    living = drawn("life_cycles", rows=300) > 0
    difference = np.abs(living[:, :60].mean(axis=1) - living[:, -60:].mean(axis=1))
    assert np.median(difference) > 0.15
    scatter = [
        np.median(drawn(kind).var(axis=1) / drawn(kind).mean(axis=1)) for kind in ("negative_binomial", "poisson")
    ]
    assert scatter[0] > 2 * scatter[1]


def test_scales_keep_their_limits() -> None:
    rates = drawn("rates")
    assert (rates > 0).all()
    assert (rates < 100).all()
    assert ((rates < 1).all(axis=1)).mean() > 0.5
    limited = drawn("limited")
    at_limit = (limited == limited.min(axis=1, keepdims=True)) | (limited == limited.max(axis=1, keepdims=True))
    assert np.median(at_limit.mean(axis=1)) > 0.05
    assert (limited >= 0).all()
    assert (drawn("rounded") == np.round(drawn("rounded"))).all()
    assert np.median([len(np.unique(series)) for series in drawn("tied")]) < 40


def test_noise_of_proportion_grows_with_the_level() -> None:
    values = drawn("proportional_noise", 400, season=1)
    high = values > np.median(values, axis=1, keepdims=True)
    steps = np.abs(np.diff(values, axis=1))
    assert np.median([np.median(s[h]) / np.median(s[~h]) for s, h in zip(steps, high[:, 1:], strict=True)]) > 1.5


def test_yearly_series_have_strong_trends_in_few_rows() -> None:
    for kind in ("strong_trends", "trends_with_breaks"):
        assert np.median(correlation(drawn(kind, rows=24, season=1), 1)) > 0.75
    assert (drawn("trends_with_breaks", rows=24, season=1) > 0).all()


def _ramps(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Series that rise by one a row, from known starts: the oracle for what mixtures do with their parts."""
    return np.arange(rows) + np.arange(1.0, n + 1)[:, None]


def test_mixtures_do_what_they_say_with_known_parts() -> None:
    random = np.random.default_rng(0)
    steps = np.diff(mixtures.aggregates(_ramps, random, 30, 20, 12, None), axis=1)
    assert (steps == steps[:, :1]).all()
    assert set(steps[:, 0]) == {step**2 for step in mixtures.FINER}  # each of `step` rows rose by `step`
    turned = mixtures.turned(_ramps, random, 60, 20, 12, None)
    down = (np.diff(turned, axis=1) < 0).all(axis=1)
    assert 0.4 < down.mean() < 0.9  # back to front or upside down, but not both
    assert (turned >= 0).all()
    ups = mixtures.products(_ramps, random, 30, 20, 12, None)
    assert (np.diff(ups, n=2, axis=1) > 0).all()
    assert (np.diff(mixtures.sums(_ramps, random, 30, 20, 12, None), axis=1) > 0).all()


def test_mixtures_take_simple_kinds_only() -> None:
    assert set(GENERATORS) - set(SIMPLE) == {"sums", "products", "turned", "spliced", "aggregates"}
