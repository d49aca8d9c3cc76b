"""How large errors are expected at each step: rough stretches of the season, and rough times, have larger ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.history import MAX_SCALE_ROWS
from forecast.datasets.windows.origins import Origins

Floats = NDArray[np.float64]
PRIOR_ROWS = 4  # at the usual roughness, added to each mean: few rows say little
PHASES_APART = 24  # a season's phases up to a 24th of it away lend their rows
ORIGINS_AT_ONCE = 1024  # bounds memory
PRIOR_PRECISION = 0.5  # of exponents of 0, where log |score| has a variance of about 1: half a score's say
FEATURES = 2  # the ratio of the phase and that of the newest rows


def roughness_ratios(panel: Panel, origins: Origins, horizon: int, season_length: int) -> Floats:
    """Compare how rough each history is where and when a step falls with how rough it is on the whole.

    The roughness at a row is the distance from the mean of its two neighbours, which a slope or a level does not change.

    Args:
        panel: the rows.
        origins: n origins; only rows before them are read.
        horizon: steps of a forecast.
        season_length: steps in a season.

    Returns:
        (n, horizon, 2) logarithms of ratios: rows of the step's phase to all rows, and the newest rows to all rows; 0
        where nothing is known.
    """
    ratios = np.zeros((len(origins), horizon, FEATURES))
    for start in range(0, len(origins), ORIGINS_AT_ONCE):
        part = slice(start, start + ORIGINS_AT_ONCE)
        ratios[part] = _ratios(panel, origins[part], horizon, season_length)
    return ratios


def exponents(ratios: Floats, scores: Floats, weights: Floats) -> Floats:
    """Fit by how much the size of scores follows the ratios: log |score| = a(step) + ratios x exponents.

    Args:
        ratios: (n, horizon, 2) what `roughness_ratios` returned.
        scores: (n, horizon) scores, NaN where there is none.
        weights: (n,) weight of each origin.

    Returns:
        (2,) exponents from 0 (no influence) to 1 (errors are proportional).
    """
    used = np.isfinite(scores) & (scores != 0)
    size = np.log(np.abs(np.where(used, scores, 1.0)))
    weight = np.where(used, weights[:, None], 0.0)
    total = np.maximum(weight.sum(axis=0), 1e-300)
    size = size - (weight * size).sum(axis=0) / total
    centred = ratios - (weight[:, :, None] * ratios).sum(axis=0) / total[:, None]
    # the steps of one origin fail together: they count as one score
    weight = weight / scores.shape[1]
    left = np.einsum("nh,nhi,nhj->ij", weight, centred, centred) + PRIOR_PRECISION * np.eye(FEATURES)
    right = np.einsum("nh,nhi,nh->i", weight, centred, size)
    return np.clip(np.linalg.solve(left, right), 0, 1)


def growth(ratios: Floats, powers: Floats) -> Floats:
    """Return the factor on each step's scale, (n, horizon), of ratios, (n, horizon, 2), and exponents, (2,)."""
    return np.asarray(np.exp(ratios[..., 0] * powers[0] + ratios[..., 1] * powers[1]))


def _ratios(panel: Panel, origins: Origins, horizon: int, season_length: int) -> Floats:
    rough = _roughness(panel, origins)
    known = np.isfinite(rough)
    rough = np.where(known, rough, 0.0)
    usual = rough.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    usual[usual == 0] = 1.0
    back = np.arange(1, rough.shape[1] + 1)
    newest = back <= max(horizon, season_length) + 1
    recent = _compared(rough, known, newest, usual)
    result = np.zeros((len(origins), horizon, FEATURES))
    result[:, :, 1] = recent[:, None]
    reach = season_length // PHASES_APART
    by_phase: dict[int, Floats] = {}
    for step in range(horizon):
        phase = step % season_length
        if phase not in by_phase and season_length > 1:
            away = (phase + back) % season_length
            by_phase[phase] = _compared(rough, known, np.minimum(away, season_length - away) <= reach, usual)
        result[:, step, 0] = by_phase.get(phase, 0.0)
    return result


def _compared(rough: Floats, known: NDArray[np.bool_], rows: NDArray[np.bool_], usual: Floats) -> Floats:
    """Return the logarithm of the mean of some rows' roughness over the usual one, (n,)."""
    total = np.ascontiguousarray(rough[:, rows]).sum(axis=1)
    count = known[:, rows].sum(axis=1)
    return np.asarray(np.log((total / usual + PRIOR_ROWS) / (count + PRIOR_ROWS)))


def _roughness(panel: Panel, origins: Origins) -> Floats:
    """Return the roughness of the newest rows before each origin, (n, rows), the newest first, NaN where unknown."""
    rows = origins.end[:, None] - np.arange(1, MAX_SCALE_ROWS + 1)
    first = panel.indptr[origins.series][:, None]
    around = [panel.target[np.clip(rows + move, first, origins.end[:, None] - 1)] for move in (-1, 0, 1)]
    rough = np.abs(around[1] - (around[0] + around[2]) / 2)
    inside = (rows - 1 >= first) & (rows + 1 < origins.end[:, None])
    return np.where(inside, rough, np.nan)
