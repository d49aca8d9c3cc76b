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
    """Level, trend, season and noise.

    Args:
        n_series: series, named s0, s1...
        n_rows: rows of each.
        season_length: steps in a season; 1 leaves it out.
        noise: standard deviation of the noise, relative to the season's amplitude.
        freq: pandas alias of the time stamps; None numbers the rows from 1.
        seed: same seed, same frame.

    Returns:
        unique_id, ds, y.
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
    """Random walks, which nothing beats the last value on."""
    random = np.random.default_rng(seed)
    return _long(100 + random.normal(size=(n_series, n_rows)).cumsum(axis=1), freq)


def _long(values: np.ndarray[tuple[int, int], np.dtype[np.float64]], freq: str | None) -> pd.DataFrame:
    n_series, n_rows = values.shape
    ids = np.repeat([f"s{number}" for number in range(n_series)], n_rows)
    times = np.arange(1, n_rows + 1) if freq is None else pd.date_range("2000-01-01", periods=n_rows, freq=freq)
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(times, n_series), "y": values.ravel()})
