"""Seeded panels with known structure, for tests, benchmarks and first steps."""

from __future__ import annotations

import numpy as np
import pandas as pd


def synthetic(
    n_series: int = 10,
    n_rows: int = 200,
    *,
    season_length: int = 12,
    noise: float = 0.1,
    freq: str | None = "MS",
    seed: int = 0,
) -> pd.DataFrame:
    """Make series that are the sum of a level, a linear trend, a sine of one season, and noise.

    Args:
        n_series: number of series, which are named s0, s1 and so on.
        n_rows: rows of each series.
        season_length: steps in a season; 1 leaves the season out.
        noise: standard deviation of the noise, relative to the season's amplitude, which is 10.
        freq: pandas alias of the time stamps; None numbers the rows from 1.
        seed: the same seed makes the same frame.

    Returns:
        A long frame with the columns unique_id, ds and y.
    """
    random = np.random.default_rng(seed)
    step = np.arange(n_rows)
    level = random.uniform(50, 150, (n_series, 1))
    trend = random.normal(0, 0.1, (n_series, 1)) * step
    phase = random.uniform(0, 2 * np.pi, (n_series, 1))
    season = 10 * np.sin(2 * np.pi * step / season_length + phase) if season_length > 1 else 0.0
    values = level + trend + season + 10 * noise * random.normal(size=(n_series, n_rows))
    return _long(values, freq)


def random_walks(n_series: int = 10, n_rows: int = 200, *, freq: str | None = None, seed: int = 0) -> pd.DataFrame:
    """Make random walks with unit steps from about 100; no forecast of them beats the last value.

    Args:
        n_series: number of series, which are named s0, s1 and so on.
        n_rows: rows of each series.
        freq: pandas alias of the time stamps; None numbers the rows from 1.
        seed: the same seed makes the same frame.

    Returns:
        A long frame with the columns unique_id, ds and y.
    """
    random = np.random.default_rng(seed)
    return _long(100 + random.normal(size=(n_series, n_rows)).cumsum(axis=1), freq)


def _long(values: np.ndarray[tuple[int, int], np.dtype[np.float64]], freq: str | None) -> pd.DataFrame:
    n_series, n_rows = values.shape
    ids = np.repeat([f"s{number}" for number in range(n_series)], n_rows)
    times = np.arange(1, n_rows + 1) if freq is None else pd.date_range("2000-01-01", periods=n_rows, freq=freq)
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(times, n_series), "y": values.ravel()})
