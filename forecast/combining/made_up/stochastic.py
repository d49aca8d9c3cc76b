"""Stochastic processes: ARMA, random walks, long memory, mean reversion, changing volatility.

References:
    Granger & Joyeux (1980), An introduction to long-memory time series models, Journal of Time Series Analysis 1(1).
    Taylor (1986), Modelling Financial Time Series (stochastic volatility).
"""

from __future__ import annotations

import numpy as np

from forecast.combining.made_up.draws import (
    Values,
    among,
    autoregressed,
    background,
    chance,
    log_uniform,
    placed,
    standard,
    unit,
    white,
)
from forecast.combining.made_up.shapes.seasons import profiles, repeated

BURN_IN = 50  # rows before the first, in which an autoregression forgets its start


def _roots(random: np.random.Generator, n: int) -> Values:
    """Coefficients of an autoregression of two roots inside the unit circle, real or a damped cycle, (series, 2)."""
    first, second = random.uniform(-0.6, 0.98, (2, n))
    radius, angle = random.uniform(0.4, 0.98, n), random.uniform(0.05, np.pi * 0.8, n)
    cyclic = random.random(n) < 0.4
    return np.stack(
        [
            np.where(cyclic, 2 * radius * np.cos(angle), first + second),
            np.where(cyclic, -(radius**2), -first * second),
        ],
        axis=1,
    )


def _arma(random: np.random.Generator, n: int, rows: int) -> Values:
    """ARMA(2, 1) series of unit spread."""
    shocks = white(random, n, rows + BURN_IN)
    moved = shocks.copy()
    moved[:, 1:] += random.uniform(-0.9, 0.9, (n, 1)) * shocks[:, :-1]
    states = np.ascontiguousarray(moved.T)
    first, second = _roots(random, n).T
    for row in range(2, len(states)):
        states[row] += first * states[row - 1] + second * states[row - 2]
    return standard(states[BURN_IN:].T)


def arma(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw stationary ARMA(2, 1) series, two of five with a damped cycle, a third on a line or a slow curve."""
    curve = log_uniform(random, 0.3, 3, (n, 1)) * chance(random, 0.33, n) * background(random, n, rows)
    return placed(random, _arma(random, n, rows) + curve)


def seasonal_arma(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw seasonal ARIMA series: each row remembers the row a season before, and half of the series are summed up."""
    shocks = _arma(random, n, rows)
    memory = among(random, (0.5, 0.8, 0.95, 1.0), n)
    moving = random.uniform(0, 0.8, (n, 1))
    start = profiles(random, n, season) * log_uniform(random, 0.5, 5, (n, 1))
    states = np.array(shocks)
    states[:, :season] += repeated(start, min(season, rows))
    for first in range(season, rows, season):  # a whole season at once
        here, before = slice(first, min(first + season, rows)), slice(first - season, min(first, rows - season))
        states[:, here] += memory * states[:, before] - moving * shocks[:, before]
    walk = log_uniform(random, 0.02, 0.5, (n, 1)) * white(random, n, rows).cumsum(axis=1)
    return placed(random, states + np.where(chance(random, 0.5, n), walk, 0.0))


def random_walks(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw random walks, half of them with a drift; a quarter are measured with noise."""
    drift = np.where(chance(random, 0.5, n), random.normal(0, 1, (n, 1)) * 3 / np.sqrt(rows), 0.0)
    walk = (white(random, n, rows) + drift).cumsum(axis=1)
    measured = log_uniform(random, 0.1, 3, (n, 1)) * chance(random, 0.25, n)
    return placed(random, walk + measured * white(random, n, rows))


def geometric_walks(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw positive walks of rates, as prices and indices are, of 5% to 100% spread over the whole series."""
    spread = log_uniform(random, 0.05, 1.0, (n, 1)) / np.sqrt(rows)
    drift = random.normal(0.3, 0.8, (n, 1)) * chance(random, 0.6, n) / rows
    walk = (spread * white(random, n, rows) + drift).cumsum(axis=1)
    return np.exp(np.clip(walk, -8, 8)) * unit(random, n)


def long_memory(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw fractionally integrated noise: correlations that die away as a power of the lag; some are no longer stationary."""
    order = random.uniform(0.15, 0.9, (n, 1))
    lag = np.arange(1, 2 * rows)
    weights = np.concatenate([np.ones((n, 1)), np.cumprod((lag - 1 + order) / lag, axis=1)], axis=1)
    size = 4 * rows  # room for shape and shocks, so that nothing wraps around
    shocks = np.fft.rfft(white(random, n, 2 * rows), n=size, axis=1)
    values = np.fft.irfft(shocks * np.fft.rfft(weights, n=size, axis=1), n=size, axis=1)
    return placed(random, values[:, rows : 2 * rows])


def mean_reversion(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw series that return to a level within 2 to 50 rows, and a level that moves slowly in half of them."""
    back = np.exp(-1 / log_uniform(random, 2, 50, (n, 1)))
    level = log_uniform(random, 0.5, 4, (n, 1)) * chance(random, 0.5, n) * background(random, n, rows)
    return placed(random, autoregressed(white(random, n, rows), back) + level)


def stochastic_volatility(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw returns whose spread wanders: half as they are, half summed up to a positive price."""
    memory = 1 - log_uniform(random, 0.01, 0.2, (n, 1))
    spread = np.exp(log_uniform(random, 0.3, 1.2, (n, 1)) * autoregressed(random.normal(size=(n, rows)), memory))
    returns = spread * white(random, n, rows)
    price = log_uniform(random, 0.05, 0.8, (n, 1)) * standard(returns.cumsum(axis=1))
    return np.where(chance(random, 0.5, n), placed(random, returns), np.exp(price) * unit(random, n))
