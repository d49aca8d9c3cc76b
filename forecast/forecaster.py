"""The front door for notebooks: fit, predict, evaluate, save, with scikit-learn's manners."""

from __future__ import annotations

import inspect
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.architectures import Saveable, architecture, build, register, with_defaults
from forecast.datasets.errors import ConfigError, DataError, ModelError, Problem, RunError
from forecast.datasets.panel import Panel
from forecast.datasets.profile import season_length
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.result import path_table, result_table
from forecast.datasets.tables.schema import panel_from_table, pd_frame
from forecast.datasets.windows.future import with_future
from forecast.datasets.windows.origins import Origins
from forecast.models.transforms import transform_named
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.roles import columns
from forecast.settings import Settings, quantile_problems
from forecast.uncertainty.conformal import BLOCKS, SCALE_ROWS, Conformal
from forecast.uncertainty.paths import Dependence

if TYPE_CHECKING:
    import pandas as pd

    from forecast.evaluation.result import Evaluation
    from forecast.tracking.run import Run


class Forecaster:
    """A forecaster of many series at once.

    Args:
        horizon: steps to forecast.
        **settings: any field of `Settings`, by keyword. `model` may also be a class of your own, a
            `torch.nn.Module` made from (input size, hidden size) that maps (batch, time, input) to
            (batch, time, hidden); `forecast.load(dir, cells={"MyCell": MyCell})` brings it back.

    Attributes:
        settings: what was asked for.
        resolved_: the settings with nothing left open, once fitted.
        reasons_: why each open setting got its value.
        history_: the learning curve, one row an epoch (empty for baselines).
        model_: the fitted model.
        season_length_: steps in a season.
        notes_: what was found in the table and left as it is.
        fit_seconds_, fit_cpu_seconds_: what fitting cost.
        run_id_: MLflow run of the fit, None without tracking.

    Example:
        >>> model = Forecaster(12, model="gru", seed=0).fit(df)  # doctest: +SKIP
        >>> model.predict()  # doctest: +SKIP
    """

    def __init__(self, horizon: int, **settings: Any) -> None:
        model = settings.get("model", "auto")
        if isinstance(model, type):
            register({model.__name__: model})
            settings["model"] = model.__name__
        self._given = {"horizon": horizon, **settings}
        self.settings = Settings.of(with_defaults(self._given))
        self.model_: Saveable | None = None
        self.run_id_: str | None = None
        self._context: Panel | None = None
        self.calibration_: Conformal | None = None
        self.dependence_: Dependence | None = None

    @classmethod
    def of(cls, settings: Settings) -> Forecaster:
        """A forecaster with these settings."""
        return cls(**{name: getattr(settings, name) for name in Settings.names()})

    # -- scikit-learn's manners ------------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings as they were given, defaults included."""
        return {name: self._given.get(name, getattr(self.settings, name)) for name in Settings.names()}

    def set_params(self, **params: Any) -> Forecaster:
        """Change settings; what was fitted is forgotten."""
        self.__init__(**{**self._given, **params})  # type: ignore[misc]  # sklearn's contract: as if made anew
        return self

    def __repr__(self) -> str:
        rest = ", ".join(f"{k}={v!r}" for k, v in self._given.items() if k != "horizon")
        return f"Forecaster({self.settings.horizon}{', ' + rest if rest else ''})"

    def __sklearn_is_fitted__(self) -> bool:
        return self.model_ is not None

    # -- work ------------------------------------------------------------------------------------------------------

    def fit(self, data: Any, *, progress: Progress | None = None, source: str | None = None) -> Forecaster:
        """Learn from a table.

        Args:
            data: a long or wide frame, a Series with a time index, or anything narwhals reads.
            progress: told of each step; None shows a bar on a terminal.
            source: where the data came from, for the tracked run.

        Returns:
            self.

        Raises:
            DataError: with every problem of the table at once.
            ConfigError: where settings and data do not fit together.
            RunError: if training diverges.
        """
        from forecast.progress import progress_for
        from forecast.tracking import open_fit

        panel = self.panel(data)
        with open_fit(self.settings) as run:
            self.fit_panel(panel, progress=progress if progress is not None else progress_for(), run=run)
            run.record_fit(self, panel, source)
            self.run_id_ = run.run_id
        return self

    def fit_panel(self, panel: Panel, *, progress: Progress | None = None, run: Run | None = None) -> None:
        """Learn from a validated panel; the part of `fit` that backtests repeat."""
        length, reason = season_length(panel, self.settings.season_length)
        logger = run.logger() if run is not None else None
        model = build(self.settings, length, progress=progress, logger=logger)
        if architecture(self.settings.model).kind == "network":
            import_module("forecast.training.loop")  # before the clocks start: to load Lightning is not to fit
        wall, cpu = time.perf_counter(), time.process_time()
        calibration = None
        if self.settings.calibrate == "none":
            model.fit(panel)
        else:
            calibration = self._calibrated(model, panel, length)
        dependence = Dependence.of(model, panel) if model.uncertain and not hasattr(model, "paths") else None
        self.fit_seconds_, self.fit_cpu_seconds_ = time.perf_counter() - wall, time.process_time() - cpu
        self._remember(model, panel, length)
        self.calibration_, self.dependence_ = calibration, dependence
        self.reasons_ = {"season_length": reason, **getattr(model, "reasons", {})}

    def plan(self, data: Any) -> pd.DataFrame:
        """What fitting this table would use: a row a setting, with its value and why; nothing is trained."""
        import pandas as pd

        panel = self.panel(data)
        length, reason = season_length(panel, self.settings.season_length)
        model = build(self.settings, length)
        resolved, reasons = model.plan(panel)
        resolved = replace(resolved, season_length=length, freq=panel.grid.freq)
        why = {"season_length": reason, **reasons}
        rows = [(name, getattr(resolved, name), why.get(name, "")) for name in Settings.names()]
        return pd.DataFrame(rows, columns=["setting", "value", "reason"])

    def predict(
        self,
        data: Any = None,
        *,
        future: Any = None,
        horizon: int | None = None,
        quantiles: tuple[float, ...] | None = None,
        samples: int | None = None,
    ) -> pd.DataFrame:
        """Forecast the steps after the last row of every series.

        Args:
            data: newer rows, or other series, in the shape of the training table; None forecasts from the rows the
                model was fitted on.
            future: ids, times and the known covariates over the horizon; None where `data` ends with rows that have
                them but no target.
            horizon: fewer steps than the model was trained for.
            quantiles: levels in (0, 1); exact from a distribution or where trained, interpolated elsewhere. None
                takes those the model was trained for.

            samples: draw so many paths instead: whole futures with the quantiles of every step, whose steps (and
                series) go together as the model's errors did in the past. The same seed draws the same paths.

        Returns:
            Columns as in the training table (id, time), then `forecast` and one column a quantile (`q10`); of paths,
            id, time, `sample` from 0 and `forecast`, which `forecast.aggregate` adds up.
        """
        self._fitted()
        panel, origins = self.newest(data, future)
        if samples is not None:
            return self._paths(panel, origins, horizon, samples)
        prediction = self._narrow(self.predict_panel(panel, origins), horizon, quantiles)
        return result_table(panel, origins, prediction.point, prediction.quantiles, prediction.levels)

    def _paths(self, panel: Panel, origins: Origins, horizon: int | None, samples: int) -> pd.DataFrame:
        if not isinstance(samples, int) or samples < 1:
            problem = Problem(what=f"samples={samples!r}", expected="a whole number of at least 1")
            raise ConfigError("samples is not understood", problems=[problem])
        own = getattr(self._fitted(), "paths", None)  # a recursive model draws whole futures itself
        if own is not None:
            paths = own(panel, origins, samples, self.settings.seed)
        elif self.dependence_ is not None:
            prediction = self.predict_panel(panel, origins)
            paths = self.dependence_.draw(prediction, origins.series, samples, self.settings.seed)
        else:
            remedy = "Fit again with quantiles= (--quantiles) or a distribution as head."
            raise ConfigError("the model was not trained for uncertainty, so it has no paths", hint=remedy)
        paths = transform_named(self.settings.transform).paths(paths, panel, origins)
        return path_table(panel, origins, paths[:, : horizon or self.settings.horizon])

    def newest(self, data: Any = None, future: Any = None) -> tuple[Panel, Origins]:
        """The panel to read and the origins to forecast from; arguments as of `predict`."""
        horizon = self.settings.horizon
        if architecture(self.settings.model).cold:
            return self._cold(data, future, horizon)
        panel = self.context if data is None else self.panel(data)
        reads = self._reads_the_future(panel)
        if future is not None and not reads:
            raise ConfigError("future is given, but the model knows no covariates", hint="Leave out future (--future).")
        return with_future(panel, future, horizon) if reads else (panel, Origins.last(panel))

    def last_scorable(self, panel: Panel) -> Origins:
        """The newest origins that can be forecast from the panel alone: its end, or a horizon before it where the
        model reads covariates of the future."""
        back = self.settings.horizon if self._reads_the_future(panel) else 0
        return Origins(np.arange(panel.n_series), np.maximum(panel.indptr[1:] - back, panel.indptr[:-1] + 1))

    def _reads_the_future(self, panel: Panel) -> bool:
        return bool(panel.numbers("known")) and architecture(self.settings.model).kind == "network"

    def _cold(self, data: Any, future: Any, horizon: int) -> tuple[Panel, Origins]:
        """Series without a history: the rows to forecast, with what is known of them."""
        table = future if future is not None else data
        if table is None:
            hint = "Pass future= (--future): ids, times, and the known and static covariates of the rows to forecast."
            raise ConfigError("a model of new series needs to know what to forecast", hint=hint)
        roles, fmt = columns(self.settings), self.context.format
        roles = replace(roles, id=roles.id or fmt.id, time=roles.time or fmt.time, target=fmt.target)
        rows = panel_from_table(pd_frame(table).assign(**{fmt.target: 0.0}), roles, grid=self.context.grid)
        short = np.flatnonzero(rows.lengths < horizon)
        if len(short):
            problems = [
                Problem(series=str(rows.ids[k]), what=f"{rows.lengths[k]} rows", expected=f"the horizon, {horizon}")
                for k in short
            ]
            raise DataError("there are not enough rows to forecast", problems=problems)
        rows = replace(rows, format=replace(rows.format, target=fmt.target))
        return rows, Origins(np.arange(rows.n_series), rows.indptr[:-1].copy())

    def predict_panel(self, panel: Panel, origins: Origins) -> Prediction:
        """Forecast at origins of a validated panel.

        Raises:
            RunError: if a forecast is not finite.
        """
        model = self._fitted()
        calibrated = self.calibration_
        prediction = model.predict(panel, origins) if calibrated is None else calibrated.adjust(model, panel, origins)
        bad = ~np.isfinite(prediction.point).all(axis=1)
        if bad.any():
            names = ", ".join(map(repr, panel.ids[np.unique(origins.series[bad])][:5]))
            raise RunError(f"the forecast of {names} is not finite", hint="Look at the series with `forecast check`.")
        return prediction

    def evaluate(self, data: Any, *, cutoffs: int = 1, **options: Any) -> Evaluation:
        """Backtest these settings on rolling origins; see `forecast.evaluate` for the options.

        The recipe is tested, not the fitted weights: a fresh copy is fitted before the first cutoff.
        """
        from forecast.evaluation.backtest import evaluate

        return evaluate(data, self.settings.horizon, models=Forecaster.of(self.settings), cutoffs=cutoffs, **options)

    def panel(self, data: Any) -> Panel:
        """Validate a table; once fitted, it must be like the training table."""
        if self._context is None:
            return panel_from_table(data, columns(self.settings), freq=self.settings.freq)
        roles = _as_trained(columns(self.settings), self._context, data)
        return panel_from_table(data, roles, freq=self.settings.freq, grid=self._context.grid)

    # -- state -----------------------------------------------------------------------------------------------------

    @property
    def context(self) -> Panel:
        """The newest training rows, as many as a forecast reads."""
        self._fitted()
        assert self._context is not None
        return self._context

    @property
    def resolved_(self) -> Settings:
        """The settings with nothing left open."""
        resolved: Settings = getattr(self._fitted(), "resolved", self.settings)
        return replace(resolved, season_length=self.season_length_, freq=self.context.grid.freq)

    @property
    def history_(self) -> pd.DataFrame:
        """The learning curve: epoch, step, train_loss, val_loss, learning_rate, seconds."""
        import pandas as pd

        return pd.DataFrame(getattr(self._fitted(), "history", []))

    @property
    def notes_(self) -> tuple[str, ...]:
        """What was found in the training table and left as it is."""
        return self.context.notes

    def save(self, directory: str | Path, *, overwrite: bool = False) -> Path:
        """Write a model directory: JSON, safetensors and Parquet, no pickle.

        Raises:
            ModelError: if the directory exists and `overwrite` is False.
        """
        from forecast.storage.saving import save

        return save(self, Path(directory), overwrite=overwrite)

    def _remember(self, model: Saveable, panel: Panel, length: int) -> None:
        self.model_, self.season_length_ = model, length
        rows = model.context
        if rows is not None and self.settings.calibrate != "none":
            rows = max(rows, SCALE_ROWS + length)  # errors are measured in what the history varies by
        if rows is not None and self.settings.calibrate == "adaptive":
            rows += BLOCKS * self.settings.horizon  # it looks back on its own forecasts
        self._context = panel.tail(rows) if rows is not None else panel
        self.run_id_ = None

    def _calibrated(self, model: Saveable, panel: Panel, length: int) -> Conformal:
        """Fit on all but the newest rows, which calibrate."""
        levels = self.settings.quantiles
        if not levels:
            problem = Problem(what="calibrate without quantiles", expected="quantiles=(0.1, 0.9), or others")
            raise ConfigError("there is nothing to calibrate", problems=[problem])
        found = Conformal.fit(model, panel, levels, length, adaptive=self.settings.calibrate == "adaptive")
        if found is None:
            rows = f"at least {2 * self.settings.horizon + 4} rows in a series"
            problem = Problem(what="no series is long enough to calibrate on", expected=rows)
            raise ConfigError("the quantiles cannot be calibrated", problems=[problem], hint="Leave out calibrate.")
        return found

    def _fitted(self) -> Saveable:
        if self.model_ is None:
            raise ModelError("this Forecaster is not fitted", hint="Call fit first, or forecast.load a saved model.")
        return self.model_

    def _narrow(self, prediction: Prediction, horizon: int | None, levels: tuple[float, ...] | None) -> Prediction:
        trained = self.settings.horizon
        steps = trained if horizon is None else horizon
        if not 1 <= steps <= trained:
            raise ConfigError(
                f"horizon={steps} is outside 1 to {trained}, which the model was trained for", hint="Fit again."
            )
        wanted = self.settings.quantiles if levels is None else tuple(levels)
        bad = quantile_problems(wanted)
        if bad:
            raise ConfigError("these are no quantile levels", problems=bad)
        if wanted and not prediction.uncertain:
            remedy = "Fit again with quantiles= (--quantiles) or a distribution as head."
            problem = Problem(what=f"quantiles {list(wanted)} of a point forecast", remedy=remedy)
            raise ConfigError("the model was not trained for quantiles", problems=[problem])
        return (prediction.at(wanted) if wanted else prediction).steps(slice(steps))


def _as_trained(roles: Columns, context: Panel, data: Any) -> Columns:
    """Columns that nobody named go by the names they had in the training table, where the new one has them."""
    names, trained = set(map(str, getattr(data, "columns", ()))), context.format
    found = {role: getattr(trained, role) for role in ("id", "time", "target") if getattr(roles, role) is None}
    return replace(roles, **{role: name for role, name in found.items() if name in names})


def _signature() -> inspect.Signature:
    """The constructor's signature spelled out from `Settings`, so that help() and notebooks show every keyword."""
    kinds = inspect.Parameter
    fields = inspect.signature(Settings).parameters.values()
    first = [kinds("self", kinds.POSITIONAL_OR_KEYWORD), kinds("horizon", kinds.POSITIONAL_OR_KEYWORD, annotation=int)]
    return inspect.Signature([*first, *(f for f in fields if f.name != "horizon")])


Forecaster.__init__.__signature__ = _signature()  # type: ignore[attr-defined]  # functions take attributes
