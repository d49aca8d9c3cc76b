"""A fitted model takes a validated panel and origins and returns forecasts; `Forecaster`, above it, takes tables."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from forecast.architectures import Saveable, architecture, build
from forecast.datasets.declarations import quantile_problems
from forecast.datasets.errors import ConfigError, ModelError, Problem, RunError
from forecast.datasets.fingerprint import described
from forecast.datasets.panel import Panel
from forecast.datasets.season import season_length
from forecast.datasets.windows.clock import Clock, places_of_steps, rows_to_spare
from forecast.datasets.windows.facts import best_base
from forecast.datasets.windows.filling import fill_missing, rows_that_fill
from forecast.datasets.windows.history import MAX_SCALE_ROWS
from forecast.datasets.windows.origins import Origins
from forecast.datasets.windows.support import ANY, Bounds, Support
from forecast.models.transforms import transform_named
from forecast.progress import Progress, doing
from forecast.protocol import MEDIAN, DrawsPaths, GoesOn, Prediction
from forecast.settings import Settings
from forecast.uncertainty.conformal import Conformal
from forecast.uncertainty.continuation import continued
from forecast.uncertainty.declared_support import support_of
from forecast.uncertainty.past_forecasts import HORIZONS_LOOKED_BACK
from forecast.uncertainty.paths import PAST_HORIZONS, Dependence

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

MakesLogger = Callable[[], "Logger | None"]
MAX_SERIES_NAMED = 5  # in an error
LEVELS_OF_PATHS = tuple(np.round(np.linspace(0.05, 0.95, 19), 2).tolist())  # where a distribution goes on beyond
TRAIN_FOR_QUANTILES = "Fit again with quantiles= (--quantiles) or a distribution as head."


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedModel:
    """A model that has learnt from a panel, with everything that its forecasts need.

    Args:
        model: the fitted network, ensemble or baseline.
        settings: the settings that the user gave, some of them open ("auto").
        season_length: steps in a season.
        context: the newest training rows, as many as a forecast reads.
        reasons: for each setting that was left open, a sentence that says why it got its value.
        calibration: the correction of the quantiles; None where the settings ask for none.
        fills_from_season: whether the season before stands in for missing targets, because repeating the season beats
            repeating the last value on the training rows; else the last value stands in, moved by its drift. Networks
            only, baselines leave missing rows out.
        support: the values that forecasts may take.
        learned_from: the training rows, as `forecast.datasets.fingerprint.described` describes them.
        evaluated: what an evaluation found, as `forecast.storage.card.evaluated_in_words` takes it; None without one.
        fit_seconds: wall seconds that fitting took.
        fit_cpu_seconds: CPU seconds that fitting took.
        run_id: id of the MLflow run of the fit, or the run's tag `forecast.record` until MLflow has it; None untracked.
    """

    model: Saveable
    settings: Settings
    season_length: int
    context: Panel
    reasons: dict[str, str] = field(default_factory=dict)
    fills_from_season: bool = False
    support: Support = ANY
    calibration: Conformal | None = None
    learned_from: dict[str, Any] = field(default_factory=dict)
    evaluated: dict[str, Any] | None = None
    fit_seconds: float = 0.0
    fit_cpu_seconds: float = 0.0
    run_id: str | None = None

    @classmethod
    def fit(
        cls, panel: Panel, settings: Settings, *, progress: Progress | None = None, logger: MakesLogger | None = None
    ) -> FittedModel:
        """Learn from every row of a panel.

        Args:
            panel: the training rows.
            settings: the user's settings.
            progress: an observer that is told of each training step; None tells nobody.
            logger: a function that returns a Lightning logger for the learning curve. It is called for networks only,
                because a logger loads Lightning. None records no curve.

        Raises:
            ConfigError: if settings and data do not fit together.
            RunError: if training diverges.
        """
        clock = Clock.of(panel)
        read = panel if clock is None else clock.panel
        length, reason = season_length(read, settings.season_length)
        learns_weights = architecture(settings.model).kind == "network"
        if learns_weights:
            doing("loading PyTorch and Lightning")
            import_module("forecast.training.loop")  # before the clocks start: to load Lightning is not to fit
        curve = logger() if logger is not None and learns_weights else None
        model = build(settings, length, progress=progress, logger=curve)
        wall, cpu = time.perf_counter(), time.process_time()
        support, why = support_of(settings, panel, is_network=learns_weights)
        seasonal = learns_weights and best_base(read, settings.horizon, length) != "last"
        read = fill_missing(read, length if seasonal else 1) if learns_weights else read
        calibration = _fit_model(model, read, settings, length)
        return cls(
            model=model,
            settings=settings,
            season_length=length,
            context=panel.tail(
                _context_rows(model, read, settings, length, length if seasonal else 1) + rows_to_spare(panel)
            ),
            reasons={"season_length": reason, "support": why, **getattr(model, "reasons", {})},
            support=support,
            fills_from_season=seasonal,
            calibration=calibration,
            learned_from=described(panel),
            fit_seconds=time.perf_counter() - wall,
            fit_cpu_seconds=time.process_time() - cpu + model.cpu_seconds_elsewhere,
        )

    @property
    def resolved(self) -> Settings:
        """Return the settings with nothing left open."""
        resolved: Settings = getattr(self.model, "resolved", self.settings)
        return replace(resolved, season_length=self.season_length, freq=self.context.grid.freq)

    @cached_property
    def dependence(self) -> Dependence:
        """Return the correlation of forecast errors over steps and series; it is learnt when paths are first drawn.

        It follows from the context alone, so that a saved model draws the paths of the one in memory.
        """
        return Dependence.of(self._prediction, self.context, self.settings.horizon, self.model.context)

    @property
    def curve(self) -> list[dict[str, float]]:
        """Return the learning curve, a row for each epoch; it is empty for models without one."""
        curve: list[dict[str, float]] = getattr(self.model, "history", [])
        return curve

    def predict(
        self,
        panel: Panel,
        origins: Origins,
        *,
        horizon: int | None = None,
        quantiles: tuple[float, ...] | None = None,
    ) -> Prediction:
        """Forecast the rows after each origin.

        Args:
            panel: the rows to read, on the grid of the training table.
            origins: n origins.
            horizon: steps to forecast; None takes those that the model was trained for. Where there are more, a series
                has at most one origin.
            quantiles: quantile levels in (0, 1); None takes those of the settings.

        Returns:
            (n, horizon) forecasts in units of the target, with (n, horizon, levels) quantiles where there are levels.

        Raises:
            ConfigError: if there is no step to forecast, or a point forecast has no quantiles.
            RunError: if a forecast is not finite.
        """
        if horizon is not None and horizon > self.settings.horizon:
            prediction = self._beyond(panel, origins, horizon, quantiles)
        else:
            prediction = self._narrowed(self._prediction(panel, origins), horizon, quantiles)
        return self._held(prediction, self.support.at(panel, origins))

    def beyond(self, horizon: int) -> str | None:
        """Say how steps beyond the trained horizon are forecast; None where there are none, or nothing is to be said."""
        trained = self.settings.horizon
        if horizon <= trained or (isinstance(self.model, GoesOn) and self.calibration is None):
            return None
        uncalibrated = "" if self.calibration is None else ", and are not calibrated"
        return (
            f"steps from {trained + 1} on lie beyond the {trained} that {self.settings.model} was trained for: they follow "
            f"block by block from its own medians{uncalibrated}"
        )

    def _prediction(self, panel: Panel, origins: Origins) -> Prediction:
        """Forecast with one truth, before the support is respected: at any levels, and not only at those asked for."""
        at = places_of_steps(panel, origins, self.model.horizon, self.season_length)
        panel, origins = self._read(panel, origins)
        if self.calibration is None:
            prediction = self.model.predict(panel, origins)
        else:  # which moves the series apart, and so what belongs together is put together again
            adjust = partial(self.calibration.adjust, self.model)
            prediction = transform_named(self.settings.transform).together(adjust, panel, origins)
        prediction = prediction if at is None else prediction.moved(at)
        prediction = prediction.coherent(mean=self.settings.point == "mean")
        not_finite = ~np.isfinite(prediction.point).all(axis=1)
        if not_finite.any():
            names = ", ".join(map(repr, panel.ids[np.unique(origins.series[not_finite])][:MAX_SERIES_NAMED]))
            raise RunError(f"the forecast of {names} is not finite", hint="Look at the series with `forecast check`.")
        return prediction

    def paths(self, panel: Panel, origins: Origins, samples: int, *, horizon: int | None = None) -> NDArray[np.float64]:
        """Draw whole futures whose steps and series are correlated as the model's errors were in the past.

        Args:
            panel: the rows to read.
            origins: n origins.
            samples: number of paths of each origin; the same `settings.seed` draws the same paths.
            horizon: steps to draw; None takes those that the model was trained for. Where there are more, a series has
                at most one origin.

        Returns:
            (n, horizon, samples) in units of the target.

        Raises:
            ConfigError: if the model has no paths, or `samples` is not a whole number of at least 1.
        """
        if not isinstance(samples, int) or samples < 1:
            problem = Problem(what=f"samples={samples!r}", expected="a whole number of at least 1")
            raise ConfigError("samples is not understood", problems=[problem])
        steps = self.settings.horizon if horizon is None else horizon
        if steps > self.settings.horizon and isinstance(self.model, GoesOn) and self.calibration is None:
            return self._extended(steps).paths(panel, origins, samples)
        paths = self._drawn(panel, origins, samples, steps)[:, :steps]
        paths = self.support.at(panel, origins).hold(paths)
        return transform_named(self.settings.transform).paths(paths, panel, origins)

    def _drawn(self, panel: Panel, origins: Origins, samples: int, steps: int) -> NDArray[np.float64]:
        """Draw futures of at least so many steps, before the support is respected."""
        if not self.model.uncertain:
            raise ConfigError("the model was not trained for uncertainty, so it has no paths", hint=TRAIN_FOR_QUANTILES)
        if isinstance(self.model, DrawsPaths) and steps <= self.settings.horizon:
            at = places_of_steps(panel, origins, self.model.horizon, self.season_length)
            paths = self.model.paths(*self._read(panel, origins), samples, self.settings.seed)
            return paths if at is None else np.take_along_axis(paths, at[:, :, None], axis=1)
        if steps <= self.settings.horizon:
            prediction, dependence = self._prediction(panel, origins), self.dependence
        else:
            levels = self.settings.quantiles or LEVELS_OF_PATHS
            prediction = continued(self._prediction, panel, origins, steps, levels)
            dependence = self.dependence.longer(steps)
        return dependence.draw(prediction, panel, origins, samples, self.settings.seed)

    def _extended(self, horizon: int) -> FittedModel:
        """The model with another horizon, where it forecasts step after step."""
        assert isinstance(self.model, GoesOn)
        return replace(self, model=self.model.extended(horizon), settings=replace(self.settings, horizon=horizon))

    def reads_the_future(self, panel: Panel) -> bool:
        """Return whether a forecast reads known-future covariates of the rows that it forecasts."""
        return bool(panel.numbers("known")) and architecture(self.settings.model).kind == "network"

    def last_origins(self, panel: Panel) -> Origins:
        """Return the newest origin of each series that can be forecast from the panel alone.

        It is the series' end, or a horizon before the end where the model reads covariates of the future.
        """
        back = self.settings.horizon if self.reads_the_future(panel) else 0
        return Origins(np.arange(panel.n_series), np.maximum(panel.indptr[1:] - back, panel.indptr[:-1] + 1))

    def _read(self, panel: Panel, origins: Origins) -> tuple[Panel, Origins]:
        """Return the panel as the model reads it, and the origins there."""
        clock = Clock.of(panel, rows_to_spare(panel) if self.reads_the_future(panel) else 0)
        if clock is not None:
            panel, origins = clock.panel, clock.origins(origins)
        if architecture(self.settings.model).kind != "network":
            return panel, origins
        return fill_missing(panel, self.season_length if self.fills_from_season else 1), origins

    def _beyond(self, panel: Panel, origins: Origins, steps: int, levels: tuple[float, ...] | None) -> Prediction:
        """Forecast more steps than the model was trained for, at levels that it can forecast."""
        if isinstance(self.model, GoesOn) and self.calibration is None:
            longer = self._extended(steps)
            return longer._narrowed(longer._prediction(panel, origins), None, levels)
        one = Origins(origins.series[:0], origins.end[:0])
        narrowed = self._narrowed(self._prediction(panel, one), None, levels)  # it refuses what cannot be forecast
        return continued(self._prediction, panel, origins, steps, narrowed.levels).at(narrowed.levels)

    def _held(self, prediction: Prediction, bounds: Bounds) -> Prediction:
        """Move a forecast to the nearest values that are possible; a mean between whole numbers may stay there."""
        point = bounds.hold(prediction.point, rounded=not prediction.is_mean)
        if prediction.quantiles is None:
            return replace(prediction, point=point)
        quantiles = bounds.hold(prediction.quantiles)
        if self.settings.point == "median":
            quantiles = bounds.beside(point, quantiles, np.array(prediction.levels) - MEDIAN)
        return Prediction(point, prediction.levels, quantiles, is_mean=prediction.is_mean)

    def _narrowed(self, prediction: Prediction, horizon: int | None, levels: tuple[float, ...] | None) -> Prediction:
        trained = self.settings.horizon
        steps = trained if horizon is None else horizon
        if steps < 1:
            raise ConfigError(f"horizon={steps} is no number of steps", hint="Forecast at least 1.")
        requested = self.settings.quantiles if levels is None else tuple(levels)
        problems = quantile_problems(requested)
        if problems:
            raise ConfigError("these are no quantile levels", problems=problems)
        if requested and not prediction.uncertain:
            problem = Problem(what=f"quantiles {list(requested)} of a point forecast", remedy=TRAIN_FOR_QUANTILES)
            raise ConfigError("the model was not trained for quantiles", problems=[problem])
        asked = requested or levels is not None  # who asks for no level gets none
        return (prediction.at(requested) if asked else prediction).steps(slice(steps))


class BehindTables(Protocol):
    """Whatever holds a fitted model and turns tables into panels; `Forecaster` does."""

    fitted_: FittedModel | None

    def panel(self, data: Any) -> Panel:
        """Validate a table."""
        ...


def fitted_of(forecaster: BehindTables) -> FittedModel:
    """Return the fitted model of a forecaster.

    Raises:
        ModelError: if it is not fitted yet.
    """
    if forecaster.fitted_ is None:
        raise ModelError("this Forecaster is not fitted", hint="Call fit first, or forecast.load a saved model.")
    return forecaster.fitted_


def shorter_than(panel: Panel, horizon: int) -> str | None:
    """Say that series are shorter than the horizon, if some are: nothing tells how wrong forecasts so far ahead are."""
    n = int((panel.lengths < horizon).sum())
    return f"{n} of {panel.n_series} series are shorter than the horizon of {horizon} steps" if n else None


def planned(panel: Panel, settings: Settings) -> tuple[Settings, dict[str, str]]:
    """Resolve the settings that fitting this panel would use, without training anything.

    Args:
        panel: the training rows.
        settings: the user's settings, some of them open ("auto").

    Returns:
        The settings with nothing left open, and for each that was open a sentence that says why it got its value.
    """
    clock = Clock.of(panel)
    read = panel if clock is None else clock.panel
    length, reason = season_length(read, settings.season_length)
    resolved, reasons = build(settings, length).plan(read)
    is_network = architecture(settings.model).kind == "network"
    reasons = {"season_length": reason, "support": support_of(settings, panel, is_network=is_network)[1], **reasons}
    return replace(resolved, season_length=length, freq=panel.grid.freq), reasons


def _fit_model(model: Saveable, panel: Panel, settings: Settings, length: int) -> Conformal | None:
    """Fit on all rows; where the quantiles are calibrated, fit on all but the newest rows and calibrate on those."""
    doing(f"fitting {settings.model}" if settings.calibrate == "none" else f"fitting and calibrating {settings.model}")
    if settings.calibrate == "none":
        model.fit(panel)
        return None
    if not settings.quantiles:
        problem = Problem(what="calibrate without quantiles", expected="quantiles=(0.1, 0.9), or others")
        raise ConfigError("there is nothing to calibrate", problems=[problem])
    adaptive = settings.calibrate == "adaptive"
    calibration = Conformal.fit(model, panel, settings.quantiles, length, adaptive=adaptive)
    if calibration is None:
        rows = f"at least {2 * settings.horizon + 4} rows in a series"
        problem = Problem(what="no series is long enough to calibrate on", expected=rows)
        raise ConfigError("the quantiles cannot be calibrated", problems=[problem], hint="Leave out calibrate.")
    return calibration


def _context_rows(
    model: Saveable, panel: Panel, settings: Settings, length: int, filled_from: int
) -> NDArray[np.int64]:
    """Count each series' newest rows that a forecast, its calibration and its paths read, and that fill gaps in them.

    Args:
        model: the fitted model.
        panel: the training rows as the model reads them.
        settings: the user's settings.
        length: rows in a season.
        filled_from: rows in the season that missing rows are filled from; 1 where none is.
    """
    rows = model.context
    if rows is None:
        return panel.lengths
    if settings.calibrate != "none":
        rows = max(rows, MAX_SCALE_ROWS + length)  # the scale of errors is measured there
    if model.uncertain and not isinstance(model, DrawsPaths):
        rows += PAST_HORIZONS * settings.horizon  # paths hang together as the forecasts made there did
    if settings.calibrate == "adaptive":
        rows += HORIZONS_LOOKED_BACK * settings.horizon  # it scores the forecasts made there
    return rows_that_fill(panel, rows, filled_from)
