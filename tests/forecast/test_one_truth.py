"""One forecast, one truth: the point is the 0.5 quantile, quantiles are ordered, paths agree, nothing leaves the support."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from house import MODELS, QUICK

import forecast as fc
from forecast.architectures import ARCHITECTURES
from forecast.datasets.errors import ConfigError, DataError
from forecast.datasets.synthetic import synthetic
from forecast.models.transforms import TRANSFORMS
from forecast.networks.heads import HEADS

HORIZON = 5
BOUNDS = {"none": (-np.inf, np.inf), "log": (0, np.inf), "softplus": (0, np.inf), "sigmoid": (0, 1), "softmax": (0, 1)}
COUNTS = ("poisson", "negative_binomial")
LEVELS = (0.01, 0.1, 0.4, 0.5, 0.6, 0.9, 0.99)
BLENDS = ("on", "boosted", "intermittent", "off")


def _table(kind: str = "any", n: int = 3, rows: int = 90, seed: int = 0) -> pd.DataFrame:
    """Skewed values of one kind: numbers of both signs, shares, or counts with zeros."""
    draws = np.random.default_rng(seed).gamma(1.0, size=(n, rows))
    values = {
        "any": draws - 0.5,
        "positive": draws + 1e-3,
        "share": draws / draws.sum(axis=0),
        "count": np.floor(1.5 * draws),
    }[kind]
    days = np.tile(pd.date_range("2024-01-01", periods=rows), n)
    return pd.DataFrame({"unique_id": np.repeat([f"s{k}" for k in range(n)], rows), "ds": days, "y": values.ravel()})


def _quantiles(frame: pd.DataFrame, levels: tuple[float, ...]) -> np.ndarray:
    return frame[[f"q{100 * level:.10g}" for level in levels]].to_numpy()


def _check_truth(fitted: fc.Forecaster, samples: int = 400) -> None:
    """The contract: whatever is asked for, the forecast is the same median between its quantiles."""
    assert fitted.fitted_ is not None
    newest = fitted.newest()
    is_rate = fitted.fitted_.predict(*newest).is_mean and fitted.fitted_.support.whole
    plain = fitted.predict()
    found = fitted.predict(quantiles=LEVELS)
    point, quantiles = found["forecast"].to_numpy(), _quantiles(found, LEVELS)
    assert np.array_equal(point, plain["forecast"]), "other levels change no forecast"
    assert (np.diff(quantiles, axis=1) >= 0).all(), "quantiles do not cross"
    assert np.array_equal(point, found["q50"]), "the point is the median"
    alone = fitted.predict(quantiles=())
    assert list(alone.columns) == ["unique_id", "ds", "forecast"], "who asks for no level gets none"
    assert np.array_equal(point, alone["forecast"])
    inner = _quantiles(fitted.predict(quantiles=(0.4, 0.6)), (0.4, 0.6))
    assert (inner[:, 0] <= point).all()
    assert (point <= inner[:, 1]).all()
    paths = fitted.predict(samples=samples)["forecast"].to_numpy().reshape(-1, samples, HORIZON)
    drawn = np.sort(paths.transpose(0, 2, 1).reshape(-1, samples), axis=1)
    for level, expected in zip(LEVELS[1:-1], quantiles.T[1:-1], strict=True):
        # of so many draws, all but one in 10^5 have this many below the quantile, ties aside
        slack = 4.4 * np.sqrt(samples * level * (1 - level)) + 1
        if 0.3 < level < 0.7 and is_rate:
            continue  # its point is the mean of counts, and may lie between two of them
        below, up_to = (drawn < expected[:, None] - 1e-9).sum(axis=1), (drawn <= expected[:, None] + 1e-9).sum(axis=1)
        assert (below <= samples * level + slack).all(), f"too many paths lie below the quantile {level}"
        assert (up_to >= samples * level - slack).all(), f"too few paths lie below the quantile {level}"


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_one_truth(name: str) -> None:
    table = _table()
    for levels in ((0.1, 0.5, 0.9), (0.05, 0.3, 0.8)):
        if name == "deepar":
            fitted = fc.Forecaster(HORIZON, model=name, quantiles=levels, **QUICK, head="normal").fit(table)
        else:
            fitted = fc.Forecaster(HORIZON, model=name, quantiles=levels, **QUICK).fit(table)
        _check_truth(fitted, samples=60 if name == "deepar" else 400)


@pytest.mark.parametrize("name", MODELS)
def test_asking_for_quantiles_changes_no_forecast(name: str) -> None:
    table, given = synthetic(3, 100, seed=1), {**QUICK, **({"head": "normal"} if name == "deepar" else {})}
    plain = fc.Forecaster(HORIZON, model=name, **given).fit(table).predict()["forecast"]
    for levels in ((0.1, 0.5, 0.9), (0.05, 0.2, 0.95)):
        found = fc.Forecaster(HORIZON, model=name, quantiles=levels, **given).fit(table).predict()["forecast"]
        assert np.array_equal(found, plain)


@pytest.mark.parametrize("calibrate", ["split", "adaptive"])
@pytest.mark.parametrize("name", ["gru", "auto", "theta", "boosting", "tsb"])
def test_calibrated_models_have_one_truth(name: str, calibrate: str) -> None:
    _check_truth(fc.Forecaster(HORIZON, model=name, quantiles=(0.1, 0.9), calibrate=calibrate, **QUICK).fit(_table()))


@pytest.mark.parametrize("blend", BLENDS)
def test_every_blend_has_one_truth(blend: str) -> None:
    for kind in ("any", "count"):
        settings = {**QUICK, "blend": blend, "quantiles": (0.1, 0.9)}
        _check_truth(fc.Forecaster(HORIZON, model="auto", **settings).fit(_table(kind)))


@pytest.mark.parametrize(("transform", "calibrate"), list(product(BOUNDS, ["none", "split"])))
def test_transforms_keep_their_values(transform: str, calibrate: str) -> None:
    assert set(BOUNDS) == set(TRANSFORMS), "a new transform has its bounds here"
    settings = {**QUICK, "transform": transform, "calibrate": calibrate, "quantiles": (0.1, 0.5, 0.9)}
    kind = {"none": "any", "log": "positive", "softplus": "positive"}.get(transform, "share")
    fitted = fc.Forecaster(HORIZON, model="gru", **settings).fit(_table(kind))
    for frame in (fitted.predict(quantiles=LEVELS), fitted.predict(samples=50)):
        numbers = frame.drop(columns=["unique_id", "ds", "sample"], errors="ignore").to_numpy()
        low, high = BOUNDS[transform]
        assert ((numbers >= low) & (numbers <= high)).all()
        assert low or kind != "positive" or (numbers > 0).all()
    if transform != "softmax":  # whose paths are divided by their sum
        _check_truth(fitted)


@pytest.mark.parametrize(("head", "calibrate"), list(product([h for h in HEADS if h != "point"], ["none", "adaptive"])))
def test_heads_keep_their_values(head: str, calibrate: str) -> None:
    kind = {"lognormal": "positive", "beta": "share"}.get(head, "count" if head in COUNTS else "any")
    settings = {**QUICK, "head": head, "calibrate": calibrate, "quantiles": (0.1, 0.5, 0.9)}
    fitted = fc.Forecaster(HORIZON, model="gru", **settings).fit(_table(kind))
    _check_truth(fitted)
    for frame in (fitted.predict(quantiles=LEVELS), fitted.predict(samples=50)):
        numbers = frame.drop(columns=["unique_id", "ds", "sample"], errors="ignore").to_numpy()
        assert kind == "any" or (numbers >= 0).all()
        assert kind != "share" or (numbers <= 1).all()
        assert kind != "count" or (numbers == np.round(numbers)).all()


@pytest.mark.parametrize("name", MODELS)
def test_counts_stay_counts(name: str) -> None:
    """Quantiles and paths are counts; a point may be a rate where the model forecasts one."""
    if name == "deepar":
        pytest.skip("its head says what it draws: test_heads_keep_their_values")
    fitted = fc.Forecaster(HORIZON, model=name, quantiles=(0.1, 0.9), **QUICK).fit(_table("count"))
    assert fitted.reasons_["support"].startswith("counts")
    found = fitted.predict(quantiles=LEVELS)
    assert (found[["forecast", "q1"]] >= 0).all(axis=None)
    whole = [column for column in found if column.startswith("q") and column != "q50"]
    assert (found[whole] == found[whole].round()).all(axis=None)
    paths = fitted.predict(samples=30)["forecast"]
    assert ((paths >= 0) & (paths == paths.round())).all()


@pytest.mark.parametrize("name", MODELS)
def test_the_mean_is_that_of_the_paths(name: str) -> None:
    """With `point="mean"`, the forecast is the mean of the paths, whose distribution is skewed here."""
    given = {"head": "lognormal", "quantiles": (0.1, 0.9)} if name == "deepar" else {"quantiles": (0.05, 0.5, 0.95)}
    fitted = fc.Forecaster(HORIZON, model=name, point="mean", **{**QUICK, **given}).fit(_table("positive", rows=60))
    samples = 200
    point = fitted.predict()["forecast"].to_numpy()
    paths = fitted.predict(samples=samples)["forecast"].to_numpy().reshape(-1, samples, HORIZON)
    mean, error = paths.mean(axis=1).ravel(), paths.std(axis=1).ravel() / np.sqrt(samples)
    assert np.mean(np.abs(mean - point) <= 4 * error + 0.02 * np.abs(point)) > 0.9


def test_bounds_that_are_given_are_kept() -> None:
    table = _table("positive")
    for name in ("theta", "gru", "auto"):
        fitted = fc.Forecaster(HORIZON, model=name, lower=0, upper=8, quantiles=(0.1, 0.9), **QUICK).fit(table)
        found = fitted.predict(quantiles=LEVELS)
        assert found.drop(columns=["unique_id", "ds"]).apply(lambda column: column.between(0, 8)).all(axis=None)
        assert "set by the user" in fitted.reasons_["support"]
    with pytest.raises(DataError, match="outside the bounds") as caught:
        fc.Forecaster(HORIZON, model="theta", lower=0.5).fit(table)
    assert "at least 0.5" in str(caught.value.problems[0].expected)
    with pytest.raises(ConfigError):
        fc.Forecaster(HORIZON, lower=3, upper=3)


def test_only_what_is_certain_is_inferred() -> None:
    def reason(values: np.ndarray) -> str:
        table = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=len(values)), "y": values})
        return fc.Forecaster(1, model="naive").fit(table).reasons_["support"]

    draws = np.random.default_rng(0).gamma(1.0, size=60)
    assert reason(np.floor(3 * draws)).startswith("counts")
    assert reason(np.where(draws < 0.5, 0, draws)).startswith("not negative")
    assert reason(draws).startswith("any"), "that all values were positive says nothing"
    assert reason(np.floor(3 * draws) - 1).startswith("any")
    assert reason(np.array([1.0, 2.0, 3.0])).startswith("any"), "three whole numbers are no proof"


def test_newer_rows_widen_the_support(caplog: pytest.LogCaptureFixture) -> None:
    """A summer without frost says nothing of a winter; the series beside it keeps its counts."""
    table = _table("count", n=2)
    fitted = fc.Forecaster(HORIZON, model="naive", quantiles=(0.1, 0.9)).fit(table)
    winter = table.copy()
    winter.loc[winter.index[winter["unique_id"] == "s0"][-1], "y"] = -3.5
    found = fitted.predict(winter)
    assert "newer rows of 's0' are not" in caplog.text
    caplog.clear()
    assert (found.loc[found["unique_id"] == "s0", "forecast"] == -3.5).all()
    before = fitted.predict(table)
    assert not caplog.messages
    other = found["unique_id"] == "s1"
    pd.testing.assert_frame_equal(found[other], before[other], check_exact=True)


def test_the_support_is_saved() -> None:
    fitted = fc.Forecaster(HORIZON, model="theta", quantiles=(0.1, 0.9)).fit(_table("count"))
    again = fc.load(fitted.save("model"))
    assert again.fitted_ is not None
    assert fitted.fitted_ is not None
    assert again.fitted_.support == fitted.fitted_.support
    pd.testing.assert_frame_equal(again.predict(quantiles=LEVELS), fitted.predict(quantiles=LEVELS), check_exact=True)


def test_every_model_is_in_the_contract() -> None:
    assert set(MODELS) <= set(ARCHITECTURES)
