"""The fitted model below the door: a panel and origins in, forecasts out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from house import QUICK

import forecast as fc
from forecast.datasets.errors import ConfigError, ModelError
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.origins import Origins
from forecast.fitted import FittedModel, fitted_of, planned
from forecast.settings import Settings
from forecast.storage.saving import load, save


@pytest.fixture(scope="module")
def model() -> FittedModel:
    panel = panel_from_table(synthetic(3, 80, seed=1), Columns())
    return FittedModel.fit(panel, Settings(horizon=6, model="gru", quantiles=(0.1, 0.5, 0.9), **QUICK))


def test_it_forecasts_what_the_door_gives(model: FittedModel, panel: Panel, frame: pd.DataFrame) -> None:
    table = fc.Forecaster(6, model="gru", quantiles=(0.1, 0.5, 0.9), **QUICK).fit(frame).predict()
    prediction = model.predict(panel, Origins.last(panel))
    np.testing.assert_array_equal(table["forecast"], prediction.point.ravel())
    np.testing.assert_array_equal(table["q90"], prediction.at((0.9,)).values(np.array([[[0.9]]])).ravel())


def test_fewer_steps_and_other_levels_are_parts_of_the_same_forecast(model: FittedModel, panel: Panel) -> None:
    origins = Origins.last(panel)
    whole, part = model.predict(panel, origins), model.predict(panel, origins, horizon=2, quantiles=(0.1, 0.9))
    np.testing.assert_array_equal(part.point, whole.point[:, :2])
    assert whole.quantiles is not None
    np.testing.assert_allclose(part.quantiles, whole.quantiles[:, :2][:, :, [0, 2]])


@pytest.mark.parametrize(
    ("asked", "what"), [({"horizon": 0}, "horizon=0"), ({"quantiles": (0.9, 0.1)}, "quantile levels")]
)
def test_what_cannot_be_forecast_is_refused(asked: dict[str, int], what: str, model: FittedModel, panel: Panel) -> None:
    with pytest.raises(ConfigError, match=what):
        model.predict(panel, Origins.last(panel), **asked)


def test_paths_have_the_quantiles_of_the_forecast(model: FittedModel, panel: Panel) -> None:
    origins = Origins.last(panel)
    paths = model.paths(panel, origins, 2000)
    assert paths.shape == (3, 6, 2000)
    below = (paths <= model.predict(panel, origins).quantiles[:, :, 2:]).mean()  # type: ignore[index]  # it has quantiles
    assert below == pytest.approx(0.9, abs=0.02)


def test_a_saved_model_comes_back_without_a_door(model: FittedModel, panel: Panel) -> None:
    again = load(save(model, Path("model")))
    assert again.settings == model.settings
    assert again.reasons == model.reasons
    last = Origins.last(again.context)
    np.testing.assert_array_equal(
        again.predict(again.context, last).point, model.predict(panel, Origins.last(panel)).point
    )


def test_the_plan_is_what_fitting_resolves(model: FittedModel, panel: Panel) -> None:
    resolved, reasons = planned(panel, model.settings)
    assert {k: v for k, v in vars(resolved).items() if k != "steps"} == {
        k: v for k, v in vars(model.resolved).items() if k != "steps"
    }
    assert set(reasons) <= set(model.reasons)


def test_a_door_without_a_model_says_so(model: FittedModel) -> None:
    assert fitted_of(fc.Forecaster.over(model)) is model
    with pytest.raises(ModelError, match="not fitted"):
        fitted_of(fc.Forecaster(6))


@pytest.mark.parametrize(("name", "calls"), [("theta", 0), ("gru", 1)])
def test_a_logger_is_made_for_networks_only_because_it_loads_lightning(name: str, calls: int, panel: Panel) -> None:
    made: list[None] = []
    FittedModel.fit(panel, Settings(horizon=6, model=name, **QUICK), logger=lambda: made.append(None))
    assert len(made) == calls
