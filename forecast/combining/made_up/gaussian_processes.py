"""Gaussian processes: sums and products of periodic, smooth and rough kernels, with lines.

The stationary kernels are taken on a circle of at least twice the rows, as functions of the chord between two rows. So
they stay positive definite, their sums and products too, and a Fourier transform draws each series exactly from its
own kernel in O(rows log rows), where a Cholesky factor of each would cost O(rows^3).

References:
    Ansari et al. (2024), Chronos: Learning the Language of Time Series, appendix A (KernelSynth).
    Dooley et al. (2023), ForecastPFN: Synthetically-Trained Zero-Shot Forecasting.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from forecast.combining.made_up.draws import Values, chance, log_uniform, noisy, placed, standard, white

MOST_KERNELS = 4  # KernelSynth takes up to five; with more they look like one another
# Of the lengths over which a smooth kernel forgets, in shares of the series: wiggles to one bend
SMOOTH_LENGTHS = (0.02, 0.5)
ROUGH_LENGTHS = (0.005, 1.0)  # from nearly white to nearly a random walk
PERIODIC_LENGTHS = (0.3, 2.0)  # 0.3 has sharp peaks in each period, 2 is nearly a sine
ROUNDING = 1e-9  # Fourier's rounding leaves tiny negative variances


def _circle(rows: int, season: int, longer: int | None) -> int:
    """Rows of the circle: whole seasons, so that periodic kernels close."""
    step = math.lcm(season, longer or 1)
    return step * max(2, math.ceil(2 * rows / step))


def _periods(random: np.random.Generator, n: int, circle: int, season: int, longer: int | None) -> Values:
    """Periods that divide the circle: mostly those of the grid, and halves of them, else any of three to many waves."""
    given = [period for period in (season, longer, season / 2) if period is not None and period > 2]
    free = circle / random.integers(4, max(5, circle // 3), size=(n, 1))
    if not given:
        return free
    return np.where(chance(random, 0.85, n), random.choice(np.asarray(given, dtype=np.float64), size=(n, 1)), free)


def _kernel(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """One kernel of unit variance for each series over the circle: periodic, smooth, or rough."""
    circle = _circle(rows, season, longer)
    lag = np.arange(circle)
    chord = circle / np.pi * np.sin(np.pi * lag / circle)
    wave = np.sin(np.pi * lag / _periods(random, n, circle, season, longer))
    kind = random.random((n, 1))
    return np.exp(
        np.select(
            [kind < 0.4, kind < 0.7],
            [
                -2 * (wave / log_uniform(random, *PERIODIC_LENGTHS, (n, 1))) ** 2,
                -0.5 * (chord / (rows * log_uniform(random, *SMOOTH_LENGTHS, (n, 1)))) ** 2,
            ],
            -chord / (rows * log_uniform(random, *ROUGH_LENGTHS, (n, 1))),
        )
    )


def _sampled(random: np.random.Generator, kernel: Values, rows: int) -> Values:
    """One series from each kernel over the circle, cut to its rows."""
    n, circle = kernel.shape
    variance = np.fft.rfft(kernel, axis=1).real
    variance[variance < ROUNDING * circle] = 0.0
    waves = np.sqrt(variance) * np.fft.rfft(random.normal(size=(n, circle)), axis=1)
    return np.fft.irfft(waves, n=circle, axis=1)[:, :rows]


def _composed(
    random: np.random.Generator, n: int, rows: int, season: int, longer: int | None, multiplied: NDArray[np.bool_]
) -> Values:
    """Compose up to `MOST_KERNELS` kernels for each series, one after another, by products or sums of drawn weights."""
    composed = _kernel(random, n, rows, season, longer)
    kernels = random.integers(1, MOST_KERNELS + 1, size=(n, 1))
    for number in range(1, MOST_KERNELS):
        next_one = _kernel(random, n, rows, season, longer)
        together = np.where(
            multiplied[:, [number]], composed * next_one, composed + log_uniform(random, 0.1, 4.0, (n, 1)) * next_one
        )
        composed = np.where(number < kernels, together, composed)
    return composed


def kernel_sums(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw from sums of kernels, a third of them with a line, which is what the linear kernel adds."""
    added = np.zeros((n, MOST_KERNELS), dtype=bool)
    curve = standard(_sampled(random, _composed(random, n, rows, season, longer, added), rows))
    slope = np.where(chance(random, 0.33, n), random.normal(0, 2, (n, 1)), 0.0)
    return placed(random, noisy(random, curve + slope * np.linspace(-1, 1, rows), season))


def kernel_products(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw from sums and products of kernels; a third grow or shrink about a line, as times the linear kernel."""
    multiplied = random.random((n, MOST_KERNELS)) < 0.6
    curve = standard(_sampled(random, _composed(random, n, rows, season, longer, multiplied), rows))
    fan = np.linspace(0, 1, rows) - random.choice([-0.1, 1.1], size=(n, 1))
    # hardly any noise in a half: the rough kernels are noise already
    quiet = standard(curve * np.where(chance(random, 0.33, n), fan, 1.0)) + 0.01 * white(random, n, rows)
    return placed(random, np.where(chance(random, 0.5, n), quiet, noisy(random, quiet, season)))
