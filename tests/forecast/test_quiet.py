"""Odd panels bring no warning of numpy or of a library to a user, and no number that is none."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from house import MODELS, QUICK

import forecast as fc

HORIZON = 4


def _table(*series: np.ndarray) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"unique_id": f"s{k}", "ds": pd.date_range("2024-01-01", periods=len(y)), "y": y})
        for k, y in enumerate(series)
    ]
    return pd.concat(parts, ignore_index=True)


def _noise(rows: int = 60, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=rows) + 3 * np.sin(2 * np.pi * np.arange(rows) / 7)


def _with_holes(values: np.ndarray) -> np.ndarray:
    return np.where(np.random.default_rng(1).random(len(values)) < 0.4, np.nan, values)


ODD: dict[str, Callable[[], pd.DataFrame]] = {
    "flat": lambda: _table(np.full(60, 5.0), np.zeros(60), _noise()),
    "all flat": lambda: _table(np.full(40, 5.0), np.zeros(40)),
    "huge and tiny": lambda: _table(1e12 * _noise(), 1e-12 * _noise(seed=1), 1e9 + _noise(seed=2)),
    "many holes": lambda: _table(_with_holes(_noise()), _with_holes(_noise(seed=1)), _noise(seed=2)),
    "short": lambda: _table(*(_noise(rows, seed=rows) for rows in (1, 2, 5, 9, 16))),
    "one value": lambda: _table(np.r_[1.0, np.full(29, np.nan)], _noise(30)),
    "rare": lambda: _table(np.r_[np.zeros(50), 7.0, np.zeros(9)], np.r_[np.zeros(30), 2.0, np.zeros(29)]),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", MODELS)
def test_no_warning_reaches_a_user(name: str, odd: str) -> None:
    settings = (
        {**QUICK, "steps": 4, "quantiles": (0.1, 0.9)} if name != "deepar" else {**QUICK, "steps": 4, "head": "normal"}
    )
    table = ODD[odd]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fc.Forecaster(HORIZON, model=name, **settings).fit(table)  # type: ignore[arg-type]
        assert np.isfinite(model.predict().drop(columns=["unique_id", "ds"])).all(axis=None)
        assert np.isfinite(model.predict(samples=3)["forecast"]).all()


@pytest.mark.parametrize("odd", [odd for odd in ODD if odd != "short"])
def test_no_warning_of_an_evaluation(odd: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = fc.evaluate(ODD[odd](), HORIZON, models=["theta", "gru"], cutoffs=2, quantiles=(0.1, 0.9), **QUICK)
        assert len(result.leaderboard)
        if odd != "one value":
            given = {"model": "theta", "quantiles": (0.1, 0.9)}
            for calibrate in ("split", "adaptive"):
                fc.Forecaster(HORIZON, calibrate=calibrate, **given).fit(ODD[odd]()).predict()  # type: ignore[arg-type]
