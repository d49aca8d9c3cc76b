"""What a model cannot use is said, in one line a run."""

from __future__ import annotations

import pytest
from house import QUICK

import forecast as fc
from forecast.architectures import not_used
from forecast.datasets.synthetic import synthetic
from forecast.settings import Settings


def test_models_are_grouped_by_what_they_use() -> None:
    common = {"horizon": 3, "known": ("price", "promo")}
    models = {name: Settings.of({"model": name, **common}) for name in ("gru", "auto", "theta", "naive")}
    assert not_used(models) == "price and promo are used by gru and auto, not by theta and naive"
    alone = {"gru": models["gru"], "naive": Settings(horizon=3, model="naive")}
    assert not_used(alone) is None, "a model that was asked for nothing lacks nothing"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "theta", "static": ("store",)}, "store is not used by theta"),
        ({"model": "gru", "point": "mean"}, "point=mean is not used by gru"),
        ({"model": "gru", "point": "mean", "quantiles": (0.1, 0.9)}, None),
        ({"model": "tsb", "point": "mean"}, None),
        ({"model": "deepar", "point": "mean", "head": "normal"}, None),
        ({"model": "naive", "static": ("store",), "known": ("price",)}, "store and price are not used by naive"),
        ({"model": "naive", "hidden_size": 32}, None),
    ],
)
def test_one_model(settings: dict[str, object], said: str | None) -> None:
    assert not_used({str(settings["model"]): Settings.of({"horizon": 3, **settings})}) == said


def test_it_is_said_once_a_run(caplog: pytest.LogCaptureFixture) -> None:
    table = synthetic(2, 60, seed=1)
    table["promo"] = (table.groupby("unique_id").cumcount() % 4 == 0).astype(float)
    fc.Forecaster(3, model="theta", known=["promo"]).fit(table)
    assert caplog.messages == ["promo is not used by theta"]
    caplog.clear()
    fc.evaluate(table, 3, models=["gru", "theta", "naive"], known=["promo"], cutoffs=2, **QUICK)
    assert caplog.messages == ["promo is used by gru, not by theta and naive"]
    caplog.clear()
    fc.evaluate(table, 3, models=["gru"], known=["promo"], **QUICK)
    assert caplog.messages == []
